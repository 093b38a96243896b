import type { Clock } from '../../../msrp/index.ts';

/** Time that passes when the test says so. */
export class TestClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void) {
    const timer = { at: this.#now + milliseconds, run };
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
      },
    };
  }

  /** Number of timers that are running. */
  get running(): number {
    return this.#timers.size;
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      // those that are running may start others, or call them off
      let next: { at: number; run: () => void } | undefined;
      for (const timer of this.#timers) {
        if (next === undefined ? timer.at <= end : timer.at < next.at) next = timer;
      }
      if (next === undefined) break;
      this.#now = next.at;
      this.#timers.delete(next);
      next.run();
    }
    this.#now = end;
  }
}
