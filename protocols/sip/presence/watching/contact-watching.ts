import type { Address, PeerPresence, ProviderStorage } from '../../../contract/index.ts';
import { unawaited } from '../../../contract/unawaited.ts';
import type { SipUserAgent } from '../../user-agent.ts';
import type { SubscriptionState } from './event-subscription.ts';
import { IndividualWatching } from './individual-watching.ts';
import { ListWatching, type Watched } from './list-watching.ts';

export interface ContactWatchingOptions {
  agent: SipUserAgent;
  storage: ProviderStorage;
  /** URI of the service that stands for our whole list. */
  service: Address;
  random: () => number;
  /** BCP 47 tag of the language notes are read in. */
  language: () => string;
  /** What a contact's presence is now. Told only when it changed. */
  onPresence: (address: Address, presence: PeerPresence) => void;
  /** Whether we see somebody may have changed. */
  onSubscription(): void;
  /** Another device may have changed the list. */
  onListChanged: () => void;
}

const UNKNOWN: PeerPresence = { state: 'unknown' };
const NOT_THERE: Watched = { state: 'active', presence: { state: 'offline' } };
const ALLOWED_KEY = 'sip.allowed-by';
/** Milliseconds in which somebody who refuses us is asked again once at most, whatever they send us. */
const AGAIN_AFTER = 10_000;

/**
 * The presence of everybody on the contact list: by one subscription to the list where a server has it, and one each for
 * whoever is not served by that.
 */
export class ContactWatching {
  readonly #options: ContactWatchingOptions;
  readonly #individual: IndividualWatching;
  readonly #told = new Map<Address, PeerPresence>();
  /** Who has let us see them, by their own subscription: when a list says nothing of them, they are not there. */
  readonly #allowedBy: Set<Address>;
  /** Whom the list does not show, and who is asked for alone since a sign of life; the time of that. */
  readonly #askedAgain = new Map<Address, number>();
  #addresses: ReadonlySet<Address> = new Set();
  #list: ListWatching | undefined;
  #isLive = false;

