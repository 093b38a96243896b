import { BufferPool } from '../connection/buffer-pool.ts';

/** Memory for one message to be read into. */
export interface BlockLoan {
  readonly pool: BufferPool;
  /** The message is over; saying so again does nothing. */
  giveBack(): void;
}

/** Blocks as large as is good for a few messages, and smaller the more there are at once: the sum stays bearable. */
export class BlockPools {
  readonly #sizes: readonly { readonly pool: BufferPool; readonly upTo: number }[];
  #lent = 0;

  /** Size of a block, how many are kept for the next message, and for how many messages at once; the last for any number. */
  constructor(sizes: readonly { readonly size: number; readonly kept: number; readonly upTo: number }[]) {
    this.#sizes = sizes.map(({ size, kept, upTo }) => ({ pool: new BufferPool(size, kept), upTo }));
  }

  lend(): BlockLoan {
    const chosen = this.#sizes.find(({ upTo }) => this.#lent < upTo) ?? this.#sizes.at(-1);
    if (chosen === undefined) throw new RangeError('No sizes');
    this.#lent++;
    let lent = true;
    return {
      pool: chosen.pool,
      giveBack: () => {
        if (lent) this.#lent--;
        lent = false;
      },
    };
  }
}
