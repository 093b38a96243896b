import type { OwnPresence, PresenceState } from '../../contract/index.ts';
import { headerText } from '../header-text.ts';
import { isInstanceId } from './identity/instance.ts';

/** Service type of AIMS in DNS-SD (RFC 6763 §7): one instance per account, named by its instance id. */
export const SERVICE = '_aims._tcp.local';
/** Answers "which services are there?" (RFC 6763 §9). */
const SERVICES = '_services._dns-sd._udp.local';
const VERSION = '1';
/** RFC 6762 §10: records that name a host 120 s, the others 75 minutes. */
const HOST_TTL = 120;
const OTHER_TTL = 4500;
const NAME_MAXIMUM = 60;
const NOTE_MAXIMUM = 60;
/** Programs from before ids were keys show this as the note of everybody they can no longer write to. */
const NOTE_FOR_OUTDATED = 'Atualize o AIMS para escrever · Update AIMS to write';

/** One DNS record as bonjour-service's DNS codec takes and gives it. */
export interface DnsRecord {
  name: string;
  type: string;
  ttl?: number;
  data?: unknown;
}

/** What one instance tells the network about itself. */
export interface Announcement {
  id: string;
  port: number;
  /** What the person calls itself; nobody has checked it. */
  name: string;
  presence: OwnPresence;
  /** By a program from before ids were keys: it is seen, and nothing can be sent to it. */
  outdated?: true;
}

/** Whoever wants to be offline can still be written to, as with a server: so that is announced like the others. */
const STATES: readonly string[] = ['available', 'away', 'busy', 'do-not-disturb', 'offline'] satisfies PresenceState[];

/** What nobody sees: it would make an empty name of something, or turn the text beside it round. */
const INVISIBLE = /[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** A TXT string has 255 bytes at most, key and all (RFC 6763 §6.1); characters take up to four. */
const shorten = (text: string, maximum: number): string =>
  Array.from(headerText(text.replace(INVISIBLE, ''), 400))
    .slice(0, maximum)
    .join('');

/**
 * The records of one instance (RFC 6763 §4.1). `address` is where it can be reached.
 *
 * @example recordsOf({ id, port: 5070, name: 'Ana', presence: { state: 'available' } }, '192.0.2.1')
 */
export function recordsOf({ id, port, name, presence }: Announcement, address: string): DnsRecord[] {
  const instance = `${id}.${SERVICE}`;
  const target = `${id}.local`;
  const txt = [
    `v=${VERSION}`,
    // the id is the hash of a key, which is shown on every connection
    'key=1',
    `name=${shorten(name, NAME_MAXIMUM)}`,
    `state=${presence.state}`,
    `note=${NOTE_FOR_OUTDATED}`,
    ...(presence.note ? [`said=${shorten(presence.note, NOTE_MAXIMUM)}`] : []),
    ...(presence.idleSince !== undefined ? [`idle=${Math.floor(presence.idleSince / 1000)}`] : []),
  ];
  return [
    { name: SERVICE, type: 'PTR', ttl: OTHER_TTL, data: instance },
    { name: instance, type: 'SRV', ttl: HOST_TTL, data: { port, target } },
    { name: instance, type: 'TXT', ttl: OTHER_TTL, data: txt },
    { name: target, type: 'A', ttl: HOST_TTL, data: address },
    { name: SERVICES, type: 'PTR', ttl: OTHER_TTL, data: SERVICE },
  ];
}

const instanceOf = (name: unknown): string | undefined => {
  if (typeof name !== 'string' || !name.toLowerCase().endsWith(`.${SERVICE}`)) return undefined;
  const id = name.slice(0, -SERVICE.length - 1).toLowerCase();
  return isInstanceId(id) ? id : undefined;
};

const readTxt = (data: unknown): ReadonlyMap<string, string> | undefined => {
  const strings: unknown[] = Array.isArray(data) ? data : [data];
  const values = new Map<string, string>();
  for (const string of strings.slice(0, 32)) {
    if (!Buffer.isBuffer(string) && typeof string !== 'string') return undefined;
    const text = string.toString();
    const equals = text.indexOf('=');
    const key = text.slice(0, Math.max(0, equals)).toLowerCase();
    // RFC 6763 §6.4: the first of a key counts
    if (equals > 0 && !values.has(key)) values.set(key, text.slice(equals + 1));
  }
  return values;
};

const readPresence = (txt: ReadonlyMap<string, string>): OwnPresence => {
  const state = txt.get('state') ?? '';
  const note = shorten(txt.get(txt.has('key') ? 'said' : 'note') ?? '', NOTE_MAXIMUM);
  const idle = txt.get('idle') ?? '';
  return {
    // a state of a later version is somebody there all the same
    state: STATES.includes(state) ? (state as PresenceState) : 'available',
    ...(note !== '' ? { note } : {}),
    ...(/^\d{1,11}$/.test(idle) ? { idleSince: Number(idle) * 1000 } : {}),
  };
};

/** What a DNS response says about instances of this service; whatever is foreign or malformed is passed over. */
export function readRecords(records: readonly DnsRecord[]): { present: Announcement[]; leaving: string[] } {
  const present = new Map<string, Announcement>();
  const leaving = new Set<string>();
  for (const srv of records) {
    if (srv.type !== 'SRV') continue;
    const id = instanceOf(srv.name);
    const port: unknown = (srv.data as { port?: unknown } | undefined)?.port;
    if (id === undefined || typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) continue;
    // RFC 6762 §10.1: a life of zero is a goodbye
    if (srv.ttl === 0) {
      leaving.add(id);
      continue;
    }
    const record = records.find((other) => other.type === 'TXT' && instanceOf(other.name) === id);
    const txt = record && readTxt(record.data);
    if (txt?.get('v') !== VERSION) continue;
    const name = shorten(txt.get('name') ?? '', NAME_MAXIMUM);
    present.set(id, {
      id,
      port,
      name,
      presence: readPresence(txt),
      ...(txt.has('key') ? {} : { outdated: true as const }),
    });
  }
  return { present: [...present.values()], leaving: [...leaving] };
}
