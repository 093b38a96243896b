import type { IqCallee } from '@xmpp/iq/callee.js';
import {
  type Address,
  type Contact,
  type ContactListOperationSet,
  type ContactRequest,
  type ContactSubscription,
  Emitter,
  type ProviderContext,
  ProviderError,
  type ProviderLog,
  type ProviderStorage,
} from '../../contract/index.ts';
import { addressOf, bareJidOf, parseJid } from '../address.ts';
import { NS } from '../namespaces.ts';
import type { Session } from '../session/session.ts';
import { type Element, normaliseLine, xml } from '../stream/xml.ts';

const VERSION = 'roster.version';
/** More than these no person answers; the server keeps what is not answered and sends it again at the next login (RFC 6121 §3.1.3). */
const MAXIMUM_REQUESTS = 200;
const MAXIMUM_GROUPS = 50;
const ITEMS = 'roster.items';

interface RosterItem {
  jid: string;
  name: string;
  groups: string[];
  /** RFC 6121 §2.1.2.5. */
  subscription: 'none' | 'to' | 'from' | 'both';
  /** We asked to see them and wait for an answer. */
  asked: boolean;
}

const SUBSCRIPTIONS: Readonly<Record<RosterItem['subscription'], ContactSubscription>> = {
  both: 'mutual',
  to: 'outgoing',
  from: 'incoming',
  none: 'none',
};

const parseItem = (element: Element): { jid: string; item: RosterItem | undefined } | undefined => {
  const jid = parseJid(element.attrs.jid)?.bare;
  if (!jid) return undefined;
  const { subscription = 'none', name, ask } = element.attrs;
  // RFC 6121 §2.1.2.5: any other value means that there is nothing to know
  if (subscription === 'remove') return { jid, item: undefined };
  // a set on the server, in any order (RFC 6121 §2.1.2.6)
  const groups = element
    .getChildren('group', NS.roster)
    .slice(0, MAXIMUM_GROUPS)
    .flatMap((group) => normaliseLine(group.getText()) || []);
  const known = subscription in SUBSCRIPTIONS ? (subscription as RosterItem['subscription']) : 'none';
  return {
    jid,
    item: {
      jid,
      name: normaliseLine(name),
      groups: [...new Set(groups)].sort((a, b) => a.localeCompare(b)),
      subscription: known,
      asked: ask === 'subscribe',
    },
  };
};

const contactOf = ({ jid, name, groups, subscription, asked }: RosterItem): Contact => ({
  address: addressOf(jid),
  name,
  groups,
  subscription: asked && subscription !== 'both' && subscription !== 'to' ? 'pending' : SUBSCRIPTIONS[subscription],
});

/** The server's list of contacts (RFC 6121 §2) and requests to see us (§3). A copy with its version is kept here (§2.6). */
export class ContactList implements ContactListOperationSet {
  readonly kept = 'server';
  readonly #session: Session;
  readonly #storage: ProviderStorage;
  readonly #log: ProviderLog;
  readonly #displayName: string;
  readonly #items = new Map<string, RosterItem>();
  readonly #asking = new Map<string, ContactRequest>();
  #telling = false;
  readonly #changed = new Emitter<readonly Contact[]>();
  readonly onChange = this.#changed.on;
  readonly #requested = new Emitter<readonly ContactRequest[]>();
  readonly onRequests = this.#requested.on;

  constructor(session: Session, { account, storage, log }: Pick<ProviderContext, 'account' | 'storage' | 'log'>) {
    this.#session = session;
    this.#displayName = account.displayName;
    this.#storage = storage;
    this.#log = log;
    for (const item of JSON.parse(storage.get(ITEMS) ?? '[]') as RosterItem[]) this.#items.set(item.jid, item);
  }

