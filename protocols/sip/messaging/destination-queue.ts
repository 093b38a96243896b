import type { Address } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';

/**
 * Work per destination, one after the other: RFC 3428 §8 allows one MESSAGE on its way to a destination, and that also
 * keeps their order.
 */
export class DestinationQueue {
  readonly #tails = new Map<Address, Promise<unknown>>();

  /** Work that rejects concerns its caller alone: what is behind it goes all the same. */
  add<T>(to: Address, work: () => Promise<T>): Promise<T> {
    const result = (this.#tails.get(to) ?? Promise.resolve()).then(work);
    const tail = result.then(
      () => {},
      () => {},
    );
    this.#tails.set(to, tail);
    unawaited(
      tail.then(() => {
        if (this.#tails.get(to) === tail) this.#tails.delete(to);
      }),
    );
    return result;
  }

  /** Resolves when all work there is now has been done. */
  async settled(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}
