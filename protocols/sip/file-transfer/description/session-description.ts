import { isIPv6 } from 'node:net';
import { type MediaDescription, parse, type SessionDescription, write } from 'sdp-transform';
import {
  type FileDates,
  type FileRange,
  formatCidUrl,
  formatFileDate,
  formatFileRange,
  isToken,
  parseCidUrl,
  parseFileDate,
  parseFileRange,
} from './file-attributes.ts';
import { type FileSelector, formatFileSelector, parseFileSelector } from './file-selector.ts';

export type Setup = 'active' | 'passive' | 'actpass';
export type Direction = 'sendonly' | 'recvonly' | 'sendrecv' | 'inactive';

/** One `m=message` line that carries a file (RFC 5547 §8.2 with RFC 4975 §8, RFC 6135 and RFC 8122). */
export interface FileMedia {
  /** 0: refused or over. */
  port: number;
  /** `TCP/TLS/MSRP`. */
  secure: boolean;
  /** MSRP URIs, first hop first; none when the line has no path. */
  path: readonly string[];
  direction: Direction;
  /** Undefined as in RFC 4975 without RFC 6135: the offerer connects. */
  setup?: Setup;
  /** Certificate fingerprint as RFC 8122 writes it: `sha-256 4A:AD:…`. */
  fingerprint?: string;
  acceptTypes: readonly string[];
  /** Largest message the writer takes, in bytes. */
  maxSize?: number;
  /** Undefined when broken. */
  selector: FileSelector | undefined;
  transferId?: string;
  disposition?: string;
  dates: FileDates;
  range?: FileRange;
  /** Content-ID of the picture beside the description. */
  iconId?: string;
}

/** A line of an offer: one file, or something else that is answered with port 0 as it stood. */
export type OfferedMedia =
  | { kind: 'file'; file: FileMedia }
  | { kind: 'other'; type: string; protocol: string; payloads: string };

/** More files than this in one offer are not read. */
export const MAXIMUM_MEDIA = 32;
const MAXIMUM_LENGTH = 256 * 1024;

type Attributed = Pick<MediaDescription, 'invalid'>;

