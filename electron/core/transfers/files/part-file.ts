import fs from 'node:fs/promises';
import path from 'node:path';
import { type ByteSink, type FileHash, ProviderError } from '../../../../protocols/contract/index.ts';
import { type ByteRange, ByteRanges } from './byte-ranges.ts';
import { diskError, errnoOf } from './disk-error.ts';
import { markDownloaded } from './download-mark.ts';
import { stampOf } from './file-source.ts';
import { strongestHash } from './hash/file-hash.ts';
import { FollowingHash } from './hash/following-hash.ts';
import { makeFolder, openPart, type PartBook, placeFile } from './place-file.ts';

/** Small writes are gathered to this much before they go to the disk, and the first ones to as much as is there already. */
const BLOCK = 256 * 1024;
/** So much may wait for the disk before the sender is held, and so little again before it goes on. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = 512 * 1024;
/** After so much the disk itself is asked to write, while more comes: little is left for the end. */
const SYNC_EVERY = 32 * 1024 * 1024;
/** A peer that leaves more holes than this does not send a file: it fills our memory. */
const MAXIMUM_RUNS = 4096;

export interface PartFacts {
  /** Undefined when the offer did not say: then `ceiling` alone limits it. */
  size: number | undefined;
  hashes: readonly FileHash[];
  /** The most that is taken of a file whose size nobody said. */
  ceiling: number;
}

/**
 * A file that is coming in, under its wished name and `.part`. Writes may come in any order; they are gathered into
 * blocks, and a returned promise holds the sender while the disk is behind. A thread reads and hashes behind them.
 * Nothing has the final name before `finish` has found it whole.
 *
 * Errors: `size-mismatch` (more or less than offered), `too-big` (over the ceiling), `hash-mismatch`, `no-space`,
 * `permission-denied`, `name-refused`, `malformed` (thousands of holes), `cancelled` (by the signal, or after `abort`).
 *
 * ```
 * open --close--> closed --finish--> placed
 *   \               |  \
 *    +---- abort ---+   +-- a failed check: stays closed, to be discarded
 * ```
 */
export class PartFile implements ByteSink {
  readonly path: string;
  readonly #facts: PartFacts;
  readonly #handle: fs.FileHandle;
  /** Handed over by the sender. */
  readonly #taken: ByteRanges;
  /** Handed over to the system: survives a crash of ours. */
  readonly #written: ByteRanges;
  readonly #expected: FileHash | undefined;
  /** Behind the bytes that are there from the first on. */
  #hash: FollowingHash | undefined;
  /** Some bytes came twice: what was hashed of them may not be there any more. */
  #rewritten = false;
  /** Called whenever more has been handed over to the system. */
  onWritten: () => void = () => {};
  readonly #free: Buffer[] = [];
  #block: Buffer | undefined;
  #blockStart = 0;
  #used = 0;
  #queued = 0;
  /** Bytes that were given to the disk since the part was opened. */
  #flushed = 0;
  #unsynchronised = 0;
  #synchronising: Promise<void> | undefined;
  /** Lets the sender go on. */
  #release: (() => void) | undefined;
  #held: Promise<void> | undefined;
  #tail: Promise<void> = Promise.resolve();
  #failure: ProviderError | undefined;
  #aborted = false;
  #closed: Promise<void> | undefined;

  private constructor(path: string, handle: fs.FileHandle, facts: PartFacts, runs: readonly ByteRange[]) {
    this.path = path;
    this.#handle = handle;
    this.#facts = facts;
    this.#taken = new ByteRanges(runs);
    this.#written = new ByteRanges(runs);
    this.#expected = strongestHash(facts.hashes);
  }

  /** A new part in `folder`, which is made when it is not there. */
  static async create(folder: string, name: string, facts: PartFacts, book?: PartBook): Promise<PartFile> {
    try {
      await makeFolder(folder);
      const { path: part, handle } = await openPart(folder, name, book);
      return new PartFile(part, handle, facts, []);
    } catch (cause) {
      throw diskError('target', cause);
    }
  }

