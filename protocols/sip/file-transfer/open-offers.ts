import { randomInt } from 'node:crypto';
import type { Address, FileFacts, OpenOffer } from '../../contract/index.ts';
import { isToken } from './description/file-attributes.ts';
import { closedMedia, formatDescription, parseDescription } from './description/session-description.ts';
import type { OutgoingContext } from './outgoing-offer.ts';

// An offer no person has answered in time stays open on both sides, and the layer above keeps it. Its receiver asks for the
// file when its person says yes (RFC 5547 §8.2.2). A no, or the sender's taking it back, is told by an INVITE that offers
// nothing but the closed line (§8.4: port 0, and the transfer id it had).

/** What tells a repetition of an offer from another: `id` is the transfer id (§8.1), or what stands in for a missing one. */
export const offerKey = (peer: Address, id: string): string => `${peer} ${id}`;

/** Tells the peer that an open offer is over, as far as that can be told now. */
export function tellClosed(
  { place, invite }: Pick<OutgoingContext, 'place' | 'invite'>,
  { peer, direction, key }: OpenOffer,
  { name, type, size, hashes }: FileFacts,
): void {
  const at = place();
  const transferId = direction === 'outgoing' ? key : key.slice(offerKey(peer, '').length);
  if (!at || !isToken(transferId)) return;
  const origin = { sessionId: randomInt(2 ** 47), version: 1, host: at.host };
  const file = closedMedia({
    secure: at.secure,
    direction: direction === 'outgoing' ? 'sendonly' : 'recvonly',
    acceptTypes: ['*'],
    selector: { name, type, ...(size === undefined ? {} : { size }), hashes: hashes ?? [] },
    transferId,
  });
  try {
    const sip = invite(peer, { sdp: formatDescription(origin, [{ kind: 'file', file }]) });
    // it is refused for want of an open line; a peer that misses it finds out when the file is asked for
    sip.onState(({ state }) => state === 'established' && sip.end());
  } catch {
    // not connected: as if it had got lost
  }
}

/** The offers that the closed lines of a peer's description are about: a line it sent on is its own offer. */
export const closedOffers = (peer: Address, sdp: string): OpenOffer[] =>
  (parseDescription(sdp) ?? []).flatMap((media): OpenOffer[] => {
    if (media.kind !== 'file' || media.file.port !== 0) return [];
    const { transferId, direction } = media.file;
    if (transferId === undefined) return [];
    return direction === 'recvonly'
      ? [{ peer, direction: 'outgoing', key: transferId }]
      : [{ peer, direction: 'incoming', key: offerKey(peer, transferId) }];
  });
