import { type MessagingOperationSet, ProviderError } from '../../../protocols/contract/index.ts';
import { unawaited } from '../../../protocols/contract/unawaited.ts';
import type { MessageState, Route } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { MessageRows, StoredMessage } from './message-rows.ts';

export interface OutboxParts {
  messages: MessageRows;
  /** The messaging of an account that is online now. */
  messaging: (accountId: string) => MessagingOperationSet | undefined;
  /** Writes the new state of a text and tells it. */
  settle: (id: string, state: MessageState, error: ProviderError | null, outbox: boolean) => void;
  log: Log;
  clock: Clock;
}

/** Attempts while online before a retryable fault counts as one a person should see. */
const MAXIMUM_ATTEMPTS = 6;
const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 60_000;
/** How often somebody absent is tried although nobody told that they are back. */
const ABSENT_PAUSE = 5 * 60_000;

/** So often in a row the account may be lost while the same text is handed over, before it lets the others go first. */
const LOST_BEFORE_YIELDING = 3;
/** The same, before a person is told that this text does not get through. */
const LOST_BEFORE_FAILING = 6;

/** One peer on one account. */
interface Lane {
  route: Route;
  busy: boolean;
  attempts: number;
  cancelPause: (() => void) | undefined;
  /** The text that was handed over last without a definite outcome since the account is online. */
  unsettled: { id: string; error: ProviderError } | undefined;
  /** How often in a row the account was lost over the same text. */
  lost: { id: string; count: number } | undefined;
}

const keyOf = ({ accountId, address }: Route): string => `${accountId} ${address}`;

/**
 * Hands over what is kept on disk, in order per account and peer, one at a time, always with the same id, until there
 * is a definite outcome.
 *
 * ```
 * idle --row, online--> handing over --definite--> handing over the next, or idle
 *   ^                        | retryable
 *   +-- offline              v
 *   +--------------------- pausing --time, peer back--> handing over
 * ```
 */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #lanes = new Map<string, Lane>();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** Something new for this peer, or they are back. A pause between attempts goes on. */
  kick(route: Route): void {
    const lane = this.#lane(route);
    if (!lane.cancelPause) unawaited(this.#run(lane));
  }

  /** They can be reached again: no reason to wait longer. */
  peerBack(route: Route): void {
    const lane = this.#lanes.get(keyOf(route));
    if (!lane?.cancelPause) return;
    this.#endPause(lane);
    lane.attempts = 0;
    unawaited(this.#run(lane));
  }

  /** The account is online: everything that waits for it goes, but what may have ended it the last times goes last. */
  online(accountId: string): void {
    for (const address of this.#parts.messages.peersInOutbox(accountId)) {
      const lane = this.#lane({ accountId, address });
      this.#endPause(lane);
      lane.attempts = 0;
      const lost = this.#lostOver(lane);
      if (lost >= LOST_BEFORE_YIELDING && lost < LOST_BEFORE_FAILING) this.#pause(lane, LONGEST_PAUSE);
      else unawaited(this.#run(lane));
    }
  }

  /**
   * How often in a row the account was lost while this lane's text was on its way. One text over which a server ends
   * every connection would hold up all others of the account for ever.
   */
  #lostOver(lane: Lane): number {
    const { unsettled } = lane;
    lane.unsettled = undefined;
    if (!unsettled) return 0;
    const count = lane.lost?.id === unsettled.id ? lane.lost.count + 1 : 1;
    lane.lost = { id: unsettled.id, count };
    if (count >= LOST_BEFORE_FAILING) {
      lane.lost = undefined;
      this.#parts.settle(unsettled.id, 'failed', unsettled.error, false);
    }
    return count;
  }

  /** Its provider is gone. What was under way there is handed over again by the next one, under the same id. */
  forget(accountId: string): void {
    for (const [key, lane] of this.#lanes) {
      if (lane.route.accountId !== accountId) continue;
      this.#endPause(lane);
      this.#lanes.delete(key);
    }
  }

  close(): void {
    for (const lane of this.#lanes.values()) this.#endPause(lane);
    this.#lanes.clear();
  }

  #lane(route: Route): Lane {
    const key = keyOf(route);
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = { route, busy: false, attempts: 0, cancelPause: undefined, unsettled: undefined, lost: undefined };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  async #run(lane: Lane): Promise<void> {
    if (lane.busy) return;
    lane.busy = true;
    try {
      let next: StoredMessage | undefined;
      do {
        const messaging = this.#parts.messaging(lane.route.accountId);
        next = messaging && this.#isCurrent(lane) ? this.#parts.messages.nextInOutbox(lane.route) : undefined;
        if (messaging && next && !(await this.#handOver(lane, messaging, next))) break;
      } while (next);
    } catch (error) {
      // the disk refused a state: it is tried again, the peer's side drops what it has already
      this.#parts.log.error('outbox.failed', error);
      if (this.#isCurrent(lane)) this.#pause(lane, LONGEST_PAUSE);
    } finally {
      lane.busy = false;
    }
  }

  /** True when the next one may go. */
  async #handOver(lane: Lane, messaging: MessagingOperationSet, { message }: StoredMessage): Promise<boolean> {
    const { messages, settle } = this.#parts;
    const { id, text, at } = message;
    if (Buffer.byteLength(text) > messaging.maximumBytes) {
      settle(id, 'failed', new ProviderError('too-big'), false);
      return true;
    }
    const { address } = lane.route;
    const outcome = await messaging.send(address, { id, text, composedAt: at }).outcome;
    // a receipt may have been faster, or the talk is gone
    const stored = messages.byId(id);
    if (!stored?.outbox) return this.#isCurrent(lane);
    lane.unsettled = undefined;
    if (outcome.state !== 'failed') {
      lane.attempts = 0;
      lane.lost = undefined;
      settle(id, outcome.state, null, false);
      return this.#isCurrent(lane);
    }
    return this.#failed(lane, stored, outcome.error);
  }

  #failed(lane: Lane, { message }: StoredMessage, error: ProviderError): boolean {
    const { settle, messaging, log } = this.#parts;
    const { accountId, address } = lane.route;
    const online = messaging(accountId) !== undefined;
    log.write('info', 'outbox.not-taken', { to: address, code: error.code, retryable: error.retryable, online });
    if (!error.retryable) {
      lane.attempts = 0;
      settle(message.id, 'failed', error, false);
      return this.#isCurrent(lane);
    }
    if (error.code !== 'peer-offline') lane.unsettled = { id: message.id, error };
    if (!online || !this.#isCurrent(lane)) return false;
    if (error.code === 'peer-offline') {
      settle(message.id, 'waiting', null, true);
      this.#pause(lane, ABSENT_PAUSE);
      return false;
    }
    lane.attempts += 1;
    if (lane.attempts >= MAXIMUM_ATTEMPTS) {
      lane.attempts = 0;
      lane.unsettled = undefined;
      settle(message.id, 'failed', error, false);
      return true;
    }
    // full jitter, but never sooner than the other side asked for
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** lane.attempts);
    this.#pause(lane, Math.max(this.#parts.clock.random() * longest, (error.retryAfter ?? 0) * 1000));
    return false;
  }

  #pause(lane: Lane, milliseconds: number): void {
    this.#endPause(lane);
    lane.cancelPause = this.#parts.clock.after(milliseconds, () => {
      lane.cancelPause = undefined;
      unawaited(this.#run(lane));
    });
  }

  #endPause(lane: Lane): void {
    lane.cancelPause?.();
    lane.cancelPause = undefined;
  }

  #isCurrent(lane: Lane): boolean {
    return this.#lanes.get(keyOf(lane.route)) === lane;
  }
}
