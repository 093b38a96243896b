import { GLARE_TRIES, isGlare } from './glare.ts';

/** Offers made within a session to tell the peer where we are: one at a time, and again after a glare. */
export class Reoffers {
  readonly #offer: () => Promise<void>;
  readonly #pause: () => Promise<void>;
  #due = false;
  #running = false;

  /** `offer` makes one, and throws as `SipSession.reoffer`; `pause` waits after a glare (RFC 3261 §14.1). */
  constructor(offer: () => Promise<void>, pause: () => Promise<void>) {
    this.#offer = offer;
    this.#pause = pause;
  }

  /** The peer does not know yet. */
  get due(): boolean {
    return this.#due;
  }

  /** The peer has learnt it by our answer to an offer of its own. */
  said(): void {
    this.#due = false;
  }

  /** Rejects with what an offer failed with, a glare apart; while one is under way it is made behind that. */
  async make(): Promise<void> {
    this.#due = true;
    if (this.#running) return;
    this.#running = true;
    try {
      for (let tries = 0; this.#due && tries < GLARE_TRIES; tries++) {
        this.#due = false;
        await this.#once();
      }
    } finally {
      this.#running = false;
    }
  }

  async #once(): Promise<void> {
    try {
      await this.#offer();
    } catch (error) {
      this.#due = true;
      if (!isGlare(error)) throw error;
      await this.#pause();
    }
  }
}
