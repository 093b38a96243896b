import fs from 'node:fs/promises';
import path from 'node:path';
import { safeStorage } from 'electron';

/**
 * Whether this machine's password store can keep our key. `basic_text` is Chromium's fixed password: as good as none.
 * Call after `ready`.
 */
export async function secretStoreKind(): Promise<'system' | 'none'> {
  // the asynchronous calls came with Electron 45, the backend's name with 26
  const available = await (safeStorage.isAsyncEncryptionAvailable?.() ?? safeStorage.isEncryptionAvailable());
  const backend = process.platform === 'linux' ? safeStorage.getSelectedStorageBackend?.() : undefined;
  return available && backend !== 'basic_text' ? 'system' : 'none';
}

const encrypt = async (text: string): Promise<Buffer> =>
  (await safeStorage.encryptStringAsync?.(text)) ?? safeStorage.encryptString(text);

const decrypt = async (blob: Buffer): Promise<string> =>
  (await safeStorage.decryptStringAsync?.(blob))?.result ?? safeStorage.decryptString(blob);

/**
 * Secrets of one profile: a file of blobs that only the operating system's password store can open. Writes are one at
 * a time and whole (written beside, synced, renamed).
 */
export class SecretFile {
  readonly #file: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#file = path.join(folder, 'secrets.json');
  }

  async read(key: string): Promise<string | undefined> {
    await this.#last;
    const blob = (await this.#load())[key];
    return blob === undefined ? undefined : decrypt(Buffer.from(blob, 'base64'));
  }

  write(key: string, value: string): Promise<void> {
    return this.#change(async (blobs) => {
      blobs[key] = (await encrypt(value)).toString('base64');
    });
  }

  delete(key: string): Promise<void> {
    return this.#change(async (blobs) => {
      delete blobs[key];
    });
  }

  #change(change: (blobs: Record<string, string>) => Promise<void>): Promise<void> {
    const turn = this.#last.then(async () => {
      const blobs = await this.#load();
      await change(blobs);
      const beside = `${this.#file}.new`;
      const handle = await fs.open(beside, 'w', 0o600);
      try {
        await handle.writeFile(JSON.stringify(blobs));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await fs.rename(beside, this.#file);
    });
    this.#last = turn.catch(() => undefined); // the caller is told; the next turn must not be
    return turn;
  }

  async #load(): Promise<Record<string, string>> {
    try {
      return JSON.parse(await fs.readFile(this.#file, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw error; // unreadable is not empty: a new key must never replace one that is only out of reach
    }
  }
}
