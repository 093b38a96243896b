import type { Clock, Timer } from '../../../../msrp/index.ts';
import type { Address } from '../../../contract/index.ts';

/** A session the peer had invited to waits so long for the peer to do so again. */
const THEIR_TURN = 2_000;
/** Until then a session that ends does so for what happened while we were away: it was not bound again in time, or refused. */
const AFTER_RETURN = 45_000;

/**
 * Sessions that did not outlive a loss of our own connection: a server that has started anew knows nothing of their dialogs,
 * and their relay may have been the same server. When we are back they are opened again, once for each return: at once by
 * who had invited, a moment later by the other side where nothing has come by then, because it came back first or alone.
 */
export class LostSessions {
  readonly #clock: Clock;
  readonly #online: () => boolean;
  readonly #reopen: (peer: Address) => void;
  readonly #lost = new Map<Address, 'us' | 'peer'>();
  readonly #tried = new Set<Address>();
  readonly #timers = new Set<Timer>();
  #backAt = Number.NEGATIVE_INFINITY;
  /** Online, and something else is put back before sessions. */
  #restoring = false;

  /** `reopen` opens a session with the peer unless there is one, or should not be. */
  constructor(clock: Clock, online: () => boolean, reopen: (peer: Address) => void) {
    this.#clock = clock;
    this.#online = online;
    this.#reopen = reopen;
  }

  /** A session that had stood is over, and nobody wished it. */
  broke({ peer, invitedBy }: { peer: Address; invitedBy: 'us' | 'peer' }): void {
    if (!this.#online() || this.#restoring) this.#lost.set(peer, invitedBy);
    else if (this.#clock.now() - this.#backAt < AFTER_RETURN) this.#again(peer, invitedBy);
  }

  /** We are online again; `back` follows. */
  returned(): void {
    this.#restoring = true;
  }

  /** It is the turn of sessions. */
  back(): void {
    this.#restoring = false;
    this.#backAt = this.#clock.now();
    this.#tried.clear();
    const lost = [...this.#lost];
    this.#lost.clear();
    for (const [peer, invitedBy] of lost) this.#again(peer, invitedBy);
  }

  /** Forgets them all, and lets go of timers. */
  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#lost.clear();
    this.#restoring = false;
    this.#backAt = Number.NEGATIVE_INFINITY;
  }

  #again(peer: Address, invitedBy: 'us' | 'peer'): void {
    if (this.#tried.has(peer)) return;
    this.#tried.add(peer);
    if (invitedBy === 'us') {
      this.#reopen(peer);
      return;
    }
    const timer = this.#clock.after(THEIR_TURN, () => {
      this.#timers.delete(timer);
      this.#reopen(peer);
    });
    this.#timers.add(timer);
  }
}
