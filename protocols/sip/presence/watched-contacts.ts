import {
  type Address,
  type Contact,
  type ContactListOperationSet,
  type ContactRequest,
  type ContactSubscription,
  Emitter,
  type PeerPresence,
  ProviderError,
  type ProviderStorage,
} from '../../contract/index.ts';
import { parseSipAddress } from '../sip-address.ts';
import type { SipUserAgent } from '../user-agent.ts';
import { EventSubscription } from './event-subscription.ts';
import { PIDF_TYPE, parsePidf } from './pidf.ts';
import { StoredContacts } from './stored-contacts.ts';
import { WATCHER_INFO_TYPE, WatcherInfo } from './watcher-info.ts';

export interface WatchedContactsOptions {
  agent: SipUserAgent;
  storage: ProviderStorage;
  online: () => boolean;
  /** What a contact's presence is now. Told only when it changed. */
  onPresence(address: Address, presence: PeerPresence): void;
}

const UNKNOWN: PeerPresence = { state: 'unknown' };

interface Watched {
  subscription: EventSubscription;
  presence: PeerPresence;
}

/**
 * The contact list, kept here, and the presence of everybody on it by one subscription each (RFC 3856). Whether they see
 * us too is known where the server tells who watches us (RFC 3857). Requests to see our presence can only be answered
 * over XCAP, so none are shown.
 */
export class WatchedContacts implements ContactListOperationSet {
  readonly kept = 'local';
  readonly requests: readonly ContactRequest[] = [];
  readonly #options: WatchedContactsOptions;
  readonly #stored: StoredContacts;
  readonly #watched = new Map<Address, Watched>();
  readonly #watchers = new WatcherInfo();
  readonly #watcherSubscription: EventSubscription;
  readonly #changed = new Emitter<readonly Contact[]>();
  readonly onChange = this.#changed.on;
  readonly onRequests = new Emitter<readonly ContactRequest[]>().on;

  constructor(options: WatchedContactsOptions) {
    this.#options = options;
    this.#stored = new StoredContacts(options.storage);
    for (const { address } of this.#stored.all) this.#watch(address);
    this.#watcherSubscription = new EventSubscription({
      agent: options.agent,
      to: options.agent.address,
      event: 'presence.winfo',
      accept: [WATCHER_INFO_TYPE],
      onState: (state) => {
        if (state === 'active' || state === 'pending') return;
        this.#watchers.clear();
        this.#changed.emit(this.contacts);
      },
      onBody: (body) => {
        if (body !== undefined && this.#watchers.take(body)) this.#changed.emit(this.contacts);
      },
    });
  }

  get contacts(): readonly Contact[] {
    return this.#stored.all.map((contact) => ({ ...contact, subscription: this.#subscriptionOf(contact.address) }));
  }

  async put(contact: { address: Address; name: string; groups: readonly string[] }): Promise<void> {
    const address = parseSipAddress(contact.address);
    if (typeof address !== 'string') throw address;
    this.#stored.put({ address, name: contact.name, groups: [...contact.groups] });
    if (!this.#watched.has(address)) {
      const { subscription } = this.#watch(address);
      if (this.#options.online()) subscription.start();
    }
    this.#changed.emit(this.contacts);
  }

  async remove(address: Address): Promise<void> {
    if (!this.#stored.remove(address)) return;
    const watched = this.#watched.get(address);
    this.#watched.delete(address);
    this.#changed.emit(this.contacts);
    if (watched && watched.presence.state !== 'unknown') this.#options.onPresence(address, UNKNOWN);
    await watched?.subscription.stop();
  }

  async answerRequest(): Promise<void> {
    throw new ProviderError('not-supported');
  }

  presenceOf(address: Address): PeerPresence {
    return this.#watched.get(address)?.presence ?? UNKNOWN;
  }

  /** We are registered: subscribe, or tell the notifiers our new address. */
  restore(): void {
    for (const { subscription } of this.#watched.values()) subscription.start();
    this.#watcherSubscription.start();
  }

  /** The connection is gone: what we know of others is old. */
  suspend(): void {
    this.#watcherSubscription.suspend();
    for (const [address, { subscription }] of this.#watched) {
      subscription.suspend();
      this.#see(address, UNKNOWN);
    }
  }

  /** Takes all subscriptions back. Never rejects. */
  async stop(): Promise<void> {
    const subscriptions = [...this.#watched.values()].map(({ subscription }) => subscription);
    await Promise.all([...subscriptions, this.#watcherSubscription].map((subscription) => subscription.stop()));
  }

  #watch(address: Address): Watched {
    const subscription = new EventSubscription({
      agent: this.#options.agent,
      to: address,
      event: 'presence',
      accept: [PIDF_TYPE],
      onState: (state) => {
        if (state !== 'active' && state !== 'asked') this.#see(address, UNKNOWN);
        this.#changed.emit(this.contacts);
      },
      onBody: (body) => {
        if (subscription.state !== 'active') return;
        // a server that knows of no publication sends no body: nobody is there
        this.#see(address, body === undefined ? { state: 'offline' } : (parsePidf(body) ?? UNKNOWN));
      },
    });
    const watched: Watched = { subscription, presence: UNKNOWN };
    this.#watched.set(address, watched);
    return watched;
  }

  #see(address: Address, presence: PeerPresence): void {
    const watched = this.#watched.get(address);
    if (!watched || JSON.stringify(watched.presence) === JSON.stringify(presence)) return;
    watched.presence = presence;
    this.#options.onPresence(address, presence);
  }

  #subscriptionOf(address: Address): ContactSubscription {
    const state = this.#watched.get(address)?.subscription.state;
    const seesUs = this.#watchers.sees(address);
    if (state === 'active') return seesUs ? 'mutual' : 'outgoing';
    if (state === 'pending') return 'pending';
    return seesUs ? 'incoming' : 'none';
  }
}