  constructor(options: ContactWatchingOptions) {
    this.#options = options;
    this.#allowedBy = new Set((options.storage.get(ALLOWED_KEY) ?? '').split('\n').filter(Boolean));
    this.#individual = new IndividualWatching({
      agent: options.agent,
      random: options.random,
      language: options.language,
      onChange: (address) => {
        this.#noteAllowed(address, this.#individual.of(address)?.state);
        this.#look(address);
        options.onSubscription();
      },
    });
  }

  presenceOf(address: Address): PeerPresence {
    return this.#told.get(address) ?? UNKNOWN;
  }

  stateOf(address: Address): SubscriptionState {
    return this.#of(address)?.state ?? 'idle';
  }

  /** Who is to be watched from now on. */
  setContacts(addresses: readonly Address[]): void {
    this.#addresses = new Set(addresses);
    this.#arrange();
    for (const address of this.#told.keys()) if (!this.#addresses.has(address)) this.#look(address);
  }

  /**
   * Somebody sends us something. Who had refused us may let us see them by now, which nobody tells: RFC 6665 §4.1.3 would have
   * us not subscribe again by ourselves.
   */
  heard(address: Address): void {
    if (!this.#isLive || !this.#addresses.has(address)) return;
    const isListed = this.#list?.of(address) !== undefined;
    const isRefused = this.stateOf(address) === 'refused' || (isListed && this.stateOf(address) === 'pending');
    const now = performance.now();
    if (!isRefused || now - (this.#askedAgain.get(address) ?? Number.NEGATIVE_INFINITY) < AGAIN_AFTER) return;
    this.#askedAgain.set(address, now);
    if (this.#individual.has(address)) this.#individual.askAgain(address);
    else this.#arrange();
  }

  /** The server holds the list now, or not any more. */
  setServed(isServed: boolean): void {
    if (isServed === (this.#list !== undefined)) return;
    if (isServed) {
      this.#list = new ListWatching({
        agent: this.#options.agent,
        service: this.#options.service,
        random: this.#options.random,
        language: this.#options.language,
        onChange: () => this.#lookAtAll(),
        onListChanged: this.#options.onListChanged,
      });
      if (this.#isLive) this.#list.start();
    } else {
      const list = this.#list;
      this.#list = undefined;
      unawaited(list?.stop());
    }
    this.#lookAtAll();
  }

  /** We are registered: subscribe, or tell the notifiers our new address. */
  restore(): void {
    this.#isLive = true;
    this.#list?.start();
    this.#arrange();
    this.#individual.restore();
  }

  /** The connection is gone: what we know of others is old. */
  suspend(): void {
    this.#isLive = false;
    this.#askedAgain.clear();
    this.#list?.suspend();
    this.#individual.suspend();
    for (const address of this.#told.keys()) this.#look(address);
  }

  /** Takes all subscriptions back. Never rejects. */
  async stop(): Promise<void> {
    this.#isLive = false;
    await Promise.all([this.#list?.stop(), this.#individual.stop()]);
  }

  /** What the list says; where it says nothing, what their own subscription says. */
  #of(address: Address): Watched | undefined {
    const [listed, single] = [this.#list?.of(address), this.#individual.of(address)];
    if (listed && listed.state !== 'asked' && (listed.state === 'active' || single?.state !== 'active')) return listed;
    if (single && single.state !== 'idle') return single;
    return this.#isAwayBySilence(address) ? NOT_THERE : (single ?? listed);
  }

  #isAwayBySilence(address: Address): boolean {
    const list = this.#list;
    return list?.isSilent(address) === true && list.isSilenceAbsence && this.#allowedBy.has(address);
  }

  #noteAllowed(address: Address, state: SubscriptionState | undefined): void {
    const before = this.#allowedBy.size;
    if (state === 'active') this.#allowedBy.add(address);
    else if (state === 'pending' || state === 'refused') this.#allowedBy.delete(address);
    if (this.#allowedBy.size === before) return;
    this.#options.storage.put(ALLOWED_KEY, [...this.#allowedBy].join('\n'));
  }

  #lookAtAll(): void {
    this.#arrange();
    for (const address of this.#addresses) {
      if (this.#list?.of(address)?.state === 'active') this.#noteAllowed(address, 'active');
      this.#look(address);
    }
    this.#options.onSubscription();
  }

  /** Who needs a subscription of their own. */
  #arrange(): void {
    if (!this.#isLive) return;
    const list = this.#list;
    const wanted = [...this.#addresses].filter((address) => {
      if (!list || list.state === 'failed') return true;
      const listed = list.of(address);
      if (list.state === 'active' && listed === undefined) return true;
      if (list.isSilent(address)) return !this.#isAwayBySilence(address);
      // Kamailio 5.6 loses a change of a list now and then: a first yes that is waited for comes by a subscription of its own as well.
      // Who has taken theirs back is not asked anew by that
      if (listed?.state === 'pending' && !this.#allowedBy.has(address)) return true;
      // who is seen already goes on being seen until the list has them, as is who was asked again
      if (listed?.state !== 'active' && this.#askedAgain.has(address)) return true;
      return listed?.state === 'active' ? false : this.#individual.has(address);
    });
    this.#individual.want(new Set(wanted));
  }

  #look(address: Address): void {
    const isSeen = this.#isLive && this.#addresses.has(address);
    const presence = (isSeen ? this.#of(address)?.presence : undefined) ?? UNKNOWN;
    const before = this.presenceOf(address);
    if (JSON.stringify(before) === JSON.stringify(presence)) return;
    if (presence.state === 'unknown') this.#told.delete(address);
    else this.#told.set(address, presence);
    this.#options.onPresence(address, presence);
  }
}
