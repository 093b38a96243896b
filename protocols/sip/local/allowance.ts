export interface AllowanceOptions {
  /** In milliseconds. */
  now: () => number;
  /** How many at once. */
  burst: number;
  /** How many more in each second after that. */
  rate: number;
}

/** So many of something, and then only so many a second (a token bucket). */
export class Allowance {
  readonly #options: AllowanceOptions;
  #left: number;
  #at: number;

  constructor(options: AllowanceOptions) {
    this.#options = options;
    this.#left = options.burst;
    this.#at = options.now();
  }

  /** Takes one; false when there is none left. */
  take(): boolean {
    const { now, burst, rate } = this.#options;
    const at = now();
    this.#left = Math.min(burst, this.#left + (Math.max(0, at - this.#at) * rate) / 1000);
    this.#at = at;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