/** What the grammar of sdp-transform does not know is kept verbatim in `invalid`. */
const attribute = (media: Attributed, name: string): string | undefined => {
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

const readFile = (media: MediaDescription, session: SessionDescription): FileMedia => {
  const selectorText = attribute(media, 'file-selector');
  const transferId = attribute(media, 'file-transfer-id');
  const disposition = attribute(media, 'file-disposition');
  const range = parseFileRange(attribute(media, 'file-range') ?? '');
  const iconId = parseCidUrl(attribute(media, 'file-icon') ?? '');
  const maxSize = Number(attribute(media, 'max-size') || Number.NaN);
  // RFC 6135 §4.2.1: holdconn is ignored like any other word we do not know
  const setup = media.setup ?? session.setup;
  const direction = media.direction ?? session.direction ?? 'sendrecv';
  const fingerprint = media.fingerprint ?? session.fingerprint;
  return {
    // the library leaves a text where the number is missing or oddly written
    port: Number(media.port) || 0,
    secure: media.protocol === 'TCP/TLS/MSRP',
    path: (attribute(media, 'path') ?? '').split(/ +/).filter((uri) => uri !== ''),
    direction: DIRECTIONS.includes(direction) ? direction : 'sendrecv',
    ...(setup !== undefined && SETUPS.includes(setup) ? { setup: setup as Setup } : {}),
    ...(fingerprint !== undefined ? { fingerprint: `${fingerprint.type} ${fingerprint.hash}` } : {}),
    acceptTypes: (attribute(media, 'accept-types') ?? '').split(/ +/).filter((type) => type !== ''),
    ...(Number.isSafeInteger(maxSize) ? { maxSize } : {}),
    selector: selectorText === undefined ? undefined : parseFileSelector(selectorText),
    ...(transferId !== undefined && isToken(transferId) ? { transferId } : {}),
    ...(disposition !== undefined && isToken(disposition) ? { disposition } : {}),
    dates: parseFileDate(attribute(media, 'file-date') ?? ''),
    ...(range ? { range } : {}),
    ...(iconId !== undefined ? { iconId } : {}),
  };
};

const isMsrp = ({ type, protocol }: MediaDescription): boolean =>
  type === 'message' && (protocol === 'TCP/MSRP' || protocol === 'TCP/TLS/MSRP');

// RFC 5547 §5: file transfer offers and answers MUST contain a file-selector
const isFile = (media: MediaDescription): boolean => isMsrp(media) && attribute(media, 'file-selector') !== undefined;

const parseMedia = (sdp: string, wanted: (media: MediaDescription) => boolean): OfferedMedia[] | undefined => {
  if (sdp.length > MAXIMUM_LENGTH || !sdp.startsWith('v=0')) return undefined;
  const session = parse(sdp);
  if (session.media.length > MAXIMUM_MEDIA) return undefined;
  return session.media.map((media) =>
    wanted(media)
      ? { kind: 'file', file: readFile(media, session) }
      : {
          kind: 'other',
          type: String(media.type ?? 'message'),
          protocol: String(media.protocol ?? 'TCP/MSRP'),
          payloads: String(media.payloads ?? '*'),
        },
  );
};

/** The media lines of an offer in order, undefined when the text is no description. */
export const parseDescription = (sdp: string): OfferedMedia[] | undefined => parseMedia(sdp, isFile);

/**
 * The media lines of an answer. RFC 5547 §4: an endpoint that knows MSRP but not files answers without a file-selector,
 * and gets the file all the same.
 */
export const parseAnswer = (sdp: string): OfferedMedia[] | undefined => parseMedia(sdp, isMsrp);

/** True when a description offers at least one file: tells a file transfer from a chat. */
export const offersFiles = (sdp: string): boolean =>
  parseDescription(sdp)?.some((media) => media.kind === 'file') ?? false;

const writeFile = (file: FileMedia): MediaDescription => {
  const date = formatFileDate(file.dates);
  const lines = [
    ...(file.path.length > 0 ? [`path:${file.path.join(' ')}`] : []),
    ...(file.acceptTypes.length > 0 ? [`accept-types:${file.acceptTypes.join(' ')}`] : []),
    ...(file.maxSize !== undefined ? [`max-size:${file.maxSize}`] : []),
    `file-selector:${formatFileSelector(file.selector ?? { hashes: [] })}`,
    ...(file.transferId !== undefined ? [`file-transfer-id:${file.transferId}`] : []),
    ...(file.disposition !== undefined ? [`file-disposition:${file.disposition}`] : []),
    ...(date !== undefined ? [`file-date:${date}`] : []),
    ...(file.iconId !== undefined ? [`file-icon:${formatCidUrl(file.iconId)}`] : []),
    ...(file.range !== undefined ? [`file-range:${formatFileRange(file.range)}`] : []),
  ];
  return {
    type: 'message',
    port: file.port,
    protocol: file.secure ? 'TCP/TLS/MSRP' : 'TCP/MSRP',
    payloads: '*',
    rtp: [],
    fmtp: [],
    direction: file.direction,
    ...(file.setup !== undefined ? { setup: file.setup } : {}),
    invalid: [...(file.fingerprint !== undefined ? [`fingerprint:${file.fingerprint}`] : []), ...lines].map(
      (value) => ({
        value,
      }),
    ),
  };
};

/** The o-line of one side of a session: `version` grows by one with each description that differs (RFC 3264 §8). */
export interface Origin {
  sessionId: number;
  version: number;
  /** Our IP address or host name, as in the path. */
  host: string;
}

/**
 * A whole description.
 *
 * @example formatDescription({ sessionId: 1, version: 1, host: '192.0.2.1' }, [{ kind: 'file', file }])
 */
export function formatDescription(origin: Origin, media: readonly OfferedMedia[]): string {
  const version = isIPv6(origin.host) ? 6 : 4;
  return write({
    version: 0,
    origin: {
      username: '-',
      sessionId: origin.sessionId,
      sessionVersion: origin.version,
      netType: 'IN',
      ipVer: version,
      address: origin.host,
    },
    name: '-',
    connection: { version, ip: origin.host },
    timing: { start: 0, stop: 0 },
    media: media.map((line) =>
      line.kind === 'file'
        ? writeFile(line.file)
        : { type: line.type, port: 0, protocol: line.protocol, payloads: line.payloads, rtp: [], fmtp: [] },
    ),
  });
}

/** RFC 5547 §8.3: a refused line has port 0 and mirrors the selector and the transfer id of the offer. */
export const refusedMedia = (offered: FileMedia): FileMedia => ({
  port: 0,
  secure: offered.secure,
  path: [],
  direction: offered.direction === 'sendonly' ? 'recvonly' : 'inactive',
  acceptTypes: offered.acceptTypes,
  selector: offered.selector,
  ...(offered.transferId !== undefined ? { transferId: offered.transferId } : {}),
  dates: {},
});
