import { randomInt } from 'node:crypto';
import { type Address, isWanted, type WantedFile } from '../../contract/index.ts';
import type { FileSelector } from './description/file-selector.ts';
import { closedMedia, type FileMedia, formatDescription } from './description/session-description.ts';
import type { IncomingTransfer } from './incoming-transfer.ts';
import type { OutgoingContext } from './outgoing-offer.ts';
import type { OutgoingTransfer } from './outgoing-transfer.ts';
import type { Transfer } from './transfer.ts';

export interface PutOffContext extends Pick<OutgoingContext, 'place' | 'invite'> {
  /** The person has said yes after all. */
  fetch(transfer: IncomingTransfer, selector: FileSelector): void;
}

/**
 * Files that were answered by *not yet*: neither accepted nor declined when the answer to their offer had to leave. Both
 * sides remember them. The receiver asks for one when its person says yes (RFC 5547 §8.2.2); a no, or the sender's taking
 * it back, is told by an INVITE that offers nothing but the closed line (§8.3.1: port 0: the operation is closed).
 */
export class PutOffFiles {
  readonly #context: PutOffContext;
  readonly #files = new Map<Transfer, FileMedia>();

  constructor(context: PutOffContext) {
    this.#context = context;
  }

  /** Ours, as we offered it: `media`. */
  keepOutgoing(transfer: OutgoingTransfer, media: FileMedia): void {
    this.#files.set(transfer, media);
    transfer.owner = { ended: () => this.#ended(transfer) };
  }

  /** Somebody else's, as it was offered. */
  keepIncoming(transfer: IncomingTransfer, media: FileMedia): void {
    this.#files.set(transfer, media);
    transfer.owner = {
      accepted: () => {
        this.#files.delete(transfer);
        this.#context.fetch(transfer, media.selector ?? { hashes: [] });
      },
      ended: () => this.#ended(transfer),
    };
  }

  /** Hands out the file that is asked for, if it is one of ours here. */
  take(peer: Address, wanted: WantedFile): OutgoingTransfer | undefined {
    for (const transfer of this.#files.keys()) {
      if (transfer.direction !== 'outgoing' || transfer.peer !== peer || !isWanted(transfer.file, wanted)) continue;
      this.#files.delete(transfer);
      return transfer as OutgoingTransfer;
    }
    return undefined;
  }

  /** A peer offers a closed line: what it closes is over. */
  close(peer: Address, { transferId }: FileMedia): void {
    for (const [transfer, media] of this.#files) {
      if (transferId === undefined || media.transferId !== transferId || transfer.peer !== peer) continue;
      this.#files.delete(transfer);
      if (transfer.direction === 'outgoing') (transfer as OutgoingTransfer).declined();
      else (transfer as IncomingTransfer).peerLeft(undefined);
    }
  }

  #ended(transfer: Transfer): void {
    const media = this.#files.get(transfer);
    const place = this.#context.place();
    this.#files.delete(transfer);
    const byUs = transfer.phase.state === 'declined' || transfer.phase.state === 'cancelled';
    if (!media || !place || !byUs) return;
    const direction = transfer.direction === 'outgoing' ? 'sendonly' : 'recvonly';
    const origin = { sessionId: randomInt(2 ** 47), version: 1, host: place.host };
    const closed = { kind: 'file', file: { ...closedMedia(media), direction } } as const;
    try {
      const sip = this.#context.invite(transfer.peer, { sdp: formatDescription(origin, [closed]) });
      // it is refused for want of an open line; who misses it finds out when the file is asked for
      sip.onState(({ state }) => state === 'established' && sip.end());
    } catch {
      // not connected: as if it had got lost
    }
  }
}