  /** A part of an earlier attempt; undefined when it is not there any more, or is not what was noted of it. */
  static async reopen(part: string, prefix: number, facts: PartFacts): Promise<PartFile | undefined> {
    let handle: fs.FileHandle | undefined;
    try {
      if (!(await fs.lstat(part)).isFile()) return undefined;
      handle = await fs.open(part, 'r+');
      if ((await handle.stat()).size >= prefix) {
        await handle.truncate(prefix);
        return new PartFile(part, handle, facts, prefix > 0 ? [[0, prefix]] : []);
      }
    } catch {
      // gone, or not ours any more: the whole file is asked for instead
    }
    await handle?.close();
    return undefined;
  }

  /** Bytes that were taken, each counted once. */
  get bytes(): number {
    return this.#taken.covered;
  }

  /** What is with the system, so that it outlives us. */
  get runs(): readonly ByteRange[] {
    return this.#written.runs;
  }

  /** Where the sender has to begin: all before it is here. */
  get prefix(): number {
    return this.#written.prefix;
  }

  /** What went wrong with the disk or with the sender, if anything did: closer to the cause than what follows from it. */
  get failure(): ProviderError | undefined {
    return this.#failure;
  }

  write(data: Uint8Array, position: number): void | Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#closed) return Promise.reject(new ProviderError('cancelled'));
    const limit = this.#facts.size ?? this.#facts.ceiling;
    const end = position + data.length;
    if (!Number.isSafeInteger(position) || position < 0 || end > limit) {
      return this.#fail(new ProviderError(this.#facts.size === undefined ? 'too-big' : 'size-mismatch'));
    }
    if (data.length === 0) return;
    const { covered } = this.#taken;
    this.#taken.add(position, end);
    if (this.#taken.covered < covered + data.length) this.#rewritten = true;
    if (this.#taken.runs.length > MAXIMUM_RUNS) return this.#fail(new ProviderError('malformed'));
    this.#gather(data, position);
    if (this.#queued < HIGH_WATER) return;
    return this.#drained();
  }

  /** No more writes; what was written is on the disk itself when this resolves. May be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#close(true);
    return this.#closed.then(() => {
      if (this.#failure) throw this.#failure;
      if (this.#aborted) throw new ProviderError('cancelled');
    });
  }

  /** Lets go of the file and leaves the part as it is. Whoever calls it knows the cause. */
  async abort(): Promise<void> {
    this.#aborted = true;
    this.#closed ??= this.#close(false);
    await this.#closed;
    await this.#hash?.close();
  }

  /** Lets go of the file and deletes the part. Never rejects. */
  async discard(): Promise<void> {
    await this.abort();
    await removePart(this.path);
  }

  /**
   * Checks size and hash, then gives the file its name. `announce` is told each path just before it is tried.
   * Resolves to the final path; after a rejection the part is still there.
   */
  async finish(options: {
    name: string;
    modifiedAt: number | undefined;
    now: number;
    signal: AbortSignal;
    onProgress: (bytes: number) => void;
    announce: (path: string) => void;
  }): Promise<string> {
    try {
      await this.close();
      const size = this.#facts.size ?? this.#taken.covered;
      if (this.#taken.prefix !== size) throw new ProviderError('size-mismatch');
      const stamp = await stampOf(this.path);
      if (stamp.size !== size) throw new ProviderError('size-mismatch');
      if (
        this.#expected &&
        (await this.#digest(this.#expected, size, options)) !== this.#expected.value.toLowerCase()
      ) {
        throw new ProviderError('hash-mismatch');
      }
      if (options.modifiedAt !== undefined) await setTime(this.path, options.modifiedAt);
      await markDownloaded(this.path, process.platform, options.now);
      if (options.signal.aborted) throw new ProviderError('cancelled');
      return await placeFile(this.path, path.dirname(this.path), options.name, options.announce);
    } catch (cause) {
      const error = diskError('target', cause);
      // somebody else moved or changed the part while it was hashed
      throw error.code.startsWith('source-') ? new ProviderError('unreadable', { cause: error }) : error;
    } finally {
      await this.#hash?.close();
    }
  }

  async #digest(
    { algorithm }: FileHash,
    size: number,
    { signal, onProgress }: { signal: AbortSignal; onProgress: (bytes: number) => void },
  ): Promise<string | undefined> {
    if (this.#rewritten) {
      await this.#hash?.close();
      this.#hash = undefined;
    }
    this.#hash ??= await FollowingHash.open(this.path, [algorithm]);
    const [hash] = await this.#hash.digest(size, signal, onProgress);
    return hash?.value;
  }

  /** Tells the thread how far it may read. */
  async #follow(): Promise<void> {
    if (!this.#expected || this.#rewritten || this.#aborted) return;
    // what keeps us from reading it now is found, and told, by `finish`
    this.#hash ??= await FollowingHash.open(this.path, [this.#expected.algorithm]).catch(() => undefined);
    this.#hash?.grow(this.#written.prefix);
  }

  #gather(data: Uint8Array, position: number): void {
    if (this.#block && position !== this.#blockStart + this.#used) this.#flush();
    for (let taken = 0; taken < data.length; ) {
      if (!this.#block) {
        this.#block = this.#free.pop() ?? Buffer.allocUnsafe(BLOCK);
        this.#blockStart = position + taken;
        this.#used = 0;
      }
      const length = Math.min(BLOCK - this.#used, data.length - taken);
      this.#block.set(data.subarray(taken, taken + length), this.#used);
      this.#used += length;
      taken += length;
      // what a kill in the first second leaves is worth something, too
      if (this.#used >= Math.min(BLOCK, this.#flushed)) this.#flush();
    }
  }

  #flush(): void {
    const block = this.#block;
    const start = this.#blockStart;
    const length = this.#used;
    this.#block = undefined;
    if (!block) return;
    this.#queued += length;
    this.#flushed += length;
    this.#tail = this.#tail.then(async () => {
      try {
        for (let done = 0; done < length && !this.#failure; ) {
          const { bytesWritten } = await this.#handle.write(block, done, length - done, start + done);
          this.#written.add(start + done, start + done + bytesWritten);
          done += bytesWritten;
        }
        this.onWritten();
        await this.#follow();
      } catch (cause) {
        this.#failure ??= diskError('target', cause);
      }
      this.#free.push(block);
      this.#queued -= length;
      if (this.#queued <= LOW_WATER) this.#release?.();
      this.#unsynchronised += length;
      if (this.#unsynchronised >= SYNC_EVERY) this.#synchronise();
    });
  }

  #synchronise(): void {
    if (this.#synchronising || this.#failure) return;
    this.#unsynchronised = 0;
    this.#synchronising = this.#handle
      .datasync()
      .catch((cause: unknown) => {
        // the system tells of a lost write once only
        this.#failure ??= diskError('target', cause);
      })
      .finally(() => {
        this.#synchronising = undefined;
      });
  }

  async #drained(): Promise<void> {
    this.#held ??= new Promise<void>((resolve) => {
      this.#release = () => {
        this.#held = undefined;
        this.#release = undefined;
        resolve();
      };
    });
    await this.#held;
    if (this.#failure) throw this.#failure;
  }

  #fail(error: ProviderError): Promise<void> {
    this.#failure ??= error;
    return Promise.reject(this.#failure);
  }

  async #close(synchronise: boolean): Promise<void> {
    this.#flush();
    await this.#tail;
    await this.#synchronising;
    try {
      if (synchronise && !this.#failure) await this.#handle.sync();
    } catch (cause) {
      this.#failure ??= diskError('target', cause);
    }
    await this.#handle.close().catch((cause: unknown) => {
      // a network disk may tell of a lost write only now
      this.#failure ??= diskError('target', cause);
    });
  }
}

/** Deletes a part; one that is gone already is as good. Never rejects. */
export async function removePart(part: string): Promise<void> {
  await fs.rm(part, { force: true }).catch(() => {
    // a folder that may not be written any more: the part carries its name, a person can see what it is
  });
}

/** Whether there is such a file, and no folder or link in its place. */
export async function isRegularFile(file: string): Promise<boolean> {
  return (await fs.lstat(file).catch(() => undefined))?.isFile() ?? false;
}

async function setTime(part: string, modifiedAt: number): Promise<void> {
  try {
    await fs.utimes(part, new Date(), modifiedAt / 1000);
  } catch (cause) {
    // a date that this disk cannot hold says nothing about the content
    if (!['EINVAL', 'EPERM', 'ERANGE', 'EOVERFLOW'].includes(errnoOf(cause))) throw cause;
  }
}
