import type { Address, OwnPresence, PeerPresence, PresenceState } from '../../contract/index.ts';
import { headerText } from '../header-text.ts';
import { childOf, escapeXml, parseXml, type XmlElement } from '../xml-tree.ts';

/** Presence documents: PIDF (RFC 3863) with the data model (RFC 4479) and RPID (RFC 4480). */
export const PIDF_TYPE = 'application/pidf+xml';
const PIDF = 'urn:ietf:params:xml:ns:pidf';
const MODEL = 'urn:ietf:params:xml:ns:pidf:data-model';
const RPID = 'urn:ietf:params:xml:ns:pidf:rpid';

const NOTE_MAXIMUM = 1000;

const ACTIVITIES: Readonly<Record<PresenceState, string>> = {
  available: '',
  offline: '',
  away: '<rpid:away/>',
  busy: '<rpid:busy/>',
  // RFC 4480 §3.2 knows no such activity; who does not read `other` still sees busy
  'do-not-disturb': '<rpid:busy/><rpid:other>do-not-disturb</rpid:other>',
};

/**
 * Our presence as others get it. `tupleId` names this installation, so that several of ours stay apart.
 *
 * @example formatPidf({ state: 'away', note: 'Lunch' }, { entity: 'sip:ana@campus.test', tupleId: 'a1', now: Date.now() })
 */
export const formatPidf = (presence: OwnPresence, facts: { entity: Address; tupleId: string; now: number }): string => {
  const { state, note, idleSince } = presence;
  const activities = ACTIVITIES[state];
  const written = note ? escapeXml(headerText(note, NOTE_MAXIMUM)) : '';
  return [
    `<?xml version="1.0" encoding="UTF-8"?>\r\n`,
    `<presence xmlns="${PIDF}" xmlns:dm="${MODEL}" xmlns:rpid="${RPID}" entity="${escapeXml(facts.entity)}">`,
    `<tuple id="t${facts.tupleId}"><status><basic>${state === 'offline' ? 'closed' : 'open'}</basic></status>`,
    `<contact>${escapeXml(facts.entity)}</contact>`,
    written ? `<note>${written}</note>` : '',
    `<timestamp>${new Date(facts.now).toISOString()}</timestamp></tuple>`,
    `<dm:person id="p${facts.tupleId}">`,
    activities ? `<rpid:activities>${activities}</rpid:activities>` : '',
    idleSince === undefined
      ? ''
      : `<rpid:user-input last-input="${new Date(idleSince).toISOString()}">idle</rpid:user-input>`,
    written ? `<dm:note>${written}</dm:note>` : '',
    '</dm:person></presence>',
  ].join('');
};

/** What several devices say together: the first of these that one of them is. */
const PREFERENCE: readonly PresenceState[] = ['available', 'busy', 'do-not-disturb', 'away', 'offline'];

/**
 * What a presence document says. Undefined when it is none. Documents of several devices, which servers put together,
 * become one: online where one of them is, and what the most reachable of them says.
 */
export const parsePidf = (text: string): PeerPresence | undefined => {
  const root = parseXml(text);
  if (root?.name !== 'presence' || root.namespace !== PIDF) return undefined;
  const tuples = newestTuples(root.children.filter((c) => c.name === 'tuple' && c.namespace === PIDF));
  const persons = root.children.filter((c) => c.name === 'person');
  const devices = tuples.map((tuple, index): PeerPresence => {
    if (childOf(childOf(tuple, 'status'), 'basic')?.text.toLowerCase() !== 'open') return { state: 'offline' };
    // ours and many others name tuple and person alike; else they come in the same order, or there is one person for all
    const id = tuple.attributes.id?.slice(1);
    const own = persons.find((person) => id !== undefined && person.attributes.id?.slice(1) === id);
    const person = own ?? (persons.length === tuples.length ? persons[index] : persons[0]);
    return describe(tuple, person);
  });
  if (devices.length === 0) return { state: 'offline' };
  const best = mostReachable(devices);
  const note = best.note ?? noteOf(root);
  return { ...best, ...(note ? { note } : {}) };
};

/** What several devices or subscriptions say together. */
export const mostReachable = (devices: readonly PeerPresence[]): PeerPresence => {
  for (const state of PREFERENCE) {
    const found = devices.find((device) => device.state === state);
    if (found) return found;
  }
  return { state: 'unknown' };
};

const describe = (tuple: XmlElement, person: XmlElement | undefined): PeerPresence => {
  const activities = [
    childOf(person, 'activities'),
    childOf(childOf(tuple, 'status'), 'activities'),
    childOf(tuple, 'activities'),
  ];
  const names = activities.flatMap((each) => each?.children ?? []);
  const note = noteOf(person) ?? noteOf(tuple);
  const input = childOf(person, 'user-input') ?? childOf(tuple, 'user-input');
  const idleSince = input?.text === 'idle' ? Date.parse(input.attributes['last-input'] ?? '') : Number.NaN;
  return {
    state: stateOf(names, input?.text === 'idle'),
    ...(note ? { note } : {}),
    ...(Number.isNaN(idleSince) ? {} : { idleSince }),
  };
};

const AWAY = new Set(['away', 'permanent-absence', 'sleeping', 'vacation', 'holiday', 'breakfast', 'dinner', 'meal']);
const BUSY = new Set(['busy', 'on-the-phone', 'meeting', 'appointment', 'presentation', 'in-transit', 'steering']);

const stateOf = (activities: readonly XmlElement[], idle: boolean): PresenceState => {
  const has = (names: ReadonlySet<string>): boolean => activities.some(({ name }) => names.has(name));
  if (activities.some(({ name, text }) => /^(?:other|dnd)$/.test(name) && /do.?not.?disturb|dnd/i.test(text || name)))
    return 'do-not-disturb';
  if (has(BUSY)) return 'busy';
  return has(AWAY) || idle ? 'away' : 'available';
};

/** A device that came back before its old publication ended is there twice, under one id. */
const newestTuples = (tuples: readonly XmlElement[]): XmlElement[] => {
  const byId = new Map<string, XmlElement>();
  for (const [index, tuple] of tuples.entries()) {
    const id = tuple.attributes.id ?? String(index);
    const known = byId.get(id);
    if (!known || timeOf(tuple) >= timeOf(known)) byId.set(id, tuple);
  }
  return [...byId.values()];
};

const timeOf = (tuple: XmlElement): number => Date.parse(childOf(tuple, 'timestamp')?.text ?? '') || 0;

const noteOf = (element: XmlElement | undefined): string | undefined =>
  headerText(childOf(element, 'note')?.text ?? '', NOTE_MAXIMUM) || undefined;
