import type { Clock, Timer } from '../../../msrp/index.ts';
import type { Address } from '../../contract/index.ts';

/** After so long without another they are all here, */
const QUIET = 250;
/** and longer nothing waits. */
const LONGEST = 1_000;

export interface KeptText {
  peer: Address;
  /** ms since the epoch. */
  writtenAt: number;
  /** Stores and confirms it. */
  hand: () => void;
}

/**
 * Texts that a server kept while we were away come all at once, and not always in order: Kamailio's msilo sends them to itself
 * over UDP, where its workers overtake each other. They wait a moment, unconfirmed, and are handed on as they were written.
 */
export class KeptTexts {
  readonly #clock: Clock;
  #waiting: KeptText[] = [];
  #quiet: Timer | undefined;
  #longest: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(text: KeptText): void {
    this.#waiting.push(text);
    this.#quiet?.cancel();
    this.#quiet = this.#clock.after(QUIET, () => this.hand());
    this.#longest ??= this.#clock.after(LONGEST, () => this.hand());
  }

  /** Nothing waits any longer: of this peer, because something newer has come, or at all. */
  hand(peer?: Address): void {
    const due = this.#waiting.filter((each) => peer === undefined || each.peer === peer);
    this.#waiting = this.#waiting.filter((each) => !due.includes(each));
    if (this.#waiting.length === 0) {
      this.#quiet?.cancel();
      this.#longest?.cancel();
      this.#longest = undefined;
    }
    for (const { hand } of due.toSorted((one, other) => one.writtenAt - other.writtenAt)) hand();
  }
}
