import { Buffer } from 'node:buffer';
import { MsrpError } from '../errors.ts';

/** Why something is not a CPIM message. */
export type CpimErrorCode = 'cpim-malformed' | 'cpim-too-many-headers';

/** The `MsrpError` of this codec; its status is the 400 to answer with. */
export class CpimError extends MsrpError {
  constructor(code: CpimErrorCode) {
    super(code, code, { status: 400 });
  }
}

/** A From, To or cc value (RFC 3862 §4.1): an optional name and a URI. */
export interface CpimAddress {
  name?: string;
  uri: string;
}

/** A header outside the base set, with its namespace written out (RFC 3862 §2.4). */
export interface CpimHeader {
  /** `urn:ietf:params:imdn`. */
  namespace: string;
  name: string;
  value: string;
}

/** What a message requires its reader to understand. */
export interface CpimRequirement {
  /** Of its prefix; of a name without one the default in force there, `CPIM_NAMESPACE` unless the message says otherwise. */
  namespace: string;
  name: string;
}

/** A message with the facts about it that gateways keep (RFC 3862). */
export interface CpimMessage {
  from?: CpimAddress;
  to: readonly CpimAddress[];
  cc?: readonly CpimAddress[];
  dateTime?: Date;
  subject?: string;
  /** The subject in other languages (RFC 3862 §4.5). */
  translatedSubjects?: readonly { text: string; language: string }[];
  /** Headers and features the reader must understand (RFC 3862 §4.7), as their prefixes were declared anywhere in the message. */
  require?: readonly CpimRequirement[];
  headers: readonly CpimHeader[];
  /** Content-Type of what is wrapped. */
  contentType: string;
  /** Its other MIME headers, such as Content-Disposition. */
  contentHeaders?: readonly { name: string; value: string }[];
  body: Uint8Array;
}

/** Of the headers that RFC 3862 §4 defines. */
export const CPIM_NAMESPACE = 'urn:ietf:params:cpim-headers:';
const HEADERS_MAXIMUM = 100;
/** Longest envelope, with the MIME header of the content, in bytes. */
export const ENVELOPE_MAXIMUM = 16_384;

/**
 * Writes a CPIM message. Names and values are escaped, so nothing in them can become a header of its own.
 *
 * @example formatCpim({ from: { uri: 'sip:ana@a.test' }, to: [{ uri: 'sip:bob@b.test' }], headers: [],
 *   contentType: 'text/plain;charset=utf-8', body: Buffer.from('Hi') })
 */
export const formatCpim = (message: CpimMessage): Buffer => {
  const lines: string[] = [];
  if (message.from) lines.push(`From: ${formatAddress(message.from)}`);
  for (const to of message.to) lines.push(`To: ${formatAddress(to)}`);
  for (const cc of message.cc ?? []) lines.push(`cc: ${formatAddress(cc)}`);
  if (message.dateTime) lines.push(`DateTime: ${message.dateTime.toISOString()}`);
  if (message.subject !== undefined) lines.push(`Subject: ${escapeValue(message.subject)}`);
  for (const { text, language } of message.translatedSubjects ?? []) {
    lines.push(`Subject:;lang=${language.replace(/[^A-Za-z0-9-]/g, '')} ${escapeValue(text)}`);
  }
  const prefixes = new Map<string, string>();
  /** Declared before it is used. */
  const prefixOf = (namespace: string): string => {
    const known = prefixes.get(namespace);
    if (known !== undefined) return known;
    // the last word of the URN, as everybody writes it: imdn for urn:ietf:params:imdn
    const word = /([A-Za-z][A-Za-z0-9]*):?$/.exec(namespace)?.[1] ?? 'ns';
    const prefix = [...prefixes.values()].includes(word) ? `${word}${prefixes.size}` : word;
    prefixes.set(namespace, prefix);
    lines.push(`NS: ${prefix} <${namespace}>`);
    return prefix;
  };
  const required = (message.require ?? []).map(({ namespace, name }) =>
    escapeValue(namespace === CPIM_NAMESPACE ? name : `${prefixOf(namespace)}.${name}`),
  );
  if (required.length > 0) lines.push(`Require: ${required.join(',')}`);
  for (const { namespace, name, value } of message.headers) {
    const prefix = prefixOf(namespace);
    lines.push(`${prefix}.${name}: ${escapeValue(value)}`);
  }
  const content = [{ name: 'Content-Type', value: message.contentType }, ...(message.contentHeaders ?? [])];
  const mime = content.map(({ name, value }) => `${name}: ${value.replace(/[\r\n]+/g, ' ')}`);
  return Buffer.concat([
    Buffer.from(`${lines.join('\r\n')}\r\n\r\n${mime.join('\r\n')}\r\n\r\n`, 'utf8'),
    message.body,
  ]);
};

/**
 * Reads a CPIM message. Bare LF line ends are taken too, as Blink writes them inside. Throws `CpimError`. An unreadable
 * date is left out; wrapped content without a type is `text/plain` (RFC 2045 §5.2).
 */
