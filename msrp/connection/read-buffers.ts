import { Buffer } from 'node:buffer';
import { BufferPool } from './buffer-pool.ts';

/** Large buffers for connections that need them now; there are only so many, so that idle ones cost next to nothing. */
export class ReadBufferPools {
  /** From the largest. */
  readonly #sizes = [
    { pool: new BufferPool(1_048_576, 4), most: 16, lent: 0 },
    { pool: new BufferPool(65_536, 16), most: 128, lent: 0 },
  ];

  /** A buffer of at most `size` bytes, if one may be had. */
  take(size: number): { readonly bytes: Buffer; readonly give: () => void } | undefined {
    const found = this.#sizes.find(({ pool, most, lent }) => pool.size <= size && lent < most);
    if (found === undefined) return undefined;
    found.lent++;
    const bytes = found.pool.take();
    return {
      bytes,
      give: () => {
        found.lent--;
        found.pool.give(bytes);
      },
    };
  }
}

interface Lease {
  readonly bytes: Buffer;
  holds: number;
  readonly give: () => void;
}

const SMALL = 4096;
const GROWTH = 16;

/**
 * The memory one connection is read into. It is used again at once unless somebody holds it; it grows while reads fill
 * it, and shrinks when they do not.
 */
export class ReadBuffers {
  readonly #pools: ReadBufferPools;
  #current: Lease = small();

  constructor(pools: ReadBufferPools) {
    this.#pools = pools;
  }

  get current(): Buffer {
    return this.#current.bytes;
  }

  /** Keeps the current buffer from being used again; the returned function lets it go, once. */
  hold(): () => void {
    const lease = this.#current;
    lease.holds++;
    return () => {
      lease.holds--;
      if (lease.holds === 0 && lease !== this.#current) lease.give();
    };
  }

  /** The buffer for the next read, after one that brought `length` bytes. */
  next(length: number): Buffer {
    const { bytes, holds } = this.#current;
    const grow = length === bytes.length;
    const shrink = bytes.length > SMALL && length < SMALL;
    if (!grow && !shrink && holds === 0) return bytes;
    const size = shrink ? SMALL : grow ? bytes.length * GROWTH : bytes.length;
    if (grow && holds === 0 && size > GROWTH ** 5) return bytes;
    const old = this.#current;
    const lent = size > SMALL ? this.#pools.take(size) : undefined;
    this.#current = lent === undefined ? small() : { bytes: lent.bytes, give: lent.give, holds: 0 };
    if (holds === 0) old.give();
    return this.#current.bytes;
  }

  /** The connection is gone. */
  release(): void {
    const old = this.#current;
    this.#current = small();
    if (old.holds === 0) old.give();
  }
}

function small(): Lease {
  return { bytes: Buffer.allocUnsafeSlow(SMALL), holds: 0, give: () => undefined };
}
