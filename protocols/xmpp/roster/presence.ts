import {
  type Address,
  Emitter,
  type OwnPresence,
  type PeerPresence,
  type PresenceOperationSet,
  type PresenceState,
  ProviderError,
} from '../../contract/index.ts';
import { addressOf, bareJidOf, parseJid } from '../address.ts';
import { capabilities } from '../discovery/own-features.ts';
import { NS } from '../namespaces.ts';
import type { Session } from '../session/session.ts';
import { type Element, normaliseLine, parseDateTime, xml } from '../stream/xml.ts';

interface Resource {
  state: PresenceState;
  priority: number;
  note: string | undefined;
  idleSince: number | undefined;
}

// RFC 6121 §4.7.2.1 has no word for "busy but may be spoken to"; RFC 4480 §3.2 has, and rides along for those who read it.
const SHOWS: Readonly<Record<Exclude<PresenceState, 'offline'>, string | undefined>> = {
  available: undefined,
  away: 'away',
  busy: 'dnd',
  'do-not-disturb': 'dnd',
};

// the one who can be reached best stands for the person
const RANK: readonly PresenceState[] = ['available', 'busy', 'do-not-disturb', 'away', 'offline'];

/** Of one person: no person has more, and a client that claims more only takes memory. */
const MAXIMUM_DEVICES = 50;

const presenceStanza = ({ state, note, idleSince }: OwnPresence): Element => {
  if (state === 'offline') return xml('presence', { type: 'unavailable' }, note ? xml('status', {}, note) : undefined);
  const show = SHOWS[state];
  return xml(
    'presence',
    {},
    show ? xml('show', {}, show) : undefined,
    note ? xml('status', {}, note) : undefined,
    state === 'busy' ? xml('activities', NS.richPresence, xml('busy')) : undefined,
    idleSince === undefined ? undefined : xml('idle', { xmlns: NS.idle, since: new Date(idleSince).toISOString() }),
    capabilities(),
  );
};

const parseResource = (stanza: Element): Resource => {
  const show = stanza.getChildText('show') ?? '';
  const busy = stanza.getChild('activities', NS.richPresence)?.getChild('busy') !== undefined;
  const state =
    show === 'away' || show === 'xa' ? 'away' : show === 'dnd' ? (busy ? 'busy' : 'do-not-disturb') : 'available';
  const priority = Number.parseInt(stanza.getChildText('priority') ?? '0', 10);
  return {
    state,
    priority: Number.isNaN(priority) ? 0 : priority,
    note: normaliseLine(stanza.getChildText('status')) || undefined,
    idleSince: parseDateTime(stanza.getChild('idle', NS.idle)?.attrs.since),
  };
};

const same = (a: PeerPresence, b: PeerPresence): boolean =>
  a.state === b.state && a.note === b.note && a.idleSince === b.idleSince;

export interface PresenceOptions {
  session: Session;
  /** Whether the list says that this peer shows us presence. */
  mayWeSee: (bareJid: string) => boolean;
  isOnline: () => boolean;
  /** We were there unseen, and are to be seen again: told before the server is. */
  onReturn: () => void;
  /** The same, told when our presence is on its way. */
  onReturned: () => void;
}

/** Who is there (RFC 6121 §4): ours published, theirs merged over their devices. */
export class Presence implements PresenceOperationSet {
  readonly #session: Session;
  readonly #mayWeSee: (bareJid: string) => boolean;
  readonly #isOnline: () => boolean;
  readonly #onReturn: () => void;
  readonly #onReturned: () => void;
  readonly #resources = new Map<string, Map<string, Resource>>();
  readonly #told = new Map<string, PeerPresence>();
  readonly #changed = new Emitter<{ address: Address; presence: PeerPresence }>();
  readonly onPresence = this.#changed.on;
  #own: OwnPresence = { state: 'available' };

  constructor({ session, mayWeSee, isOnline, onReturn, onReturned }: PresenceOptions) {
    this.#session = session;
    this.#mayWeSee = mayWeSee;
    this.#isOnline = isOnline;
    this.#onReturn = onReturn;
    this.#onReturned = onReturned;
  }

  /** While not connected it is only remembered; the next login publishes it. */
  async publish(presence: OwnPresence): Promise<void> {
    const returns = this.#own.state === 'offline' && presence.state !== 'offline';
    this.#own = presence;
    if (!this.#isOnline()) return;
    if (returns) this.#onReturn();
    const announced = this.announce();
    if (returns) this.#onReturned();
    await announced;
  }

  /** True while we are connected and do not want to be seen. */
  get isHidden(): boolean {
    return this.#own.state === 'offline';
  }

  /** Sends our presence; resolves when the server has it. */
  announce(): Promise<void> {
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new ProviderError('network', { retryable: true, detail: 'presence' }));
      this.#session.send(presenceStanza(this.#own), { acked: resolve, lost, refused: reject });
    });
  }

  presenceOf(address: Address): PeerPresence {
    return this.#merged(bareJidOf(address));
  }

  isAway(bareJid: string): boolean {
    return this.#merged(bareJid).state === 'offline';
  }

  take(stanza: Element): void {
    const from = parseJid(stanza.attrs.from);
    if (!from || from.bare === this.#session.bareJid) return;
    const devices = this.#resources.get(from.bare) ?? new Map<string, Resource>();
    if (stanza.attrs.type === undefined) {
      if (devices.size >= MAXIMUM_DEVICES && !devices.has(from.resource)) return;
      devices.set(from.resource, parseResource(stanza));
      this.#resources.set(from.bare, devices);
    } else if (stanza.attrs.type === 'unavailable' || stanza.attrs.type === 'error') {
      // RFC 6121 §4.5.4: from the bare JID it is meant for all of them
      if (from.resource) devices.delete(from.resource);
      else devices.clear();
      if (devices.size === 0) this.#resources.delete(from.bare);
    } else return;
    this.#tell(from.bare);
  }

  /** The list changed: who may not be seen any more is unknown, who may now be seen is at least offline. */
  review(contacts: readonly { address: Address }[]): void {
    // Prosody 0.12 does not say unavailable for somebody who was taken off the list
    for (const bareJid of this.#resources.keys()) if (!this.#mayWeSee(bareJid)) this.#resources.delete(bareJid);
    for (const { address } of contacts) this.#tell(bareJidOf(address));
    for (const bareJid of this.#told.keys()) this.#tell(bareJid);
  }

  /** Nothing is known any more. */
  clear(): void {
    this.#resources.clear();
  }

  #merged(bareJid: string): PeerPresence {
    const devices = [...(this.#resources.get(bareJid)?.values() ?? [])];
    const [best] = devices.sort((a, b) => b.priority - a.priority || RANK.indexOf(a.state) - RANK.indexOf(b.state));
    if (!best) return { state: this.#isOnline() && this.#mayWeSee(bareJid) ? 'offline' : 'unknown' };
    return {
      state: best.state,
      ...(best.note === undefined ? {} : { note: best.note }),
      ...(best.idleSince === undefined ? {} : { idleSince: best.idleSince }),
    };
  }

  #tell(bareJid: string): void {
    const presence = this.#merged(bareJid);
    const before = this.#told.get(bareJid) ?? { state: 'unknown' };
    if (same(presence, before)) return;
    if (presence.state === 'unknown') this.#told.delete(bareJid);
    else this.#told.set(bareJid, presence);
    this.#changed.emit({ address: addressOf(bareJid), presence });
  }
}
