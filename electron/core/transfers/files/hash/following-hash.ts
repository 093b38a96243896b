import { setMaxListeners } from 'node:events';
import fs from 'node:fs/promises';
import { type FileHash, ProviderError } from '../../../../../protocols/contract/index.ts';
import { diskError } from '../disk-error.ts';
import { type Algorithm, type Answer, joinHashThread } from './hash-thread.ts';

/**
 * The hashes of a file that may still be growing, made in another thread: nothing here waits for it, and by the time the
 * last byte is there most of the work is done. What is hashed is what the file says when it is read again.
 *
 * ```
 * open --grow*--> following --digest--> done      any --close--> closed
 * ```
 * @example const hash = await FollowingHash.open(part, ['sha-256']); hash.grow(1000); await hash.digest(1000, …)
 */
export class FollowingHash {
  readonly #handle: fs.FileHandle;
  readonly #algorithms: readonly Algorithm[];
  readonly #thread: ReturnType<typeof joinHashThread>;
  #onProgress: ((bytes: number) => void) | undefined;
  #failure: ProviderError | undefined;
  #settle: { resolve: (values: string[]) => void; reject: (error: ProviderError) => void } | undefined;
  #left: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  private constructor(handle: fs.FileHandle, algorithms: readonly Algorithm[]) {
    this.#handle = handle;
    this.#algorithms = algorithms;
    this.#thread = joinHashThread((answer) => this.#hear(answer));
    this.#thread.post({ id: this.#thread.id, begin: { descriptor: handle.fd, algorithms } });
  }

  /** Rejects with the system's error. */
  static async open(file: string, algorithms: readonly Algorithm[]): Promise<FollowingHash> {
    return new FollowingHash(await fs.open(file, 'r'), algorithms);
  }

  /** Bytes from the first on that are in the file and will not change. */
  grow(to: number): void {
    if (!this.#closed) this.#thread.post({ id: this.#thread.id, to, ending: false });
  }

  /**
   * The hashes of the first `size` bytes. Rejects with `cancelled` by the signal, `source-changed` when there are fewer,
   * or what the disk says. Called once.
   */
  async digest(size: number, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<FileHash[]> {
    if (signal.aborted || this.#closed) throw new ProviderError('cancelled');
    if (this.#failure) throw this.#failure;
    const ended = new Promise<string[]>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const stop = (): void => this.#settle?.reject(new ProviderError('cancelled'));
    // one signal may stop any number of files
    setMaxListeners(0, signal);
    signal.addEventListener('abort', stop);
    this.#onProgress = onProgress;
    this.#thread.post({ id: this.#thread.id, to: size, ending: true });
    const values = await ended.finally(() => signal.removeEventListener('abort', stop));
    return this.#algorithms.map((algorithm, index) => ({ algorithm, value: values[index] as string }));
  }

  /** Lets go of the file. May be called again. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#settle?.reject(new ProviderError('cancelled'));
    if (!this.#failure) {
      // the number of a closed file is soon that of another one: the thread must have let go of it first
      const left = new Promise<void>((resolve) => {
        this.#left = resolve;
      });
      this.#thread.post({ id: this.#thread.id, leave: true });
      await left;
    }
    this.#thread.leave();
    await this.#handle.close().catch(() => {
      // only read: nothing to lose
    });
  }

  #hear(answer: Answer | ProviderError): void {
    if (answer instanceof ProviderError) this.#fail(answer);
    else if (answer.values) this.#settle?.resolve(answer.values);
    else if (answer.left) this.#left?.();
    else if (answer.error === 'shorter') this.#fail(new ProviderError('source-changed'));
    else if (answer.error !== undefined)
      this.#fail(diskError('source', Object.assign(new Error(), { code: answer.error })));
    else if (answer.at !== undefined) this.#onProgress?.(answer.at);
  }

  #fail(error: ProviderError): void {
    this.#failure ??= error;
    this.#settle?.reject(error);
    this.#left?.();
  }
}
