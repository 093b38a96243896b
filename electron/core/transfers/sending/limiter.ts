import { ProviderError } from '../../../../protocols/contract/index.ts';

/**
 * Lets so many pieces of work run at once; the others wait in line.
 *
 * @example const two = new Limiter(2); await two.run(signal, () => hash(file));
 */
export class Limiter {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Rejects with `cancelled` when the signal came before the turn; the work itself looks at the signal from then on. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      if (signal.aborted) throw new ProviderError('cancelled');
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
