/** So many at once, and one more each time so many ms have passed. */
export interface Rate {
  readonly burst: number;
  readonly every: number;
}

/**
 * What may be taken now of what a rate allows (a token bucket).
 *
 * @example new Allowance({ burst: 20, every: 1_000 }, () => performance.now()).take() // 0: taken
 */
export class Allowance {
  readonly #rate: Rate;
  readonly #now: () => number;
  #left: number;
  #at: number;

  /** `now`: in ms. A clock that goes back gives nothing. */
  constructor(rate: Rate, now: () => number) {
    this.#rate = rate;
    this.#now = now;
    this.#left = rate.burst;
    this.#at = now();
  }

  /** ms until so many can be taken; 0: they are. */
  take(amount = 1): number {
    const { burst, every } = this.#rate;
    const now = this.#now();
    this.#left = Math.min(burst, this.#left + Math.max(0, now - this.#at) / every);
    this.#at = now;
    if (this.#left < amount) return Math.ceil((amount - this.#left) * every);
    this.#left -= amount;
    return 0;
  }
}
