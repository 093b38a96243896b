import { isIPv6 } from 'node:net';
import { type MediaDescription, parse, type SessionDescription, write } from 'sdp-transform';
import { attribute, isMsrp, type MsrpLine, readMsrpLine, refusedLine, writeMsrpLine } from '../../offers/msrp-line.ts';
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

/** One `m=message` line that carries a file (RFC 5547 §8.2). */
export interface FileMedia extends MsrpLine {
  /** Undefined when broken. */
  selector: FileSelector | undefined;
  transferId?: string;
  disposition?: string;
  dates: FileDates;
  range?: FileRange;
  /** Content-ID of the picture beside the description. */
  iconId?: string;
  /** Words of the writer about this line: its i= (RFC 8866 §5.4). */
  title?: string;
}

/** A line of an offer: one file, a chat, or something else that is answered with port 0 as it stood. */
export type OfferedMedia =
  | { kind: 'file'; file: FileMedia }
  | { kind: 'chat'; chat: MsrpLine }
  | { kind: 'other'; type: string; protocol: string; payloads: string };

/** More files than this in one offer are not read. */
export const MAXIMUM_MEDIA = 32;
const MAXIMUM_LENGTH = 256 * 1024;

const readFile = (media: MediaDescription, session: SessionDescription): FileMedia => {
  const selectorText = attribute(media, 'file-selector');
  const transferId = attribute(media, 'file-transfer-id');
  const disposition = attribute(media, 'file-disposition');
  const range = parseFileRange(attribute(media, 'file-range') ?? '');
  const iconId = parseCidUrl(attribute(media, 'file-icon') ?? '');
  return {
    ...readMsrpLine(media, session),
    selector: selectorText === undefined ? undefined : parseFileSelector(selectorText),
    ...(transferId !== undefined && isToken(transferId) ? { transferId } : {}),
    ...(disposition !== undefined && isToken(disposition) ? { disposition } : {}),
    dates: parseFileDate(attribute(media, 'file-date') ?? ''),
    ...(range ? { range } : {}),
    ...(iconId !== undefined ? { iconId } : {}),
    ...(typeof media.description === 'string' ? { title: media.description } : {}),
  };
};

// RFC 5547 §5: file transfer offers and answers MUST contain a file-selector
const isFile = (media: MediaDescription): boolean => isMsrp(media) && attribute(media, 'file-selector') !== undefined;

const parseMedia = (sdp: string, isFileLine: (media: MediaDescription) => boolean): OfferedMedia[] | undefined => {
  if (sdp.length > MAXIMUM_LENGTH || !sdp.startsWith('v=0')) return undefined;
  const session = parse(sdp);
  if (session.media.length > MAXIMUM_MEDIA) return undefined;
  return session.media.map((media): OfferedMedia => {
    if (isFileLine(media)) return { kind: 'file', file: readFile(media, session) };
    if (isMsrp(media)) return { kind: 'chat', chat: readMsrpLine(media, session) };
    return {
      kind: 'other',
      type: String(media.type ?? 'message'),
      protocol: String(media.protocol ?? 'TCP/MSRP'),
      payloads: String(media.payloads ?? '*'),
    };
  });
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
  const selector = formatFileSelector(file.selector ?? { hashes: [] });
  const line = writeMsrpLine(file, [
    // §6: an empty one has no colon
    selector === '' ? 'file-selector' : `file-selector:${selector}`,
    ...(file.transferId !== undefined ? [`file-transfer-id:${file.transferId}`] : []),
    ...(file.disposition !== undefined ? [`file-disposition:${file.disposition}`] : []),
    ...(date !== undefined ? [`file-date:${date}`] : []),
    ...(file.iconId !== undefined ? [`file-icon:${formatCidUrl(file.iconId)}`] : []),
    ...(file.range !== undefined ? [`file-range:${formatFileRange(file.range)}`] : []),
  ]);
  return file.title === undefined ? line : { ...line, description: file.title };
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
    media: media.map((line) => {
      if (line.kind === 'file') return writeFile(line.file);
      if (line.kind === 'chat') return writeMsrpLine(line.chat);
      return { type: line.type, port: 0, protocol: line.protocol, payloads: line.payloads, rtp: [], fmtp: [] };
    }),
  });
}

/** RFC 5547 §8.3: a refused line has port 0 and mirrors the selector and the transfer id of the offer. */
export const refusedMedia = (offered: FileMedia): FileMedia => ({
  ...refusedLine(offered),
  direction: MIRRORED[offered.direction],
  selector: offered.selector,
  ...(offered.transferId !== undefined ? { transferId: offered.transferId } : {}),
  dates: {},
});

// RFC 3264 §6.1
const MIRRORED = { sendonly: 'recvonly', recvonly: 'sendonly', sendrecv: 'inactive', inactive: 'inactive' } as const;

/**
 * A line nobody has said no to: refused for this session, while the person still decides. RFC 3264 §6.1 lets `inactive`
 * answer `sendonly`; who does not know what it means here sees a refusal.
 */
export const putOffMedia = (offered: FileMedia): FileMedia => ({ ...refusedMedia(offered), direction: 'inactive' });

/** True of a refused line in an answer to a `sendonly` one that was put off only. */
export const isPutOff = ({ port, direction }: FileMedia): boolean => port === 0 && direction === 'inactive';

/** RFC 5547 §8.4: a line of ours that is over has port 0 and keeps its transfer id. */
export const closedMedia = ({
  secure,
  direction,
  acceptTypes,
  selector,
  transferId,
}: Pick<FileMedia, 'secure' | 'direction' | 'acceptTypes' | 'selector' | 'transferId'>): FileMedia => ({
  port: 0,
  secure,
  path: [],
  direction,
  acceptTypes,
  selector,
  ...(transferId !== undefined ? { transferId } : {}),
  dates: {},
});

/** RFC 5547 §8.5: that we know files, for who asks what we can. Nobody can connect to it. */
export const capabilities = (origin: Origin, secure: boolean): string =>
  formatDescription(origin, [
    {
      kind: 'file',
      file: {
        port: 0,
        secure,
        path: [],
        direction: 'sendrecv',
        acceptTypes: ['*'],
        selector: { hashes: [] },
        dates: {},
      },
    },
  ]);