export const parseCpim = (bytes: Uint8Array): CpimMessage => {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const outer = takeHeaders(data, 0);
  const inner = takeHeaders(data, outer.end);
  const namespaces = new Map<string, string>();
  let base = CPIM_NAMESPACE;
  const to: CpimAddress[] = [];
  const cc: CpimAddress[] = [];
  const headers: CpimHeader[] = [];
  const translatedSubjects: { text: string; language: string }[] = [];
  const require: { base: string; text: string }[] = [];
  const message: { from?: CpimAddress; dateTime?: Date; subject?: string } = {};
  for (const { name, value } of outer.headers) {
    const dot = name.indexOf('.');
    if (dot > 0) {
      const prefix = name.slice(0, dot);
      const namespace = namespaces.get(prefix) ?? prefix;
      headers.push({ namespace, name: name.slice(dot + 1), value: unescapeText(value) });
      continue;
    }
    if (name === 'NS') {
      const match = /^(?:([^\s<]+)\s*)?<([^>]+)>/.exec(value);
      if (match?.[2] && match[1]) namespaces.set(match[1], match[2]);
      else if (match?.[2]) base = match[2];
      continue;
    }
    if (base !== CPIM_NAMESPACE) {
      headers.push({ namespace: base, name, value: unescapeText(value) });
      continue;
    }
    switch (name.toLowerCase()) {
      case 'from':
        message.from = parseAddress(value);
        break;
      case 'to':
        to.push(parseAddress(value));
        break;
      case 'cc':
        cc.push(parseAddress(value));
        break;
      case 'datetime': {
        const time = Date.parse(value);
        if (!Number.isNaN(time)) message.dateTime = new Date(time);
        break;
      }
      case 'subject': {
        // RFC 3862 §4.5: may begin with a language parameter
        const [, language, text = ''] = /^(?:;lang=([^\s;]+)\s)?([\s\S]*)$/i.exec(value) ?? [];
        if (language === undefined) message.subject ??= unescapeText(text);
        else translatedSubjects.push({ text: unescapeText(text), language });
        break;
      }
      case 'require':
        require.push(...value.split(',').map((part) => ({ base, text: unescapeText(part.trim()) })));
        break;
      default:
        headers.push({ namespace: CPIM_NAMESPACE, name, value: unescapeText(value) });
    }
  }
  const isType = ({ name }: { name: string }): boolean => name.toLowerCase() === 'content-type';
  return {
    ...message,
    to,
    ...(cc.length > 0 ? { cc } : {}),
    ...(translatedSubjects.length > 0 ? { translatedSubjects } : {}),
    ...(require.length > 0 ? { require: require.map(({ base, text }) => requirement(text, base, namespaces)) } : {}),
    headers,
    contentType: inner.headers.find(isType)?.value ?? 'text/plain',
    contentHeaders: inner.headers.filter((header) => !isType(header)),
    body: data.subarray(inner.end),
  };
};

/** Some declare a prefix only after they have used it. */
const requirement = (text: string, base: string, namespaces: ReadonlyMap<string, string>): CpimRequirement => {
  const dot = text.indexOf('.');
  if (dot <= 0) return { namespace: base, name: text };
  const prefix = text.slice(0, dot);
  return { namespace: namespaces.get(prefix) ?? prefix, name: text.slice(dot + 1) };
};

/** First value of a header by namespace and name, in any case. */
export const cpimHeader = (message: CpimMessage, namespace: string, name: string): string | undefined =>
  message.headers.find((h) => h.namespace === namespace && h.name.toLowerCase() === name.toLowerCase())?.value;

/** Header lines from `start` to the empty line; `end` is the first byte after it. */
const takeHeaders = (data: Buffer, start: number): { headers: { name: string; value: string }[]; end: number } => {
  const headers: { name: string; value: string }[] = [];
  let at = start;
  for (;;) {
    const lineEnd = data.indexOf(10, at);
    if (lineEnd === -1 || lineEnd > ENVELOPE_MAXIMUM) throw new CpimError('cpim-malformed');
    const line = data.toString('utf8', at, lineEnd > at && data[lineEnd - 1] === 13 ? lineEnd - 1 : lineEnd);
    at = lineEnd + 1;
    if (line === '') return { headers, end: at };
    const last = headers.at(-1);
    if (/^[ \t]/.test(line) && last) {
      last.value += ` ${line.trim()}`;
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0) throw new CpimError('cpim-malformed');
    if (headers.length >= HEADERS_MAXIMUM) throw new CpimError('cpim-too-many-headers');
    headers.push({ name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() });
  }
};

const formatAddress = ({ name, uri }: CpimAddress): string => {
  const safe = uri.replace(/[\s<>\p{Cc}]/gu, (c) => encodeURIComponent(c));
  return name === undefined || name === '' ? `<${safe}>` : `"${escapeValue(name).replace(/"/g, '\\"')}" <${safe}>`;
};

const parseAddress = (value: string): CpimAddress => {
  // no two parts that match the same stand side by side, or a long value would cost its square
  const match = /^(?:"((?:[^"\\]|\\.)*)"\s*|([^<]*))<([^>]*)>/.exec(value);
  if (!match) return { uri: value };
  const name = unescapeText(match[1] ?? match[2]?.trimEnd() ?? '');
  return { ...(name === '' ? {} : { name }), uri: match[3] ?? '' };
};

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', r: '\r' };
const LETTERS = new Map(Object.entries(ESCAPES).map(([letter, character]) => [character, letter]));

/** RFC 3862 §2.3.1: control characters and the backslash, those that have a letter by their letter. */
const escapeValue = (text: string): string =>
  text.replace(/[\p{Cc}\\]/gu, (c) => {
    if (c === '\\') return '\\\\';
    const letter = LETTERS.get(c);
    return letter === undefined ? `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}` : `\\${letter}`;
  });

const unescapeText = (text: string): string =>
  text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_all, hex: string | undefined, other: string | undefined) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (ESCAPES[other ?? ''] ?? other ?? ''),
  );
