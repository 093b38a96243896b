import type { Clock, Timer } from '../clock.ts';
import { unawaited } from '../unawaited.ts';

/** RFC 4975 §7.1: requests without a body keep bindings alive, and show when they are gone. */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #every: number | undefined;
  readonly #ask: () => Promise<boolean>;
  #timer: Timer | undefined;

  /** `every`: milliseconds, none without it. `ask` sends one, and says whether there shall be another. Never rejects. */
  constructor(clock: Clock, every: number | undefined, ask: () => Promise<boolean>) {
    this.#clock = clock;
    this.#every = every;
    this.#ask = ask;
  }

  /** The way is open now. */
  start(): void {
    this.stop();
    if (this.#every === undefined) return;
    const timer = this.#clock.after(this.#every, () => {
      // what was stopped and started meanwhile has a timer of its own
      unawaited(this.#ask().then((again) => again && this.#timer === timer && this.start()));
    });
    this.#timer = timer;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
