import { mkdir, open, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { diskError } from '../files/disk-error.ts';

/**
 * Things that were offered without being a file, such as a pasted picture: kept as files of ours, one folder each, named
 * by the transfer, until the transfer is over.
 */
export class OutgoingCopies {
  readonly #folder: string;

  constructor(profileFolder: string) {
    this.#folder = path.join(profileFolder, 'outgoing');
  }

  /** On the disk itself when it resolves to the path. Rejects with `no-space`, `permission-denied`, … */
  async keep(transferId: string, name: string, data: Uint8Array): Promise<string> {
    const folder = path.join(this.#folder, transferId);
    try {
      await mkdir(folder, { recursive: true });
      const file = path.join(folder, name);
      const handle = await open(file, 'wx');
      try {
        await handle.writeFile(data);
        await handle.sync();
      } finally {
        await handle.close();
      }
      return file;
    } catch (cause) {
      await this.remove(transferId);
      throw diskError('target', cause);
    }
  }

  /** Never rejects: what cannot be deleted now is deleted at the next start. */
  async remove(transferId: string): Promise<void> {
    await rm(path.join(this.#folder, transferId), { recursive: true, force: true }).catch(() => {});
  }

  /** Deletes what belongs to no transfer any more. */
  async removeAllBut(transferIds: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    await Promise.all(names.filter((name) => !transferIds.has(name)).map((name) => this.remove(name)));
  }
}
