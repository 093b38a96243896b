import { type MsrpUri, parsePath } from '../../../msrp/uri.ts';
import { mimeEssence, parseMultipart, partBytes, rootPart } from './multipart-related.ts';
import { type FileMedia, type OfferedMedia, parseDescription } from './session-description.ts';

/** Why an offer cannot be taken: a SIP status and words for the Warning header. Says nothing a stranger could misuse. */
export interface Refusal {
  statusCode: 400 | 415 | 488;
  reason: string;
}

/** An offer as it came, its pictures found. */
export interface ReadOffer {
  media: readonly OfferedMedia[];
  /** By Content-ID. */
  icons: ReadonlyMap<string, { type: string; data: Uint8Array }>;
}

/** Larger pictures are not shown: they come with the signalling and should be tiny (RFC 5547 §8.8). */
export const MAXIMUM_ICON_BYTES = 64 * 1024;
const ICON_TYPES: readonly string[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/** The body of an INVITE as an offer, bare or in multipart/related (RFC 5547 §8.8). */
export function readOffer(contentType: string, body: string): ReadOffer | Refusal {
  const icons = new Map<string, { type: string; data: Uint8Array }>();
  let sdp = body;
  if (mimeEssence(contentType).startsWith('multipart/')) {
    const parts = parseMultipart(contentType, body);
    const root = parts && rootPart(contentType, parts);
    if (!parts || !root) return { statusCode: 400, reason: 'Unreadable multipart body' };
    if (mimeEssence(root.headers.get('content-type') ?? '') !== 'application/sdp') {
      return { statusCode: 415, reason: 'No session description' };
    }
    sdp = root.body;
    for (const part of parts) {
      const id = /^<(.+)>$/.exec(part.headers.get('content-id') ?? '')?.[1];
      const type = mimeEssence(part.headers.get('content-type') ?? '');
      if (part === root || id === undefined || !ICON_TYPES.includes(type)) continue;
      const data = partBytes(part);
      if (data && data.length > 0 && data.length <= MAXIMUM_ICON_BYTES) icons.set(id, { type, data });
    }
  } else if (mimeEssence(contentType) !== 'application/sdp') {
    return { statusCode: 415, reason: 'No session description' };
  }
  const media = parseDescription(sdp);
  return media && media.length > 0 ? { media, icons } : { statusCode: 400, reason: 'Unreadable session description' };
}

/** The path of a media line read, undefined when it is missing, broken, without a port or of the other protocol. */
export function readPath(media: FileMedia): MsrpUri[] | undefined {
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

/**
 * Why this file cannot be received, undefined when it can. Looked at before anybody is asked: a broken offer is refused
 * with 488 and a Warning, not accepted and then broken off.
 */
export function refusalOf(file: FileMedia): Refusal | undefined {
  const refuse = (reason: string): Refusal => ({ statusCode: 488, reason });
  if (file.port === 0) return refuse('Media line is closed');
  if (file.port > 65_535) return refuse('Port out of range');
  if (file.path.length === 0) return refuse('Path is missing');
  if (!readPath(file)) return refuse('Path does not fit the media line');
  // §8.3.2: a pull asks for a file of ours, and nothing here is offered for fetching
  if (file.direction === 'recvonly' || file.direction === 'inactive') return refuse('Files are only received');
  const { selector, range } = file;
  if (!selector) return refuse('File selector is broken');
  // §8.2.1: at least one of type, size, hash; an empty selector is a question about capabilities (§8.5)
  if (selector.type === undefined && selector.size === undefined && selector.hashes.length === 0) {
    return refuse('File selector is empty');
  }
  // §8.3.1: a part of a file is of no use where the other parts are not known
  if (range && (range.start !== 1 || (range.stop !== undefined && range.stop !== selector.size))) {
    return refuse('Only whole files are received');
  }
  return undefined;
}
