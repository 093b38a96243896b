import { Buffer } from 'node:buffer';

/** Buffers of one size, used again instead of being thrown away: a transfer of any length lives on a handful. */
export class BufferPool {
  readonly size: number;
  readonly #kept: number;
  readonly #free: Buffer[] = [];

  constructor(size: number, kept: number) {
    this.size = size;
    this.#kept = kept;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size);
  }

  /** Only for buffers nobody looks at any more. */
  give(buffer: Buffer): void {
    if (this.#free.length < this.#kept) this.#free.push(buffer);
  }
}
