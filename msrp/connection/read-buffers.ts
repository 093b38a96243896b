import { Buffer } from 'node:buffer';
import { BufferPool } from './buffer-pool.ts';

/** Large buffers for connections that need them now; there are only so many, so that idle ones cost next to nothing. */
export class ReadBufferPools {
  /** From the largest. */
  readonly #sizes = [
    { pool: new BufferPool(262_144, 4), most: 32, lent: 0 },
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
  /** Bytes from its beginning that somebody holds, or held while others were read behind them. */
  used: number;
  readonly give: () => void;
}

const SMALL = 4096;
const GROWTH = 16;
/** With less room behind held bytes another buffer is taken. */
const LEAST_ROOM = 32_768;

/**
 * The memory one connection is read into. It is used again at once unless somebody holds it; it grows while reads fill
 * it, and shrinks when they do not.
 */
export class ReadBuffers {
  readonly #pools: ReadBufferPools;
  /** The connection's own, for times when little comes. */
  #small: Lease = small();
  #current: Lease = this.#small;
  /** The part of the current buffer that is read into. */
  #view: Buffer = this.#small.bytes;

  constructor(pools: ReadBufferPools) {
    this.#pools = pools;
  }

  get current(): Buffer {
    return this.#view;
  }

  /** Keeps what has been read from being overwritten; the returned function lets it go, once. */
  hold(): () => void {
    const lease = this.#current;
    lease.holds++;
    return () => {
      lease.holds--;
      if (lease.holds === 0 && lease !== this.#current) lease.give();
    };
  }

  /** The memory for the next read, after one that brought `length` bytes. */
  next(length: number): Buffer {
    const lease = this.#current;
    const { bytes } = lease;
    lease.used = lease.holds === 0 ? 0 : lease.used + length;
    if (bytes.length > SMALL && length < SMALL) return this.#take(this.#small.holds === 0 ? this.#small : small());
    if (length === bytes.length) return this.#take(this.#larger(bytes.length) ?? this.#another());
    if (lease.used > 0 && bytes.length - lease.used < LEAST_ROOM) return this.#take(this.#another());
    this.#view = lease.used === 0 ? bytes : bytes.subarray(lease.used);
    return this.#view;
  }

  /** The connection is gone. */
  release(): void {
    this.#take(this.#small);
  }

  #take(lease: Lease): Buffer {
    const old = this.#current;
    if (old === lease) return lease.bytes;
    this.#current = lease;
    lease.used = 0;
    if (lease.bytes.length === SMALL) this.#small = lease;
    this.#view = lease.bytes;
    if (old.holds === 0) old.give();
    return lease.bytes;
  }

  #larger(size: number): Lease | undefined {
    const lent = this.#pools.take(size * GROWTH);
    if (lent === undefined) return undefined;
    if (lent.bytes.length > size) return { bytes: lent.bytes, give: lent.give, holds: 0, used: 0 };
    lent.give();
    return undefined;
  }

  /** One as large as the current one, which is that itself unless it is held. */
  #another(): Lease {
    const { bytes, holds } = this.#current;
    if (holds === 0) return this.#current;
    const lent = bytes.length > SMALL ? this.#pools.take(bytes.length) : undefined;
    return lent === undefined ? small() : { bytes: lent.bytes, give: lent.give, holds: 0, used: 0 };
  }
}

function small(): Lease {
  return { bytes: Buffer.allocUnsafeSlow(SMALL), holds: 0, used: 0, give: () => undefined };
}
