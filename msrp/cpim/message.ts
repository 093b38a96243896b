import { MsrpError } from '../errors.ts';
import type { HeaderField } from '../headers.ts';
import { escapeText, unescapeText } from './escapes.ts';

/** A display name, if there is one, and a URI (RFC 3862 §4.1). */
export interface CpimAddress {
  readonly name?: string;
  readonly uri: string;
}

/** One of the header fields RFC 3862 does not define, with its prefix if it has one: `imdn.Message-ID`. */
export interface CpimHeader {
  readonly name: string;
  readonly value: string;
  readonly language?: string;
}

/** A message in its envelope (RFC 3862). */
export interface CpimMessage {
  readonly from?: CpimAddress;
  readonly to: readonly CpimAddress[];
  readonly cc?: readonly CpimAddress[];
  readonly dateTime?: Date;
  /** One for each language (RFC 3862 §4.5). */
  readonly subjects?: readonly { readonly text: string; readonly language?: string }[];
  /** Prefixes and the URIs they stand for; the empty prefix is the default namespace (RFC 3862 §4.6). */
  readonly namespaces?: ReadonlyMap<string, string>;
  /** Header fields the reader must understand (RFC 3862 §4.7). */
  readonly require?: readonly string[];
  readonly headers?: readonly CpimHeader[];
  /** MIME header fields of the content, Content-Type first. */
  readonly contentHeaders: readonly HeaderField[];
  readonly content: Uint8Array;
}

/** Value of a MIME header field of the content. */
export function contentHeader(message: CpimMessage, name: string): string | undefined {
  const lower = name.toLowerCase();
  return message.contentHeaders.find(([field]) => field.toLowerCase() === lower)?.[1];
}

/**
 * Value of a header field by namespace, whatever prefix the sender chose for it.
 *
 * @example extensionHeader(message, 'urn:ietf:params:imdn', 'Message-ID')
 */
export function extensionHeader(message: CpimMessage, namespace: string, name: string): string | undefined {
  return message.headers?.find((header) => {
    const dot = header.name.indexOf('.');
    const prefix = dot < 0 ? '' : header.name.slice(0, dot);
    return header.name.slice(dot + 1) === name && message.namespaces?.get(prefix) === namespace;
  })?.value;
}

const NAME = /^[!#-'*+\-/0-9A-Z^-~]+(?:\.[!#-'*+\-/0-9A-Z^-~]+)?$/;
const TOKENS = /^[!#-'*+\-.0-9A-Z^-~]+(?: [!#-'*+\-.0-9A-Z^-~]+)*$/;

/**
 * Writes a message with its envelope, as it goes into the body of a `message/cpim`.
 *
 * @throws MsrpError `invalid-content` for names and URIs that cannot be written
 * @example
 * const body = formatCpim({
 *   from: { name: 'Alice', uri: 'sip:alice@example.org' }, to: [{ uri: 'sip:bob@example.org' }], dateTime: new Date(),
 *   contentHeaders: [['Content-Type', 'text/plain; charset=utf-8']], content: Buffer.from('Hello'),
 * });
 */
export function formatCpim(message: CpimMessage): Uint8Array {
  const lines: string[] = [];
  const line = (name: string, value: string, language?: string) => {
    if (!NAME.test(name)) throw new MsrpError('invalid-content', 'Not a CPIM header name');
    const parameter = language === undefined ? '' : `;lang=${plain(language)}`;
    lines.push(`${name}:${parameter} ${value}`);
  };
  if (message.from !== undefined) line('From', formatAddress(message.from));
  for (const address of message.to) line('To', formatAddress(address));
  for (const address of message.cc ?? []) line('cc', formatAddress(address));
  if (message.dateTime !== undefined) line('DateTime', message.dateTime.toISOString());
  for (const { text, language } of message.subjects ?? []) line('Subject', escapeText(text), language);
  // a prefix is declared before it is used
  for (const [prefix, uri] of message.namespaces ?? [])
    line('NS', `${prefix === '' ? '' : `${plain(prefix)} `}<${plain(uri)}>`);
  if (message.require !== undefined && message.require.length > 0)
    line('Require', message.require.map(plain).join(','));
  for (const { name, value, language } of message.headers ?? []) line(name, escapeText(value), language);
  const mime = message.contentHeaders.map(([name, value]) => `${plain(name)}: ${plain(value)}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${mime.join('\r\n')}\r\n\r\n`);
  return Buffer.concat([head, message.content]);
}

/** What has no escapes of its own may have no line ends and brackets. */
function plain(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) throw new MsrpError('invalid-content', 'A control character in a CPIM header');
  }
  return text;
}

function formatAddress({ name, uri }: CpimAddress): string {
  if (/[<>\s]/.test(uri)) throw new MsrpError('invalid-content', 'Not a URI');
  if (name === undefined || name === '') return `<${plain(uri)}>`;
  return TOKENS.test(name) ? `${name} <${plain(uri)}>` : `"${escapeText(name).replaceAll('"', '\\"')}" <${plain(uri)}>`;
}

/** Reads `"Name" <uri>`, `Name <uri>`, `<uri>`; quotes are often missing where RFC 3862 wants them. */
export function parseAddress(value: string): CpimAddress {
  const match = /^\s*(?:"((?:[^"\\]|\\.)*)"|([^<]*?))\s*<([^<>]*)>\s*$/su.exec(value);
  if (match === null) throw new MsrpError('invalid-content', 'Not a CPIM address', { status: 400 });
  const [, quoted, bare, uri = ''] = match;
  const name = unescapeText(quoted ?? bare ?? '');
  return name === '' ? { uri } : { name, uri };
}
