import type { FileFacts } from '../../../contract/index.ts';
import { readPath } from '../../offers/msrp-line.ts';
import type { SessionDescription } from '../../session-description-handler.ts';
import { type FileMedia, type OfferedMedia, parseDescription } from './session-description.ts';

/** Why an offer cannot be taken: a SIP status and words for the Warning header. Says nothing a stranger could misuse. */
export interface Refusal {
  statusCode: 400 | 488;
  reason: string;
}

type FileIcon = NonNullable<FileFacts['icon']>;

/** An offer as it came, its pictures found. */
export interface ReadOffer {
  media: readonly OfferedMedia[];
  /** By Content-ID. */
  icons: ReadonlyMap<string, FileIcon>;
}

/** Larger pictures are not shown: they come with the signalling and should be tiny (RFC 5547 §8.8). */
export const MAXIMUM_ICON_BYTES = 64 * 1024;
const ICON_TYPES: readonly string[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/** The description in an INVITE as an offer, with the pictures that came beside it (RFC 5547 §8.8). */
export function readOffer(description: SessionDescription): ReadOffer | Refusal {
  const media = parseDescription(description.sdp);
  if (!media || media.length === 0) return { statusCode: 400, reason: 'Unreadable session description' };
  const icons = new Map<string, FileIcon>();
  for (const { contentId, contentType, content } of description.parts ?? []) {
    const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
    if (contentId === undefined || !ICON_TYPES.includes(type)) continue;
    if (content.length > 0 && content.length <= MAXIMUM_ICON_BYTES) icons.set(contentId, { type, data: content });
  }
  return { media, icons };
}

/**
 * Why this file can neither be received nor sent on request, undefined when it can. Looked at before anybody is asked: a broken offer is refused
 * with 488 and a Warning, not accepted and then broken off.
 */
export function refusalOf(file: FileMedia): Refusal | undefined {
  const refuse = (reason: string): Refusal => ({ statusCode: 488, reason });
  if (file.port === 0) return refuse('Media line is closed');
  if (file.port > 65_535) return refuse('Port out of range');
  if (file.path.length === 0) return refuse('Path is missing');
  if (!readPath(file)) return refuse('Path does not fit the media line');
  if (file.direction === 'inactive') return refuse('Nothing is sent or received');
  const { selector, range } = file;
  if (!selector) return refuse('File selector is broken');
  const requested = file.direction === 'recvonly';
  // §8.2.1: at least one of type, size, hash, and of a request (§8.2.2) a name may be all; an empty selector is a question
  // about capabilities (§8.5)
  const named = requested && selector.name !== undefined;
  if (!named && selector.type === undefined && selector.size === undefined && selector.hashes.length === 0) {
    return refuse('File selector is empty');
  }
  // §8.3.2: a request may leave out the beginning, which is there already, and nothing else
  if (requested) {
    const whole = range?.stop === undefined || range.stop === selector.size;
    return whole ? undefined : refuse('Files are sent to their end');
  }
  // §8.3.1: a part of a file is of no use where the other parts are not known
  if (range && (range.start !== 1 || (range.stop !== undefined && range.stop !== selector.size))) {
    return refuse('Only whole files are received');
  }
  return undefined;
}
