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
import { unawaited } from '../../contract/unawaited.ts';
import { parseSipAddress } from '../sip-address.ts';
import type { SipUserAgent } from '../user-agent.ts';
import { PRESENCE_RULES } from '../xcap/documents/presence-rules.ts';
import { countUnreadable } from '../xcap/documents/resource-lists.ts';
import { changeService, RLS_SERVICES, serviceOf } from '../xcap/documents/rls-services.ts';
import type { XcapService } from '../xcap/xcap-service.ts';
import { PartedContacts } from './parted-contacts.ts';
import { PresencePermissions } from './presence-permissions.ts';
import { ServerList } from './server-list.ts';
import { byName, type StoredContact, StoredContacts } from './stored-contacts.ts';
import { WATCHER_INFO_TYPE, WatcherInfo } from './watcher-info.ts';
import { ContactWatching } from './watching/contact-watching.ts';
import { EventSubscription } from './watching/event-subscription.ts';

export interface ContactListOptions {
  agent: SipUserAgent;
  storage: ProviderStorage;
  xcap: XcapService;
  random: () => number;
  /** BCP 47 tag of the language notes are read in. */
  language: () => string;
  /** What a contact's presence is now. Told only when it changed. */
  onPresence: (address: Address, presence: PeerPresence) => void;
}

/** Milliseconds the list on the server may keep the presence of those we know already waiting. */
const PATIENCE = 3_000;

/**
 * The contact list and who on it is there. It is the server's where there is one (RFC 4826), with a copy here; else it is
 * kept here, and goes up to the server when one is found. Whether others see us is known from watcher information
 * (RFC 3857); who asks to is shown where the answer can be kept as a rule (RFC 5025).
 */
export class SipContactList implements ContactListOperationSet {
  readonly #options: ContactListOptions;
  readonly #local: StoredContacts;
  readonly #server: ServerList;
  readonly #watching: ContactWatching;
  readonly #watchers = new WatcherInfo();
  readonly #watcherSubscription: EventSubscription;
  readonly #rules: PresencePermissions;
  readonly #service: Address;
  /** In the order of names. */
  #listed: readonly StoredContact[] = [];
  #requests: readonly ContactRequest[] = [];
  readonly #parted: PartedContacts;
  #isRestoring = false;
  #isListAvoided = false;
  readonly #changed = new Emitter<readonly Contact[]>();
  readonly onChange = this.#changed.on;
  readonly #requested = new Emitter<readonly ContactRequest[]>();
  readonly onRequests = this.#requested.on;

