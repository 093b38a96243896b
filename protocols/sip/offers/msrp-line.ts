import { isIPv6 } from 'node:net';
import type { MediaDescription, SessionDescription } from 'sdp-transform';
import { type MsrpUri, parsePath } from '../../../msrp/index.ts';

export type Setup = 'active' | 'passive' | 'actpass';
export type Direction = 'sendonly' | 'recvonly' | 'sendrecv' | 'inactive';

/** What every `m=message` line over MSRP says, chat and file alike (RFC 4975 §8 with RFC 6135, RFC 6714 and RFC 8122). */
export interface MsrpLine {
  /** 0: refused or over; 9: nobody can connect. */
  port: number;
  /** IP address or name of the c= line; undefined when writing: the one of the whole session. */
  host?: string;
  /** `TCP/TLS/MSRP`. */
  secure: boolean;
  /** MSRP URIs, first hop first; none when the line has no path. */
  path: readonly string[];
  direction: Direction;
  /** Undefined as in RFC 4975 without RFC 6135: the offerer connects. */
  setup?: Setup;
  /** Certificate fingerprint as RFC 8122 writes it: `sha-256 4A:AD:…`. */
  fingerprint?: string;
  /** `a=msrp-cema` (RFC 6714): c= and m= say where to connect, whatever stands in the path. */
  cema?: boolean;
  acceptTypes: readonly string[];
  /** Types that may come inside of a container such as message/cpim (RFC 4975 §8.6). */
  acceptWrappedTypes?: readonly string[];
  /** Largest message the writer takes, in bytes. */
  maxSize?: number;
}

type Attributed = Pick<MediaDescription, 'invalid'>;

/** An attribute the grammar of sdp-transform does not know, which it keeps verbatim in `invalid`. */
export const attribute = (media: Attributed, name: string): string | undefined => {
  for (const { value } of media.invalid ?? []) {
    // the library turns text that looks like a number into one
    const text = String(value);
    if (text === name) return '';
    if (text.startsWith(`${name}:`)) return text.slice(name.length + 1).trim();
  }
  return undefined;
};

const SETUPS: readonly string[] = ['active', 'passive', 'actpass'];
const DIRECTIONS: readonly string[] = ['sendonly', 'recvonly', 'sendrecv', 'inactive'];
const wordsOf = (text: string | undefined): string[] => (text ?? '').split(/ +/).filter((word) => word !== '');

/** True of a line whose protocol is MSRP, with TLS or without. */
export const isMsrp = ({ type, protocol }: MediaDescription): boolean =>
  type === 'message' && (protocol === 'TCP/MSRP' || protocol === 'TCP/TLS/MSRP');

/** Reads a line for which `isMsrp` holds; what the whole session says counts where the line says nothing. */
export const readMsrpLine = (media: MediaDescription, session: SessionDescription): MsrpLine => {
  const maxSize = Number(attribute(media, 'max-size') || Number.NaN);
  // RFC 6135 §4.2.1: holdconn is ignored like any other word we do not know
  const setup = media.setup ?? session.setup;
  const direction = media.direction ?? session.direction ?? 'sendrecv';
  const fingerprint = media.fingerprint ?? session.fingerprint;
  const wrapped = attribute(media, 'accept-wrapped-types');
  const host = (media.connection ?? session.connection)?.ip;
  return {
    // the library leaves a text where the number is missing or oddly written
    port: Number(media.port) || 0,
    ...(host !== undefined ? { host } : {}),
    secure: media.protocol === 'TCP/TLS/MSRP',
    path: wordsOf(attribute(media, 'path')),
    direction: DIRECTIONS.includes(direction) ? direction : 'sendrecv',
    ...(setup !== undefined && SETUPS.includes(setup) ? { setup: setup as Setup } : {}),
    ...(fingerprint !== undefined ? { fingerprint: `${fingerprint.type} ${fingerprint.hash}` } : {}),
    ...(attribute(media, 'msrp-cema') !== undefined ? { cema: true } : {}),
    acceptTypes: wordsOf(attribute(media, 'accept-types')),
    ...(wrapped !== undefined ? { acceptWrappedTypes: wordsOf(wrapped) } : {}),
    ...(Number.isSafeInteger(maxSize) ? { maxSize } : {}),
  };
};

/** Writes a line with `attributes` (each `name:value`) of its special kind after the common ones. */
export const writeMsrpLine = (line: MsrpLine, attributes: readonly string[] = []): MediaDescription => {
  const wrapped = line.acceptWrappedTypes ?? [];
  const lines = [
    ...(line.fingerprint !== undefined ? [`fingerprint:${line.fingerprint}`] : []),
    ...(line.path.length > 0 ? [`path:${line.path.join(' ')}`] : []),
    ...(line.acceptTypes.length > 0 ? [`accept-types:${line.acceptTypes.join(' ')}`] : []),
    ...(wrapped.length > 0 ? [`accept-wrapped-types:${wrapped.join(' ')}`] : []),
    ...(line.maxSize !== undefined ? [`max-size:${line.maxSize}`] : []),
    ...(line.cema === true ? ['msrp-cema'] : []),
    ...attributes,
  ];
  return {
    type: 'message',
    port: line.port,
    protocol: line.secure ? 'TCP/TLS/MSRP' : 'TCP/MSRP',
    payloads: '*',
    rtp: [],
    fmtp: [],
    ...(line.host !== undefined ? { connection: { version: isIPv6(line.host) ? 6 : 4, ip: line.host } } : {}),
    direction: line.direction,
    ...(line.setup !== undefined ? { setup: line.setup } : {}),
    invalid: lines.map((value) => ({ value })),
  };
};

/** RFC 3264 §6.1: what an answer that takes all it can says of its direction. */
export const ANSWERED_DIRECTION: Readonly<Record<Direction, Direction>> = {
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  sendrecv: 'sendrecv',
  inactive: 'inactive',
};

/** RFC 3264 §8.4: the writer of the line takes nothing for now. */
export const isHeld = ({ direction }: Pick<MsrpLine, 'direction'>): boolean =>
  direction === 'sendonly' || direction === 'inactive';

/** RFC 3264 §6: a refused line has port 0. */
export const refusedLine = (offered: MsrpLine): MsrpLine => ({
  port: 0,
  secure: offered.secure,
  path: [],
  direction: 'inactive',
  acceptTypes: offered.acceptTypes,
});

/** The path of a media line read, undefined when it is missing, broken, without a port or of the other protocol. */
export function readPath(media: Pick<MsrpLine, 'path' | 'secure'>): MsrpUri[] | undefined {
  if (media.path.length === 0) return undefined;
  try {
    const path = parsePath(media.path.join(' '));
    // RFC 4975 §8.2: explicit port numbers; §14.4: msrps goes with TCP/TLS/MSRP
    const right = path.every((uri) => uri.port !== undefined && uri.sessionId !== undefined && uri.transport === 'tcp');
    return right && path.every((uri) => uri.secure === media.secure) ? path : undefined;
  } catch {
    return undefined;
  }
}
