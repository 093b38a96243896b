import fs from 'node:fs/promises';
import { type ByteSource, ProviderError } from '../../../../protocols/contract/index.ts';
import { diskError } from './disk-error.ts';

/** What tells one content of a file from another without reading it. Texts where a number would lose digits. */
export interface SourceStamp {
  size: number;
  modifiedNs: string;
  inode: string;
  device: string;
}

/** How many bytes may be read before the file is looked at again. */
const CHECK_EVERY = 8 * 1024 * 1024;

/** The stamp of a plain file. Rejects with `source-missing`, `permission-denied`, or `unreadable` for all that is no file. */
export async function stampOf(path: string): Promise<SourceStamp> {
  try {
    const stat = await fs.stat(path, { bigint: true });
    // a pipe or a device has no size and may never end
    if (!stat.isFile()) throw new ProviderError('unreadable', { detail: 'not a plain file' });
    return {
      size: Number(stat.size),
      modifiedNs: String(stat.mtimeNs),
      inode: String(stat.ino),
      device: String(stat.dev),
    };
  } catch (cause) {
    throw diskError('source', cause);
  }
}

export const sameStamp = (a: SourceStamp, b: SourceStamp): boolean =>
  a.size === b.size && a.modifiedNs === b.modifiedNs && a.inode === b.inode && a.device === b.device;

/**
 * A file on its way out: read by position, never more of it in memory than the caller's buffer. While it is read it must
 * stay what it was when its stamp was taken; the last bytes are only given out after one more look.
 *
 * Errors: `source-changed`, `source-missing`, `permission-denied`, `unreadable`.
 *
 * @example const source = await FileSource.open('/home/ana/report.pdf', await stampOf('/home/ana/report.pdf'));
 */
export class FileSource implements ByteSource {
  readonly size: number;
  readonly #path: string;
  readonly #stamp: SourceStamp;
  readonly #handle: fs.FileHandle;
  #unchecked = 0;
  #closed: Promise<void> | undefined;

  private constructor(path: string, stamp: SourceStamp, handle: fs.FileHandle) {
    this.#path = path;
    this.#stamp = stamp;
    this.#handle = handle;
    this.size = stamp.size;
  }

  static async open(path: string, stamp: SourceStamp): Promise<FileSource> {
    // looked at before it is opened: opening a pipe would wait for its other end
    if (!sameStamp(await stampOf(path), stamp)) throw new ProviderError('source-changed');
    try {
      return new FileSource(path, stamp, await fs.open(path, 'r'));
    } catch (cause) {
      throw diskError('source', cause);
    }
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const wanted = Math.max(0, Math.min(buffer.length, this.size - position));
    let filled = 0;
    try {
      while (filled < wanted) {
        const { bytesRead } = await this.#handle.read(buffer, filled, wanted - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
    } catch (cause) {
      throw diskError('source', cause);
    }
    this.#unchecked += filled;
    if (filled < wanted || position + filled >= this.size || this.#unchecked >= CHECK_EVERY) {
      this.#unchecked = 0;
      if (!sameStamp(await stampOf(this.#path), this.#stamp) || filled < wanted) {
        throw new ProviderError('source-changed');
      }
    }
    return filled;
  }

  close(): Promise<void> {
    this.#closed ??= this.#handle.close().catch(() => {
      // nothing was written: there is nothing to lose, and nobody to tell
    });
    return this.#closed;
  }
}