  constructor(options: ContactListOptions) {
    const { agent, xcap, random } = options;
    this.#options = options;
    this.#local = new StoredContacts(options.storage);
    this.#parted = new PartedContacts(options.storage);
    this.#service = serviceOf(agent.address);
    // who was blocked has no subscription in which the server could tell (RFC 6665 §4.1.3): a word of ours lets them ask
    this.#rules = new PresencePermissions(xcap, (address) => {
      // a rule may be for an address that cannot be written to
      agent.request({ method: 'OPTIONS', to: address }).catch(() => undefined);
    });
    agent.onHeard((address) => this.#watching.heard(address));
    this.#server = new ServerList({
      storage: options.storage,
      xcap,
      takeBack: (address) => this.#takeBack(address),
      onChange: () => this.#takeList(),
    });
    this.#watching = new ContactWatching({
      agent,
      storage: options.storage,
      service: this.#service,
      random,
      language: options.language,
      onPresence: options.onPresence,
      onSubscription: () => this.#tell(),
      onListChanged: () => unawaited(xcap.look()),
    });
    this.#watcherSubscription = new EventSubscription({
      agent,
      to: agent.address,
      event: 'presence.winfo',
      accept: [WATCHER_INFO_TYPE],
      random,
      onState: (state) => {
        if (state === 'active' || state === 'pending') return;
        this.#watchers.clear();
        this.#takeRequests();
        this.#tell();
      },
      onBody: (body) => {
        const taken = body === undefined ? 'nothing' : this.#watchers.take(body);
        if (taken === 'nothing') return;
        if (taken === 'incomplete') this.#watcherSubscription.refresh();
        this.#takeRequests();
        this.#tell();
      },
    });
    this.#rules.onChange(() => {
      this.#takeRequests();
      this.#tell();
    });
    xcap.lists.onChange(() => this.#takeList());
    xcap.onRead(() => unawaited(this.#server.catchUp()));
    xcap.onFound(() => {
      this.#takeList();
      this.#takeRequests();
    });
    this.#takeList();
  }

  get kept(): 'server' | 'waiting' | 'local' {
    if (!this.#options.xcap.isKnown) return 'local';
    return this.#server.isWaiting ? 'waiting' : 'server';
  }

  get unread(): number {
    const { xcap } = this.#options;
    return xcap.isKnown && xcap.lists.text !== undefined ? countUnreadable(xcap.lists.text) : 0;
  }

  get contacts(): readonly Contact[] {
    return this.#listed.map((contact) => ({ ...contact, subscription: this.#subscriptionOf(contact.address) }));
  }

  has(address: Address): boolean {
    return this.#listed.some((contact) => contact.address === address);
  }

  get requests(): readonly ContactRequest[] {
    return this.#requests;
  }

  get permissions(): PresencePermissions | undefined {
    return this.#options.xcap.has(PRESENCE_RULES) ? this.#rules : undefined;
  }

  async put(contact: { address: Address; name: string; groups: readonly string[] }): Promise<void> {
    const address = addressOf(contact.address);
    const stored = { address, name: contact.name, groups: [...contact.groups] };
    if (this.kept === 'local') {
      this.#local.put(stored);
      this.#takeList();
      return;
    }
    const before = this.#inList(address);
    await this.#server.change({ address, before, wanted: stored });
    // who was refused once and is wanted now may ask again; a rule that cannot be written is there to be changed by hand
    if (!before && this.permissions?.of(address) === 'block')
      await this.permissions.set(address, 'ask').catch(() => {});
    await this.#serve();
  }

  async remove(address: Address): Promise<void> {
    if (this.kept === 'local') {
      if (this.#local.remove(address)) this.#takeList();
      return;
    }
    await this.#server.change({ address, before: this.#inList(address) });
    await this.#serve();
  }

  async answerRequest(address: Address, answer: 'accept' | 'decline'): Promise<void> {
    const { permissions } = this;
    if (!permissions) throw new ProviderError('not-supported');
    await permissions.set(address, answer === 'accept' ? 'allow' : 'block');
    // without a name: the one in the request is the asker's own word, and the list is what was given here
    if (answer === 'accept' && !this.#inList(address)) await this.put({ address, name: '', groups: [] });
  }

  presenceOf(address: Address): PeerPresence {
    return this.#watching.presenceOf(address);
  }

  /** We are registered: read what has changed, subscribe, or tell the notifiers our new address. */
  restore(): Promise<void> {
    this.#isRestoring = true;
    unawaited(this.#watcherSubscription.start());
    const { xcap } = this.#options;
    const isUp = xcap.restore().then((isRead) => (isRead ? this.#bringUp() : undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, xcap.isKnown ? PATIENCE : 0);
    });
    return Promise.race([isUp, late]).finally(() => {
      clearTimeout(timer);
      if (!this.#isRestoring) return;
      this.#isRestoring = false;
      this.#watching.restore();
    });
  }

  /** The connection is gone: what we know of others is old. */
  suspend(): void {
    this.#isRestoring = false;
    this.#options.xcap.suspend();
    this.#watcherSubscription.suspend();
    this.#watching.suspend();
  }

  /** The connection broke by the notices for the whole list: everybody by themselves from now on. */
  avoidList(): void {
    this.#isListAvoided = true;
    this.#watching.setServed(false);
  }
  /** Takes all subscriptions back. Never rejects. */
  async stop(): Promise<void> {
    this.#isRestoring = false;
    await Promise.all([this.#watching.stop(), this.#watcherSubscription.stop(), this.#options.xcap.stop()]);
  }

  #inList(address: Address): StoredContact | undefined {
    return this.#listed.find((contact) => contact.address === address);
  }

  /** Who is no contact any more sees us no longer, as everywhere else. */
  async #takeBack(address: Address): Promise<void> {
    if (this.permissions?.of(address) === 'allow') await this.#rules.set(address, 'ask');
  }

  /** First what was changed while the server was away, then the service that stands for all of it. Never rejects. */
  async #bringUp(): Promise<void> {
    await this.#server.catchUp();
    await this.#serve();
  }

  /** Keeps the service at the server in step with the list. Never rejects: without it everybody is asked for alone. */
  async #serve(): Promise<void> {
    const { xcap, agent } = this.#options;
    // a notice for a whole list does not fit into a datagram
    const isUsable = xcap.has(RLS_SERVICES) && agent.local?.protocol !== 'UDP' && !this.#isListAvoided;
    if (!isUsable || this.#listed.length === 0) {
      this.#watching.setServed(false);
      return;
    }
    // in an order of its own, so that a new name changes nothing
    const people = this.#listed.map(({ address }) => address).sort();
    try {
      await xcap.services.change((text) => changeService(text, this.#service, people));
      this.#watching.setServed(true);
    } catch {
      this.#watching.setServed(false);
    }
  }

  #takeList(): void {
    const here = this.#local.all;
    const before = this.#listed;
    if (this.#options.xcap.isKnown && here.length > 0) {
      this.#server.adopt(here);
      for (const { address } of here) this.#local.remove(address);
    }
    this.#listed = this.#options.xcap.isKnown ? [...this.#server.contacts].sort(byName) : here;
    this.#part(before);
    this.#watching.setContacts(this.#listed.map(({ address }) => address));
    this.#tell();
  }

  /** Who has gone off the list, on whichever device, and saw us until now. */
  #part(before: readonly StoredContact[]): void {
    const listed = new Set(this.#listed.map(({ address }) => address));
    for (const address of listed) this.#parted.forget(address);
    for (const { address } of before)
      if (!listed.has(address) && this.permissions?.of(address) === 'allow')
        this.#parted.add(address, this.#watchers.idsOf(address));
  }

  #takeRequests(): void {
    const { permissions } = this;
    this.#parted.asking(this.#watchers.asking);
    const asking = permissions
      ? this.#watchers.asking.filter(({ address }) => permissions.isOpen(address) && !this.#parted.has(address))
      : [];
    const each = new Map(asking.map(({ address, name }) => [address, { address, ...(name ? { name } : {}) }]));
    const requests = [...each.values()];
    if (JSON.stringify(requests) === JSON.stringify(this.#requests)) return;
    this.#requests = requests;
    this.#requested.emit(requests);
  }

  /** What the server says of watchers may be behind the rules it keeps (Kamailio 5.6 tells only the next subscriptions). */
  #seesUs(address: Address): boolean {
    switch (this.permissions?.of(address)) {
      case 'allow':
        return this.#watchers.watches(address);
      case 'block':
      case 'polite-block':
        return false;
      default:
        return this.#watchers.sees(address);
    }
  }

  #tell(): void {
    this.#changed.emit(this.contacts);
  }

  #subscriptionOf(address: Address): ContactSubscription {
    const state = this.#watching.stateOf(address);
    const seesUs = this.#seesUs(address);
    if (state === 'active') return seesUs ? 'mutual' : 'outgoing';
    if (state === 'pending') return 'pending';
    return seesUs ? 'incoming' : 'none';
  }
}

const addressOf = (text: string): Address => {
  const address = parseSipAddress(text);
  if (typeof address !== 'string') throw address;
  return address;
};
