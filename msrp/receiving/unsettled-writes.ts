import { RangeSet } from '../grammar/ranges.ts';

/** Bytes on their way into a sink: `start` up to but not including `end`. */
export interface UnsettledWrite {
  readonly start: number;
  readonly end: number;
}

/**
 * Writes a sink has not settled yet, and where they go. A sink that gives the same promise for many small writes is
 * waited for once.
 */
export class UnsettledWrites<Write extends UnsettledWrite> {
  readonly #settled: (write: Write, result: PromiseSettledResult<void>) => void;
  readonly #batches = new Map<Promise<void>, Write[]>();
  #places = new RangeSet();

  /** `settled` is called for each write, in their order where they have one promise. */
  constructor(settled: (write: Write, result: PromiseSettledResult<void>) => void) {
    this.#settled = settled;
  }

  /** Whether any byte of the interval is on its way. */
  overlaps(start: number, end: number): boolean {
    return this.#batches.size > 0 && this.#places.overlaps(start, end);
  }

  /** Resolves once all there are now have been settled, one way or the other. */
  async all(): Promise<void> {
    await Promise.allSettled(this.#batches.keys());
  }

  add(promise: Promise<void>, write: Write): void {
    this.#places.add(write.start, write.end);
    const batch = this.#batches.get(promise);
    if (batch !== undefined) {
      batch.push(write);
      return;
    }
    const writes = [write];
    this.#batches.set(promise, writes);
    const settle = (result: PromiseSettledResult<void>) => {
      this.#batches.delete(promise);
      if (this.#batches.size === 0) this.#places = new RangeSet();
      for (const each of writes) this.#settled(each, result);
    };
    promise.then(
      () => settle({ status: 'fulfilled', value: undefined }),
      (reason: unknown) => settle({ status: 'rejected', reason }),
    );
  }
}
