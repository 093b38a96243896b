import { type OfferedMedia, parseDescription } from '../../file-transfer/description/session-description.ts';
import type { MediaAddress } from '../../media/media.ts';
import { type MsrpLine, readPath, refusedLine } from '../../offers/msrp-line.ts';
import { IMDN_TYPE } from '../imdn.ts';
import { IS_COMPOSING_TYPE } from '../is-composing.ts';
import { CPIM_TYPE } from '../message-content.ts';

/** Largest message taken in a session: a text of the largest size with its envelope. */
export const LARGEST_MESSAGE = 300_000;

/** Top-level types we take; what stands only in `WRAPPED` comes inside of CPIM. */
export const ROOT_TYPES: readonly string[] = [CPIM_TYPE, 'text/plain', 'text/html', IS_COMPOSING_TYPE];
/** SIP SIMPLE SDK 5.5 looks for its text types here alone and sends no text that asks for notifications without them. */
const WRAPPED_TYPES: readonly string[] = [IMDN_TYPE, 'text/plain', 'text/html'];

/** What can be sent to the writer of a chat line, and how (RFC 4975 §8.6: only what the line names). */
export interface ChatForms {
  /** Texts in CPIM, else plain. */
  wraps: boolean;
  /** Notifications in CPIM. */
  notifications: boolean;
  /** isComposing as it is. */
  typing: boolean;
  /** Largest message in bytes. */
  maximum: number;
}

/** Our `m=message` line for a chat, in an offer or an answer (RFC 4975 §8). */
export const chatLine = (address: MediaAddress): MsrpLine => ({
  ...address,
  direction: 'sendrecv',
  acceptTypes: ROOT_TYPES,
  acceptWrappedTypes: WRAPPED_TYPES,
  maxSize: LARGEST_MESSAGE,
});

/** The first chat in a description. */
export const chatLineOf = (sdp: string): MsrpLine | undefined => {
  for (const line of parseDescription(sdp) ?? []) if (line.kind === 'chat') return line.chat;
  return undefined;
};

const names = (types: readonly string[], type: string): boolean =>
  types.some((entry) => {
    const name = (entry.split(';', 1)[0] ?? '').toLowerCase();
    return name === '*' || name === type || name === `${type.slice(0, type.indexOf('/'))}/*`;
  });

/** How to write to the writer of a line; undefined when it takes no texts at all. */
export const formsOf = (line: MsrpLine): ChatForms | undefined => {
  const inside = [...line.acceptTypes, ...(line.acceptWrappedTypes ?? [])];
  const cpim = names(line.acceptTypes, CPIM_TYPE);
  const wraps = cpim && names(inside, 'text/plain');
  if (!wraps && !names(line.acceptTypes, 'text/plain')) return undefined;
  return {
    wraps,
    notifications: cpim && names(inside, IMDN_TYPE),
    typing: names(line.acceptTypes, IS_COMPOSING_TYPE),
    maximum: line.maxSize ?? Number.MAX_SAFE_INTEGER,
  };
};

/**
 * Why a chat cannot be had by this line, in words for a Warning; undefined when it can. `within`: the chat is there already,
 * and may be held (RFC 3264 §8.4).
 */
export const faultOf = (line: MsrpLine, within = false): string | undefined => {
  if (line.port === 0) return 'Media line is closed';
  if (line.port > 65_535) return 'Port out of range';
  if (!readPath(line)) return 'Path is missing or does not fit the media line';
  if (!within && line.direction !== 'sendrecv') return 'A chat goes both ways';
  return formsOf(line) ? undefined : 'No type of text in common';
};

/** Session id in the last URI of a path: the same at both ends, whatever stands in between. */
export const sessionIdOf = ({ path }: Pick<MsrpLine, 'path'>): string =>
  /\/([^/;]+);[^/]*$/.exec(path.at(-1) ?? '')?.[1] ?? '';

/** RFC 3264 §6: an answer for each line; ours for the first chat, all else refused. */
export const answerLines = (offered: readonly OfferedMedia[], answer: MsrpLine | undefined): OfferedMedia[] => {
  const first = offered.findIndex(({ kind }) => kind === 'chat');
  return offered.map((line, index): OfferedMedia => {
    if (answer && index === first) return { kind: 'chat', chat: answer };
    if (line.kind === 'chat') return { kind: 'chat', chat: refusedLine(line.chat) };
    if (line.kind === 'file') return { kind: 'other', type: 'message', protocol: protocolOf(line.file), payloads: '*' };
    return line;
  });
};

const protocolOf = ({ secure }: Pick<MsrpLine, 'secure'>): string => (secure ? 'TCP/TLS/MSRP' : 'TCP/MSRP');

/** RFC 4975 §9: at most 32 characters, so a UUID goes without its dashes; what does not fit is left to the library. */
export const messageId = (id: string | undefined): { messageId?: string } => {
  const short = id?.replaceAll('-', '') ?? '';
  return /^[A-Za-z0-9]{4,32}$/.test(short) ? { messageId: short } : {};
};

/** Where we said we are ourselves, relays aside. */
export const hostOf = ({ path }: Pick<MediaAddress, 'path'>): string | undefined =>
  /:\/\/\[?([^\]/]+?)\]?:\d+\/[^/]*$/.exec(path.at(-1) ?? '')?.[1];
