import { BufferPool } from '../connection/buffer-pool.ts';

/** Memory for one message to be read into. */
export interface BlockLoan {
  readonly pool: BufferPool;
  /** The message is over. */
  giveBack(): void;
}

/**
 * Blocks as large as is good for a few messages, and smaller the more there are at once: the sum stays bearable. Larger
 * ones than these do not stay in the cache of the processor between being read and being written, and cost half as much
 * again.
 */
export class BlockPools {
  readonly #sizes = [
    { pool: new BufferPool(262_144, 16), upTo: 16 },
    { pool: new BufferPool(65_536, 32), upTo: 64 },
    { pool: new BufferPool(16_384, 64), upTo: Number.POSITIVE_INFINITY },
  ];
  #lent = 0;

  lend(): BlockLoan {
    const chosen = this.#sizes.find(({ upTo }) => this.#lent < upTo) ?? this.#sizes[0];
    this.#lent++;
    return {
      pool: chosen?.pool ?? new BufferPool(16_384, 0),
      giveBack: () => {
        this.#lent--;
      },
    };
  }
}