  get contacts(): readonly Contact[] {
    const shown = ({ name, address }: Contact): string => name || address;
    return [...this.#items.values()].map(contactOf).sort((a, b) => shown(a).localeCompare(shown(b)));
  }

  get requests(): readonly ContactRequest[] {
    return [...this.#asking.values()];
  }

  /** Whether we may see this peer's presence. */
  mayWeSee(bareJid: string): boolean {
    const subscription = this.#items.get(bareJid)?.subscription;
    return subscription === 'to' || subscription === 'both';
  }

  /** Whether this peer may see our presence. */
  mayTheySee(bareJid: string): boolean {
    const subscription = this.#items.get(bareJid)?.subscription;
    return subscription === 'from' || subscription === 'both';
  }

  /** RFC 6121 §2.1.6: a push counts only when our own account sends it. */
  answerPushes(answers: IqCallee): void {
    answers.set(NS.roster, 'query', ({ stanza, element }) => {
      const from = stanza.attrs.from;
      if (from !== undefined && from.toLowerCase() !== this.#session.bareJid) {
        this.#log('warn', 'xmpp.roster-push-forged');
        return xml('error', { type: 'cancel' }, xml('service-unavailable', NS.stanzaErrors));
      }
      for (const child of element.getChildren('item', NS.roster)) this.#take(child);
      this.#save(element.attrs.ver);
      return true;
    });
  }

  /** Gets the list, or only what changed since our copy (RFC 6121 §2.6.2). */
  async load(versioning: boolean): Promise<void> {
    const ver = versioning ? (this.#storage.get(VERSION) ?? '') : undefined;
    const result = await this.#session.iq.request({ type: 'get', child: xml('query', { xmlns: NS.roster, ver }) });
    const query = result.getChild('query', NS.roster);
    // nothing inside: our copy is right, and what is not comes by pushes
    if (!query) return;
    this.#items.clear();
    for (const child of query.getChildren('item', NS.roster)) this.#take(child);
    this.#save(query.attrs.ver);
  }

  async put({ address, name, groups }: { address: Address; name: string; groups: readonly string[] }): Promise<void> {
    const jid = bareJidOf(address);
    const item = xml(
      'item',
      { jid, name },
      groups.map((group) => xml('group', {}, group)),
    );
    await this.#session.iq.request({ type: 'set', child: xml('query', NS.roster, item) });
    // RFC 6121 §3.1: adding somebody means wanting to see them
    if (this.mayWeSee(jid) || this.#items.get(jid)?.asked) return;
    // XEP-0172 §4.2: who is asked should know by whom
    const nick = this.#displayName ? xml('nick', NS.nick, this.#displayName) : undefined;
    await this.#sendAndWait(xml('presence', { type: 'subscribe', to: jid }, nick));
  }

  async remove(address: Address): Promise<void> {
    const item = xml('item', { jid: bareJidOf(address), subscription: 'remove' });
    try {
      await this.#session.iq.request({ type: 'set', child: xml('query', NS.roster, item) });
    } catch (cause) {
      // RFC 6121 §2.5.3: another device was quicker
      if (!(cause instanceof ProviderError) || cause.protocolCode !== 'item-not-found') throw cause;
    }
  }

  async answerRequest(address: Address, answer: 'accept' | 'decline'): Promise<void> {
    const jid = bareJidOf(address);
    const type = answer === 'accept' ? 'subscribed' : 'unsubscribed';
    if (!this.#session.isConnected) throw new ProviderError('network', { retryable: true, detail: 'not online' });
    await this.#sendAndWait(xml('presence', { type, to: jid }));
    if (this.#asking.delete(jid)) this.#tellRequests();
  }

  /** Presence that is about subscriptions. */
  takeSubscription(stanza: Element): void {
    const jid = parseJid(stanza.attrs.from)?.bare;
    if (!jid) return;
    if (stanza.attrs.type === 'subscribe') {
      if (this.#asking.size >= MAXIMUM_REQUESTS && !this.#asking.has(jid)) {
        this.#log('warn', 'xmpp.requests-left');
        return;
      }
      const name = normaliseLine(stanza.getChildText('nick', NS.nick));
      const note = normaliseLine(stanza.getChildText('status'));
      this.#asking.set(jid, { address: addressOf(jid), ...(name ? { name } : {}), ...(note ? { note } : {}) });
    } else if (stanza.attrs.type !== 'unsubscribe' || !this.#asking.delete(jid)) return;
    this.#tellRequests();
  }

  /** Once for all that came in one turn. */
  #tellRequests(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      this.#requested.emit(this.requests);
    });
  }

  /** Resolves when the server has handled it: the pushes it makes are here by then. */
  #sendAndWait(stanza: Element): Promise<void> {
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new ProviderError('network', { retryable: true, detail: 'session lost' }));
      this.#session.send(stanza, { acked: resolve, lost, refused: reject });
    });
  }

  #take(element: Element): void {
    const parsed = parseItem(element);
    if (!parsed) return;
    if (parsed.item) this.#items.set(parsed.jid, parsed.item);
    else this.#items.delete(parsed.jid);
    // answered on another device
    const seesUs = parsed.item?.subscription === 'from' || parsed.item?.subscription === 'both';
    if (seesUs && this.#asking.delete(parsed.jid)) this.#tellRequests();
  }

  #save(version: string | undefined): void {
    this.#storage.put(ITEMS, JSON.stringify([...this.#items.values()]));
    if (version === undefined) this.#storage.delete(VERSION);
    else this.#storage.put(VERSION, version);
    this.#changed.emit(this.contacts);
  }
}
