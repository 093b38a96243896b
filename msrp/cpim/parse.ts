import { Buffer } from 'node:buffer';
import { MsrpError } from '../errors.ts';
import type { HeaderField } from '../headers.ts';
import { unescapeText } from './escapes.ts';
import { type CpimAddress, type CpimHeader, type CpimMessage, parseAddress } from './message.ts';

/** Longest envelope with the MIME header of the content, in bytes. */
export const LONGEST_ENVELOPE = 16_384;
const MOST_HEADERS = 64;

function bad(text: string): MsrpError {
  return new MsrpError('invalid-content', text, { status: 400 });
}

/** Reads header lines up to an empty one. Lines end with CRLF (RFC 3862 §2.1) or, as some peers have it, with LF. */
function readLines(bytes: Buffer, from: number): { lines: string[]; next: number } {
  const lines: string[] = [];
  for (let start = from; ; ) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || end > LONGEST_ENVELOPE) throw bad('The header of a message has no end');
    const line = bytes.toString('utf8', start, bytes[end - 1] === 0x0d && end > start ? end - 1 : end);
    start = end + 1;
    if (line === '') return { lines, next: start };
    if (lines.length === MOST_HEADERS) throw bad('Too many header lines in a message');
    lines.push(line);
  }
}

/** RFC 3862 §3: name, parameters, one space, value. */
function parseLine(line: string): CpimHeader {
  const match = /^([^\s:;]+):((?:;[^\s;]+)*) ?(.*)$/su.exec(line);
  if (match === null) throw bad('A CPIM header that is none');
  const [, name = '', parameters = '', value = ''] = match;
  const language = /;lang=([^;]+)/i.exec(parameters)?.[1];
  return language === undefined ? { name, value } : { name, value, language };
}

/** RFC 2045 header lines; a line that begins with white space continues the one before. */
function parseMime(lines: readonly string[]): HeaderField[] {
  const fields: [string, string][] = [];
  for (const line of lines) {
    const last = fields.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) {
      last[1] = `${last[1]} ${line.trim()}`.trim();
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 1) throw bad('A MIME header that is none');
    fields.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return fields;
}

/**
 * Reads the body of a `message/cpim` (RFC 3862). The content is a view into `body`, or decoded if it is in base64.
 *
 * @throws MsrpError `invalid-content`, with the status 400 to answer with
 * @example const { from, content } = parseCpim(sink.bytes);
 */
export function parseCpim(body: Uint8Array): CpimMessage {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const envelope = readLines(bytes, 0);
  const mime = readLines(bytes, envelope.next);
  const contentHeaders = parseMime(mime.lines);
  const mimeValue = (name: string) => contentHeaders.find(([field]) => field.toLowerCase() === name)?.[1];
  // RFC 3862 §2.4: the content has at least a Content-Type
  if (!mimeValue('content-type')) throw bad('A message without Content-Type');
  const rest = bytes.subarray(mime.next);
  const encoded = mimeValue('content-transfer-encoding')?.toLowerCase() === 'base64';
  return {
    ...parseEnvelope(envelope.lines),
    contentHeaders,
    content: encoded ? Buffer.from(rest.toString('latin1'), 'base64') : rest,
  };
}

function parseEnvelope(lines: readonly string[]): Omit<CpimMessage, 'contentHeaders' | 'content'> {
  let from: CpimAddress | undefined;
  let dateTime: Date | undefined;
  const to: CpimAddress[] = [];
  const cc: CpimAddress[] = [];
  const subjects: { text: string; language?: string }[] = [];
  const namespaces = new Map<string, string>();
  const require: string[] = [];
  const headers: CpimHeader[] = [];
  for (const line of lines) {
    const header = parseLine(line);
    const { name, value, language } = header;
    // RFC 3862 §3.1: names are case-sensitive, except that nobody keeps to it
    switch (name.toLowerCase()) {
      case 'from':
        from = parseAddress(value);
        break;
      case 'to':
        to.push(parseAddress(value));
        break;
      case 'cc':
        cc.push(parseAddress(value));
        break;
      case 'datetime': {
        const time = new Date(value.trim());
        if (!Number.isNaN(time.getTime())) dateTime = time;
        break;
      }
      case 'subject':
        subjects.push(language === undefined ? { text: unescapeText(value) } : { text: unescapeText(value), language });
        break;
      case 'ns': {
        const [, prefix = '', uri = ''] = /^\s*([^\s<]*)\s*<([^>]*)>\s*$/.exec(value) ?? [];
        namespaces.set(prefix, uri);
        break;
      }
      case 'require':
        require.push(...value.split(',').map((part) => part.trim()));
        break;
      default:
        headers.push({ ...header, value: unescapeText(value) });
    }
  }
  return {
    ...(from && { from }),
    to,
    cc,
    ...(dateTime && { dateTime }),
    subjects,
    namespaces,
    require,
    headers,
  };
}
