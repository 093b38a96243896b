import { Grammar } from 'sip.js';
import { headerText, wellFormed } from '../../header-text.ts';
import type { MessageHead } from './message-head.ts';

/** What was changed in a request and has to be put back in its answers, which must repeat From and To as they came. */
export interface Restoration {
  from?: string;
  to?: string;
}

/** Answers to requests that cannot be read as they should be. */
export type RefusalStatus = 400 | 416 | 505 | 513;

const IS_VIA_OF_2_0 = /^SIP\s*\/\s*2\.0\s*\//i;
/** Characters. Ten times the longest of a campus; the grammar takes 60 ms for it. */
const VALUE_MAXIMUM = 8_192;
/** Nobody's name has those in it; unescaped they would be line ends in whatever the address is shown or written in. */
const ESCAPED_CONTROLS = /%(?:[01][\da-f]|7f)/i;

/**
 * sip.js drops a message without a word when a header it parses does not fit its grammar. This makes the common ones
 * fit: bare non-ASCII display names, and `tel:`, `im:` and `pres:` identities. A telephone number becomes one at `domain`,
 * our own, where it can be written to. Returns what to put back, or the status the request has to be refused with.
 */
export const repairRequest = (head: MessageHead, domain: string): Restoration | RefusalStatus => {
  const { start } = head;
  if (start.kind !== 'request' || start.version === '') return 400;
  // RFC 3261 §21.5.6, RFC 4475 §3.1.2.16: of the message itself, or of the hop it came over
  if (start.version.toUpperCase() !== 'SIP/2.0' || !IS_VIA_OF_2_0.test(head.get('via') ?? '')) return 505;
  // RFC 4475 §3.1.2.8: a URI that was folded, or has blanks in it; and a line that is no header field
  if (/\s/.test(start.uri) || !head.wellFormed) return 400;
  if (head.longest > VALUE_MAXIMUM) return 513;
  // RFC 4475 §3.3.9: no reader can tell how long the body is meant to be
  if (new Set(head.all('content-length').map(Number)).size > 1) return 400;
  // RFC 3261 §8.1.1.5
  if (repeats(head) || sequenceMethod(head) !== start.method) return 400;
  // RFC 3261 §8.2.2.1: a scheme we don't serve
  if (!/^sip:/i.test(start.uri)) return 416;
  // sip.js takes some that it cannot read, and throws later
  if (!Grammar.URIParse(start.uri)) return 400;
  const restoration: Restoration = {};
  for (const name of ['from', 'to'] as const) {
    const value = head.get(name) ?? '';
    const fitting = fittingNameAddress(value, domain);
    if (fitting === undefined || ESCAPED_CONTROLS.test(fitting)) return 400;
    if (fitting !== value) {
      head.set(name === 'from' ? 'From' : 'To', fitting);
      restoration[name] = value;
    }
  }
  dropUnreadableContacts(head, domain);
  return restoration;
};

/**
 * The same for answers; one device's odd Contact must not make everybody's registration unreadable. False: nobody can tell what it
 * answers, and sip.js would throw.
 */
export const repairResponse = (head: MessageHead, domain: string): boolean => {
  if (!head.wellFormed || head.longest > VALUE_MAXIMUM || repeats(head) || sequenceMethod(head) === undefined)
    return false;
  for (const name of ['From', 'To']) head.map(name, (value) => fittingNameAddress(value, domain) ?? value);
  dropUnreadableContacts(head, domain);
  return true;
};

/** RFC 3261 §7.3.1: these come once. Which of two counts is a matter of taste, and so a way past whoever looks at the other. */
const repeats = (head: MessageHead): boolean =>
  ['from', 'to', 'call-id', 'cseq', 'content-type'].some((name) => head.all(name).length > 1);

/** The method in CSeq; undefined when there is none to be read. */
const sequenceMethod = (head: MessageHead): string | undefined =>
  /^\d{1,10}[ \t]+([A-Za-z0-9\-.!%*_+`'~]+)$/.exec(head.get('cseq') ?? '')?.[1];

/** Puts the original From and To back into an answer, keeping the tag we added to To (RFC 3261 §8.2.6.2). */
export const restoreResponse = (head: MessageHead, restoration: Restoration): void => {
  if (restoration.from) head.set('From', restoration.from);
  if (restoration.to) {
    const tag = /;\s*tag=[^;>\s]+\s*$/i.exec(head.get('to') ?? '')?.[0] ?? '';
    head.set('To', /;\s*tag=/i.test(restoration.to) ? restoration.to : `${restoration.to}${tag}`);
  }
};

const CONTACTS_MAXIMUM = 50;

const dropUnreadableContacts = (head: MessageHead, domain: string): void => {
  head.map('Contact', (value) => {
    if (Grammar.parse(value, 'Contact') !== -1) return value;
    // each costs the grammar a third of a millisecond, and nobody has so many devices
    const readable = splitList(value)
      .slice(0, CONTACTS_MAXIMUM)
      .flatMap((contact) => {
        const fitting = fittingNameAddress(contact, domain);
        return fitting !== undefined && Grammar.parse(fitting, 'Contact') !== -1 ? [fitting] : [];
      });
    return readable.length > 0 ? readable.join(', ') : undefined;
  });
};

const fittingNameAddress = (value: string, domain: string): string | undefined => {
  if (Grammar.nameAddrHeaderParse(value)) return value;
  // no two parts that match the same stand side by side, or a long value would cost its square
  const match = /^(?:"((?:[^"\\]|\\.)*)"\s*|([^<]*))<([^>]*)>(.*)$/s.exec(value);
  const bare = match ? undefined : /^([^\s;,<>"]+)(.*)$/s.exec(value);
  const uri = fittingUri((match?.[3] ?? bare?.[1] ?? '').trim(), domain);
  if (uri === undefined) return undefined;
  const shown = headerText(wellFormed(match?.[1]?.replace(/\\(.)/gs, '$1') ?? match?.[2] ?? ''));
  const quoted = shown === '' ? '' : `"${shown.replace(/[\\"]/g, '\\$&')}" `;
  const fitting = `${quoted}<${uri}>${match?.[4] ?? bare?.[2] ?? ''}`;
  return Grammar.nameAddrHeaderParse(fitting) ? fitting : undefined;
};

const fittingUri = (uri: string, domain: string): string | undefined => {
  const telephone = /^tel:([^;]+)/i.exec(uri)?.[1]?.replace(/[^+\d*#]/g, '');
  // RFC 3261 §19.1.6: our own domain's proxy knows how to reach a number; the original goes back into the answers
  if (telephone) return `sip:${encodeURIComponent(telephone).replace('%2B', '+')}@${domain};user=phone`;
  const same = /^(?:im|pres|sips):(.+)$/i.exec(uri);
  const candidate = same?.[1] ? `sip:${same[1]}` : uri;
  if (Grammar.URIParse(candidate)) return candidate;
  const escaped = candidate.replace(/[^\u0021-\u007e]/g, (c) => encodeURIComponent(wellFormed(c)));
  return Grammar.URIParse(escaped) ? escaped : undefined;
};

/** Splits at commas outside quotes and angle brackets. */
const splitList = (value: string): string[] => value.match(/(?:"(?:[^"\\]|\\.)*(?:"|$)|<[^<>]*>?|[^,"<])+/gs) ?? [];
