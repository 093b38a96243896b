import type { Clock } from '../../clock.ts';

/** Attempts in a row that brought no byte further; then a person has to say so. */
const MOST_ATTEMPTS = 30;
const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 60_000;
/** How often an absent peer is tried although no provider has told that it is back. */
const ABSENT_PAUSE = 5 * 60_000;

interface Lost {
  attempts: number;
  /** Bytes that were over when it was lost. */
  bytes: number;
}

/**
 * When a lost transfer is offered again: after 2 s, then 4 s, at last every minute, less up to half of it by chance, and
 * for half an hour at most while nothing gets through. Every byte that does begins the count anew.
 */
export class Patience {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #random: () => number;
  readonly #whenDue: () => void;
  readonly #lost = new Map<string, Lost>();
  readonly #timers = new Map<string, () => void>();

  constructor(clock: Pick<Clock, 'after'>, random: () => number, whenDue: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#whenDue = whenDue;
  }

  /** One more attempt was lost at so many bytes. False: enough. */
  lost(id: string, bytes: number): boolean {
    const before = this.#lost.get(id);
    const attempts = before && bytes <= before.bytes ? before.attempts + 1 : 1;
    this.forget(id);
    if (attempts > MOST_ATTEMPTS) return false;
    const whole = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1));
    this.#lost.set(id, { attempts, bytes });
    this.#pause(id, whole * (1 - this.#random() / 2));
    return true;
  }

  /** The peer was not there to be asked. It is tried as long as the offer stands. */
  absent(id: string): void {
    this.forget(id);
    this.#pause(id, ABSENT_PAUSE);
  }

  isDue(id: string): boolean {
    return !this.#timers.has(id);
  }

  /** There is reason to believe that it works now. */
  hurry(id: string): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
  }

  forget(id: string): void {
    this.hurry(id);
    this.#lost.delete(id);
  }

  stop(): void {
    for (const id of this.#timers.keys()) this.hurry(id);
  }

  #pause(id: string, milliseconds: number): void {
    const due = (): void => {
      this.#timers.delete(id);
      this.#whenDue();
    };
    this.#timers.set(id, this.#clock.after(milliseconds, due));
  }
}
