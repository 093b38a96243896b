import type { Clock, Timer } from '../clock.ts';
import type { Turns } from './output/fair-ring.ts';

/** A connection, as its link sees it. */
export interface LinkMember {
  /** It may be its turn. */
  wake(): void;
}

/** Part of a second's bytes that may be sent at once after a pause. */
const BURST = 0.05;
/** A piece smaller than this is not worth a turn. */
const LEAST = 4096;

/**
 * What all connections of an endpoint go out by. With a limit in bytes per second they share it in turns; without one
 * each is limited by its peer alone.
 */
export class Link {
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #turns: Turns<LinkMember>;
  #tokens: number;
  #filledAt: number;
  #timer: Timer | undefined;

  constructor(clock: Clock, bytesPerSecond: number | undefined, turns: Turns<LinkMember>) {
    this.#clock = clock;
    this.#rate = bytesPerSecond ?? Number.POSITIVE_INFINITY;
    this.#turns = turns;
    this.#tokens = this.#most;
    this.#filledAt = clock.now();
  }

  /** How many bytes a member may send now. With 0 it has to wait, and is woken. */
  allow(member: LinkMember): number {
    if (this.#rate === Number.POSITIVE_INFINITY) return this.#rate;
    this.#turns.add(member, 1);
    this.#fill();
    const turn = this.#turns.turn();
    if (this.#tokens > 0 && turn?.member === member) return Math.max(LEAST, Math.min(turn.budget, this.#tokens));
    this.#next();
    return 0;
  }

  spend(member: LinkMember, bytes: number): void {
    if (this.#rate === Number.POSITIVE_INFINITY) return;
    this.#tokens -= bytes;
    this.#turns.spend(member, bytes);
  }

  /** The member has nothing to send, or nobody takes it: it must not keep others waiting. */
  leave(member: LinkMember): void {
    if (this.#rate === Number.POSITIVE_INFINITY) return;
    this.#turns.remove(member);
    this.#next();
  }

  get #most(): number {
    return Math.max(LEAST, this.#rate * BURST);
  }

  #fill(): void {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#most, this.#tokens + ((now - this.#filledAt) / 1000) * this.#rate);
    this.#filledAt = now;
  }

  /** Wakes whose turn it is, once there is something to give. */
  #next(): void {
    const turn = this.#turns.turn();
    if (turn === undefined) return;
    if (this.#tokens > 0) {
      turn.member.wake();
      return;
    }
    const wait = ((Math.min(LEAST, this.#most) - this.#tokens) / this.#rate) * 1000;
    if (this.#timer !== undefined) return;
    this.#timer = this.#clock.after(Math.ceil(wait), () => {
      this.#timer = undefined;
      this.#fill();
      this.#next();
    });
  }
}
