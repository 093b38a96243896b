import type { Clock, Timer } from '../clock.ts';
import type { MsrpError } from '../errors.ts';
import { unawaited } from '../unawaited.ts';

const MOST_TRIES = 6;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 16_000;
/** A connection that is lost before counts as one more try. */
const SETTLED = 60_000;

/** Connects again after a loss: a few times, after pauses that grow and are drawn by lot, so that not all come at once. */
export class Reconnection {
  readonly #clock: Clock;
  readonly #random: () => number;
  #tries = 0;
  #settling = 0;
  #timer: Timer | undefined;
  #over: AbortController | undefined;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** There is a use for the connection again, or the first time. */
  succeeded(): void {
    this.#settling = this.#clock.now();
  }

  /** The connection that had succeeded is lost. */
  lost(): void {
    if (this.#clock.now() - this.#settling >= SETTLED) this.#tries = 0;
  }

  /** Calls `attempt` after a pause, unless it is called off; false if there have been enough attempts. */
  next(attempt: (signal: AbortSignal) => Promise<void>): boolean {
    if (this.#tries === MOST_TRIES) return false;
    const most = Math.min(FIRST_PAUSE * 2 ** this.#tries, LONGEST_PAUSE);
    this.#tries++;
    this.#timer = this.#clock.after(this.#random() * most, () => {
      this.#over = new AbortController();
      unawaited(attempt(this.#over.signal));
    });
    return true;
  }

  /** No further attempt; the one under way is called off. */
  stop(): void {
    this.#timer?.cancel();
    this.#over?.abort();
  }
}

/** Whether the same may go well a little later; a relay that refuses, or is not who it should be, stays so. */
export function worthTrying(error: MsrpError): boolean {
  return error.retryable || (error.status ?? 0) >= 500;
}
