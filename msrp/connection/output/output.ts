import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { BufferPool } from '../buffer-pool.ts';

/** Bodies below this are copied beside their heads: cheaper than one more piece for the system to gather. */
const COPY_BELOW = 8192;
const ZERO = 0x30;

/**
 * Gathers what leaves a connection and hands it to the socket in as few writes as possible. Large bodies are passed on
 * without a copy; whoever owns them is told when the system has taken them.
 */
export class Output {
  readonly #socket: Socket;
  readonly #pool: BufferPool;
  readonly #taken: () => void;
  #parts: Uint8Array[] = [];
  #releases: (() => void)[] = [];
  /** Small pieces end up side by side in here; `#sealed` bytes of it are among the parts already. */
  #staging: Buffer | undefined;
  #sealed = 0;
  #filled = 0;
  #gathered = 0;
  #pending = 0;

  /** `taken` is called whenever the system has taken what was flushed. */
  constructor(socket: Socket, pool: BufferPool, taken: () => void) {
    this.#socket = socket;
    this.#pool = pool;
    this.#taken = taken;
  }

  /** Bytes given to this output that the system has not taken yet. */
  get pending(): number {
    return this.#pending + this.#gathered;
  }

  text(text: string): void {
    // heads are nearly always ASCII, but three bytes for each UTF-16 unit are enough for anything
    const most = text.length * 3;
    if (most > this.#pool.size) {
      this.bytes(Buffer.from(text));
      return;
    }
    const staging = this.#room(most);
    const length = staging.write(text, this.#filled);
    this.#filled += length;
    this.#gathered += length;
  }

  /** A whole number, as text. */
  number(value: number): void {
    let length = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) length++;
    const staging = this.#room(length);
    let rest = value;
    for (let i = this.#filled + length - 1; i >= this.#filled; i--) {
      const next = Math.floor(rest / 10);
      staging[i] = ZERO + (rest - next * 10);
      rest = next;
    }
    this.#filled += length;
    this.#gathered += length;
  }

  /** `released` is called when the system has taken the bytes and their memory may be used again. */
  bytes(bytes: Uint8Array, released?: () => void): void {
    if (released !== undefined) this.#releases.push(released);
    this.#gathered += bytes.length;
    if (bytes.length < COPY_BELOW) {
      this.#room(bytes.length).set(bytes, this.#filled);
      this.#filled += bytes.length;
      return;
    }
    this.#seal();
    this.#parts.push(bytes);
  }

  /** Calls back when the system has taken all that was written so far. */
  whenTaken(callback: () => void): void {
    this.#releases.push(callback);
  }

  /** Hands everything gathered to the socket as one write. */
  flush(): void {
    if (this.#gathered === 0 && this.#releases.length === 0) return;
    this.#finishStaging();
    const parts = this.#parts;
    const releases = this.#releases;
    const length = this.#gathered;
    this.#parts = [];
    this.#releases = [];
    this.#gathered = 0;
    this.#pending += length;
    const done = () => {
      this.#pending -= length;
      for (const release of releases) release();
      this.#taken();
    };
    const last = parts.pop();
    if (last === undefined || this.#socket.destroyed) {
      // nothing goes anywhere, but memory still comes back, and never from within the caller's turn
      process.nextTick(done);
      return;
    }
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    // called with an error, too, when the socket is gone
    this.#socket.write(last, done);
    this.#socket.uncork();
  }

  #room(length: number): Buffer {
    if (this.#staging !== undefined && this.#filled + length > this.#staging.length) this.#finishStaging();
    this.#staging ??= this.#pool.take();
    return this.#staging;
  }

  #seal(): void {
    if (this.#staging === undefined || this.#filled === this.#sealed) return;
    this.#parts.push(this.#staging.subarray(this.#sealed, this.#filled));
    this.#sealed = this.#filled;
  }

  #finishStaging(): void {
    const staging = this.#staging;
    if (staging === undefined) return;
    this.#seal();
    this.#releases.push(() => this.#pool.give(staging));
    this.#staging = undefined;
    this.#sealed = 0;
    this.#filled = 0;
  }
}
