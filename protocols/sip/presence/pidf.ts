import type { Address, OwnPresence, PeerPresence, PresenceState } from '../../contract/index.ts';
import { headerText } from '../header-text.ts';
import { uriText } from '../sip-address.ts';
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
  const entity = escapeXml(uriText(facts.entity));
  const activities = ACTIVITIES[state];
  const written = note ? escapeXml(headerText(note, NOTE_MAXIMUM)) : '';
  return [
    `<?xml version="1.0" encoding="UTF-8"?>\r\n`,
    `<presence xmlns="${PIDF}" xmlns:dm="${MODEL}" xmlns:rpid="${RPID}" entity="${entity}">`,
    `<tuple id="t${facts.tupleId}"><status><basic>${state === 'offline' ? 'closed' : 'open'}</basic></status>`,
    `<contact>${entity}</contact>`,
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
 * become one: online where one of them is, and what the most reachable of them says. Of notes in several languages the one
 * in `language` (a BCP 47 tag) is taken.
 */
export const parsePidf = (text: string, language = ''): PeerPresence | undefined => {
  const root = parseXml(text);
  if (root?.name !== 'presence' || root.namespace !== PIDF) return undefined;
  const tuples = newestTuples(root.children.filter((c) => c.name === 'tuple' && c.namespace === PIDF));
  const persons = root.children.filter((c) => c.name === 'person');
  const machines = root.children.filter((c) => c.name === 'device');
  const devices = tuples.map((tuple, index): PeerPresence => {
    // ours and many others name tuple and person alike; else they come in the same order, or there is one person for all
    const id = tuple.attributes.id?.slice(1);
    const own = persons.find((person) => id !== undefined && person.attributes.id?.slice(1) === id);
    const person = own ?? (persons.length === tuples.length ? persons[index] : persons[0]);
    // RFC 4479 §3.3.1: the tuple names the device it runs on
    const runsOn = childOf(tuple, 'deviceID')?.text;
    const machine = machines.find((each) => runsOn !== undefined && childOf(each, 'deviceID')?.text === runsOn);
    return describe({ tuple, person, machine }, language);
  });
  // who is spoken of without a word of how to reach them cannot be reached
  if (devices.length === 0) devices.push(describe({ person: persons[0] }, language));
  const best = mostReachable(devices);
  const note = best.note ?? noteOf(root, language);
  return { ...best, ...(note ? { note } : {}) };
};

/** What several devices or subscriptions say together. */
export const mostReachable = (devices: readonly PeerPresence[]): PeerPresence => {
  for (const state of PREFERENCE) {
    const found = devices.find((device) => device.state === state);
    if (found) return found;
  }
  return devices[0] ?? { state: 'unknown' };
};

interface Described {
  tuple?: XmlElement;
  person: XmlElement | undefined;
  machine?: XmlElement | undefined;
}

const describe = ({ tuple, person, machine }: Described, language: string): PeerPresence => {
  const status = childOf(tuple, 'status');
  const activities = [person, status, tuple].flatMap((each) => childOf(each, 'activities')?.children ?? []);
  const note = noteOf(person, language) ?? noteOf(tuple, language);
  // RFC 4480 §3.14: of the person, the service or the device
  const input = [person, tuple, machine].map((each) => childOf(each, 'user-input')).find((each) => each !== undefined);
  const isIdle = input?.text === 'idle';
  const idleSince = isIdle ? Date.parse(input.attributes['last-input'] ?? '') : Number.NaN;
  const said = { ...(note ? { note } : {}), ...(Number.isNaN(idleSince) ? {} : { idleSince }) };
  // RFC 3863 §4.1.4: nothing is said of whether messages get there; then it is what the person does that counts
  const basic = childOf(status, 'basic')?.text.toLowerCase() ?? (activities.length > 0 || isIdle ? 'open' : undefined);
  if (!tuple || basic === 'closed') return { state: 'offline', ...(note ? { note } : {}) };
  return basic === 'open' ? { state: stateOf(activities, isIdle), ...said } : { state: 'unknown', ...said };
};

const AWAY = new Set(
  'away permanent-absence sleeping vacation holiday breakfast lunch dinner meal shopping travel worship'.split(' '),
);
const BUSY = new Set('busy on-the-phone meeting appointment presentation performance in-transit steering'.split(' '));

/** RFC 4480 §3.2. What a later list of activities adds is done by somebody who is there. */
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

/** RFC 4479 §5: notes side by side are one in several languages; in the reader's language; else without a language, else the first. */
const noteOf = (element: XmlElement | undefined, language: string): string | undefined => {
  const notes = element?.children.filter(({ name, text }) => name === 'note' && text !== '') ?? [];
  const primary = (tag: string | undefined): string | undefined => tag?.split('-', 1)[0]?.toLowerCase();
  const note =
    notes.find((each) => each.language?.toLowerCase() === language.toLowerCase()) ??
    notes.find((each) => primary(each.language) === primary(language)) ??
    notes.find((each) => each.language === undefined) ??
    notes[0];
  return headerText(note?.text ?? '', NOTE_MAXIMUM) || undefined;
};
