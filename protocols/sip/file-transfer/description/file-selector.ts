import type { FileHash } from '../../../contract/index.ts';

/**
 * The tuple that names one file (RFC 5547 §5). All of it may be absent: an empty selector asks for or tells the
 * capability (§8.5).
 */
export interface FileSelector {
  /** As the peer wrote it: comes from outside, may hold anything a name can hold. */
  name?: string;
  /** MIME type, lower case, parameters as in a Content-Type header. */
  type?: string;
  /** Bytes. */
  size?: number;
  hashes: readonly FileHash[];
}

const HEX_DIGITS = { 'sha-1': 40, 'sha-256': 64 } as const;
/** Longer selectors are not read: a name has 255 bytes at most on any disk, each three characters when escaped. */
const MAXIMUM_LENGTH = 4096;

const percentEscape = (character: string): string =>
  Buffer.from(character).toString('hex').toUpperCase().replace(/../g, '%$&');

// RFC 5547 §6: NUL, CR, LF, the double quote and the percent sign are not filename-char; what some system takes for a
// directory MUST be escaped too. For many programs, sdp-transform among them, a line also ends at U+2028 and U+2029.
const escapeName = (name: string): string => name.replace(/[\0\r\n"%/\\\u2028\u2029]/g, percentEscape);

/** Percent-escapes back to text; what is no escape stays (Blink 5.5 writes a percent sign as it is). */
const unescapeName = (text: string): string =>
  text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));

const ESSENCE = /^[\w.!#$&^+-]{1,127}\/[\w.!#$&^+-]{1,127}$/;

/** Undefined for what is no type, which could be anything, a line of its own too. */
const formatType = (type: string): string | undefined => {
  const [essence = '', ...parameters] = splitOutsideQuotes(type, ';');
  if (!ESSENCE.test(essence.trim())) return undefined;
  return [
    essence.trim(),
    ...parameters.flatMap((parameter) => {
      const match = /^\s*([^\s=]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|(\S*))\s*$/.exec(parameter);
      if (!match) return [];
      // §6: value-string has to be re-encoded when translating from a Content-Type header
      return [`${match[1]}="${escapeName(match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '')}"`];
    }),
  ].join(';');
};

const parseType = (text: string): string | undefined => {
  const [essence = '', ...parameters] = splitOutsideQuotes(text, ';');
  if (!ESSENCE.test(essence)) return undefined;
  const readable = parameters.flatMap((parameter) => {
    const match = /^([^\s="]+)="([^"]*)"$/.exec(parameter);
    return match ? [`${match[1]}="${unescapeName(match[2] ?? '').replace(/["\\]/g, '\\$&')}"`] : [];
  });
  return [essence.toLowerCase(), ...readable].join('; ');
};

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [''];
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    if (character === separator && !quoted) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

const parseHash = (text: string): FileHash | undefined => {
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, colon).toLowerCase();
  if (algorithm !== 'sha-1' && algorithm !== 'sha-256') return undefined;
  const value = text
    .slice(colon + 1)
    .replaceAll(':', '')
    .toLowerCase();
  return value.length === HEX_DIGITS[algorithm] && /^[0-9a-f]*$/.test(value) ? { algorithm, value } : undefined;
};

/**
 * The value of `a=file-selector:` (RFC 5547 §6, Figure 1). SHA-1 comes first: Blink reads the first hash only.
 *
 * @example formatFileSelector({ name: 'a "b".txt', size: 3, hashes: [] }) // name:"a %22b%22.txt" size:3
 */
export function formatFileSelector(selector: FileSelector): string {
  const parts: string[] = [];
  if (selector.name !== undefined) parts.push(`name:"${escapeName(selector.name)}"`);
  const type = selector.type === undefined ? undefined : formatType(selector.type);
  if (type !== undefined) parts.push(`type:${type}`);
  if (selector.size !== undefined) parts.push(`size:${selector.size}`);
  const hashes = [...selector.hashes].sort((a, b) => HEX_DIGITS[a.algorithm] - HEX_DIGITS[b.algorithm]);
  for (const { algorithm, value } of hashes) {
    // §6: each byte in upper-case hex, separated by colons
    parts.push(`hash:${algorithm}:${(value.toUpperCase().match(/../g) ?? []).join(':')}`);
  }
  return parts.join(' ');
}

/**
 * Takes the name out of a selector. RFC 5547 §6 wants a quote in it percent-escaped; SIP SIMPLE SDK 5.5 and others write it as
 * it is, so the name ends at the first quote with another selector behind it, or nothing. Undefined when it is broken.
 */
const takeName = (text: string): { name?: string; rest: string } | undefined => {
  const begin = /(?:^| )name:/.exec(text);
  if (!begin) return { rest: text };
  const from = begin.index + begin[0].length;
  const value = text.slice(from);
  const end = /"(?=$| +[A-Za-z][\w-]*:\S)/.exec(value.slice(1));
  if (!value.startsWith('"') || !end || end.index === 0) return undefined;
  const name = unescapeName(value.slice(1, 1 + end.index));
  return { name, rest: text.slice(0, begin.index) + value.slice(end.index + 2) };
};

/**
 * Reads the value of `a=file-selector:`. Unknown selectors and unknown hash algorithms are passed over (§6: be prepared
 * for several); undefined when a known selector is broken, so that a wrong size is never taken for no size.
 */
export function parseFileSelector(text: string): FileSelector | undefined {
  if (text.length > MAXIMUM_LENGTH) return undefined;
  const named = takeName(text);
  if (!named) return undefined;
  const { name, rest } = named;
  const selector: { name?: string; type?: string; size?: number; hashes: FileHash[] } = {
    ...(name === undefined ? {} : { name }),
    hashes: [],
  };
  for (const part of splitOutsideQuotes(rest, ' ')) {
    const colon = part.indexOf(':');
    const value = part.slice(colon + 1);
    switch (part.slice(0, Math.max(0, colon))) {
      case 'name':
        // a second one
        return undefined;
      case 'type': {
        const type = parseType(value);
        if (type === undefined || selector.type !== undefined) return undefined;
        selector.type = type;
        break;
      }
      case 'size': {
        const size = Number(value);
        if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(size) || selector.size !== undefined) return undefined;
        selector.size = size;
        break;
      }
      case 'hash': {
        const hash = parseHash(value);
        const same = hash && selector.hashes.find((known) => known.algorithm === hash.algorithm);
        // §6: several hashes may come; two that differ by one algorithm are not of one file
        if (same ? same.value !== hash.value : !hash && /^sha-(1|256):/i.test(value)) return undefined;
        if (hash && !same) selector.hashes.push(hash);
        break;
      }
    }
  }
  return selector;
}

/** Whether what is said of a file contradicts what was asked for. A name may differ: Blink answers with one of its own. */
export const agrees = (asked: FileSelector, said: FileSelector | undefined): boolean =>
  (asked.size === undefined || said?.size === undefined || asked.size === said.size) &&
  asked.hashes.every(({ algorithm, value }) =>
    (said?.hashes ?? []).every((other) => other.algorithm !== algorithm || other.value === value),
  );
