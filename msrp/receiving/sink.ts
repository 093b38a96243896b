import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { MsrpError, storageError } from '../errors.ts';
import { BlockPools } from '../sending/block-pools.ts';

/**
 * Where incoming bytes go. `write` may be called out of order, and again before an earlier promise has resolved; later
 * bytes for the same place replace earlier ones. `data` is only valid until the returned promise resolves, or until the
 * return when there is none. A returned promise is back-pressure.
 */
export interface ByteSink {
  /**
   * Where it is true the bytes are the sink's own as soon as `write` returns, whatever becomes of them: what `write`
   * returns is back-pressure and no more, and may be the same promise many times.
   */
  readonly copies?: boolean;
  write(data: Uint8Array, position: number): void | Promise<void>;
  /** All bytes have been written: the message is whole once this resolves. */
  close(): Promise<void>;
  /** No more will come, and what came is not all. */
  abort(cause: Error): Promise<void>;
}

/** Keeps a message in memory, up to a limit in bytes. */
export class MemorySink implements ByteSink {
  readonly #limit: number;
  #bytes = Buffer.alloc(0);
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What has come; bytes not received yet are zero. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The same as text. */
  get text(): string {
    return this.#bytes.toString('utf8', 0, this.#length);
  }

  /** @throws MsrpError `too-big` */
  write(data: Uint8Array, position: number): void {
    const end = position + data.length;
    if (end > this.#limit) throw new MsrpError('too-big', `More than ${this.#limit} bytes`, { status: 413 });
    if (end > this.#bytes.length) {
      const larger = Buffer.alloc(Math.min(this.#limit, Math.max(end, this.#bytes.length * 2)));
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    this.#bytes.set(data, position);
    this.#length = Math.max(this.#length, end);
  }

  async close(): Promise<void> {}

  async abort(): Promise<void> {
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
  }
}

/**
 * Where bytes are gathered before the disk is bothered: much for a few files at once, less for each the more there are.
 * All sinks share it, as memory that is given back and asked for anew is soon in pieces too small for the next.
 */
const STAGING = new BlockPools([
  { size: 1_048_576, kept: 4, upTo: 4 },
  { size: 262_144, kept: 8, upTo: 32 },
  { size: 65_536, kept: 16, upTo: Number.POSITIVE_INFINITY },
]);
/** Staging buffers on their way to the disk before the socket has to wait. */
const MOST_QUEUED = 2;

/** A promise that is given to all who wait for the same. */
interface Waiting {
  readonly promise: Promise<void>;
  settle(error: MsrpError | undefined): void;
}

/**
 * Writes a message to a file. Chunks are gathered in memory first, so small ones cost little; at most a few megabytes
 * are on their way to the disk at any time.
 */
export class FileSink implements ByteSink {
  readonly copies = true;
  readonly #file: FileHandle;
  readonly #loan = STAGING.lend();
  #staging: Buffer | undefined;
  #start = 0;
  #filled = 0;
  /** Writes follow each other, so that of two to one place the later wins. */
  #writing: Promise<void> = Promise.resolve();
  #queued = 0;
  #room: Waiting | undefined;
  #error: MsrpError | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * Opens a file for receiving: a new one, or an existing one that is to be gone on with.
   *
   * @throws MsrpError `storage-denied`, `disk-full`, `storage-failed`
   * @example accept: async () => ({ sink: await FileSink.open('thesis.pdf.part'), size: 243_809_310, ended })
   */
  static async open(path: string, options: { readonly resume?: boolean } = {}): Promise<FileSink> {
    try {
      return new FileSink(await open(path, options.resume === true ? 'r+' : 'w'));
    } catch (error) {
      throw storageError(error);
    }
  }

  write(data: Uint8Array, position: number): undefined | Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    let taken = 0;
    while (taken < data.length) {
      if (this.#staging !== undefined && position + taken !== this.#start + this.#filled) this.#flush();
      if (this.#staging === undefined) {
        this.#staging = this.#loan.pool.take();
        this.#start = position + taken;
      }
      const length = Math.min(data.length - taken, this.#staging.length - this.#filled);
      this.#staging.set(length === data.length ? data : data.subarray(taken, taken + length), this.#filled);
      this.#filled += length;
      taken += length;
      if (this.#filled === this.#staging.length) this.#flush();
    }
    if (this.#queued < MOST_QUEUED) return undefined;
    this.#room ??= waiting();
    return this.#room.promise;
  }

  async close(): Promise<void> {
    this.#flush();
    await this.#writing;
    this.#loan.giveBack();
    try {
      await this.#file.close();
    } catch (error) {
      this.#error ??= storageError(error);
    }
    if (this.#error !== undefined) throw this.#error;
  }

  /** What came is written all the same: it may be gone on with. */
  async abort(): Promise<void> {
    await this.close().catch(() => undefined);
  }

  #flush(): void {
    const staging = this.#staging;
    const length = this.#filled;
    const start = this.#start;
    this.#staging = undefined;
    this.#filled = 0;
    if (staging === undefined || length === 0) return;
    this.#queued++;
    this.#writing = this.#writing.then(async () => {
      try {
        for (let done = 0; done < length && this.#error === undefined; ) {
          done += (await this.#file.write(staging, done, length - done, start + done)).bytesWritten;
        }
      } catch (error) {
        this.#error ??= storageError(error);
      }
      this.#loan.pool.give(staging);
      this.#queued--;
      if (this.#queued >= MOST_QUEUED && this.#error === undefined) return;
      this.#room?.settle(this.#error);
      this.#room = undefined;
    });
  }
}

function waiting(): Waiting {
  let settle: Waiting['settle'] = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  return { promise, settle };
}

/**
 * Hands a message on to a stream as it comes. A stream cannot go back, so a message whose chunks come out of order fails
 * with `storage-failed`; relays may bring that about, direct connections do not (RFC 4975 §7.1.1).
 *
 * @example accept: () => ({ sink: streamSink(zlib.createGunzip()) })
 */
export function streamSink(stream: Writable): ByteSink {
  let next = 0;
  let fault: Error | undefined;
  stream.on('error', (error) => {
    fault = error;
  });
  return {
    write(data, position) {
      if (fault !== undefined) throw fault;
      if (position !== next) throw new MsrpError('storage-failed', 'Bytes out of order for a stream');
      next += data.length;
      // the stream keeps what it is given, and the memory is only lent
      if (stream.write(Buffer.from(data))) return undefined;
      return new Promise((resolve, reject) => {
        const settle = () => {
          stream.removeListener('drain', settle).removeListener('close', settle);
          if (fault === undefined) resolve();
          else reject(fault);
        };
        stream.on('drain', settle).on('close', settle);
      });
    },
    close: () =>
      new Promise((resolve, reject) => {
        if (fault !== undefined) reject(fault);
        else stream.end(() => (fault === undefined ? resolve() : reject(fault)));
        stream.once('error', reject);
      }),
    async abort(cause) {
      stream.destroy(cause);
    },
  };
}
