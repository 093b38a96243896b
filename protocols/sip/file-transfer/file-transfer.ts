import {
  type Address,
  Emitter,
  type FileTransferOperationSet,
  type OutgoingFile,
  type ProtocolTransfer,
  ProviderError,
} from '../../contract/index.ts';
import type { Media, MediaPlace } from '../media/media.ts';
import type { SessionDescription } from '../session-description-handler.ts';
import type { SipSession } from '../sip-session.ts';
import { offersFiles } from './description/session-description.ts';
import { IncomingFileOffer } from './incoming-offer.ts';
import { OutgoingTransfer } from './outgoing-transfer.ts';

export interface FileTransferContext {
  /** The address peers can connect to, and whether our signalling is encrypted. Undefined while not connected. */
  place(): MediaPlace | undefined;
  /** Sends an INVITE with an offer. Throws a `ProviderError`. */
  invite(to: Address, offer: SessionDescription): SipSession;
  now(): number;
  /** No server is in between: no answer means nobody there. */
  direct: boolean;
  /** Of the account; closed by whoever made it. */
  media: Media;
}

/** Offers nobody has answered yet; more at once are an attack or a fault. */
export const MAXIMUM_OFFERS = 64;

/**
 * Files over SIP and MSRP (RFC 5547), for an account with a server or without.
 *
 * @example
 * const files = new SipFileTransfer({ place, invite: (to, offer) => agent.invite(to, offer), now, media, direct: false });
 * agent.onInvite = (session) => { if (!files.take(session)) chat(session); };
 */
export class SipFileTransfer implements FileTransferOperationSet {
  readonly maximumBytes = Number.MAX_SAFE_INTEGER;
  readonly #context: FileTransferContext;
  readonly #offers = new Emitter<{ transfer: ProtocolTransfer; key: string; sentAt: number }>();
  readonly onOffer = this.#offers.on;
  readonly #incoming = new Set<IncomingFileOffer>();
  readonly #outgoing = new Set<OutgoingTransfer>();

  constructor(context: FileTransferContext) {
    this.#context = context;
  }

  offer(to: Address, files: readonly OutgoingFile[]): readonly ProtocolTransfer[] {
    return files.map((file) => this.#offerOne(to, file));
  }

  #offerOne(to: Address, file: OutgoingFile): ProtocolTransfer {
    const transfer = new OutgoingTransfer(to, file, {
      media: this.#context.media,
      place: () => this.#context.place(),
      invite: (peer, offer) => this.#context.invite(peer, offer),
      direct: this.#context.direct,
    });
    this.#outgoing.add(transfer);
    transfer.onPhase(() => {
      if (transfer.over) this.#outgoing.delete(transfer);
    });
    return transfer;
  }

  /** Takes an incoming session when it offers files; false: it is something else, a chat perhaps. */
  take(session: SipSession): boolean {
    if (!session.remote || !offersFiles(session.remote.sdp)) return false;
    if (this.#incoming.size >= MAXIMUM_OFFERS) {
      session.reject(486);
      return true;
    }
    const offer = IncomingFileOffer.read(session, {
      media: this.#context.media,
      place: () => this.#context.place(),
      ended: () => {
        if (!('statusCode' in offer)) this.#incoming.delete(offer);
      },
    });
    if ('statusCode' in offer) {
      session.reject(offer.statusCode, offer.reason);
    } else if (this.#offers.size === 0) {
      session.reject(480);
    } else {
      this.#incoming.add(offer);
      for (const [index, transfer] of offer.transfers.entries()) {
        // §8.1: the transfer id tells a repetition from a new offer; without one the INVITE itself has to
        const key = transfer.media.transferId ?? `${session.id} ${index}`;
        this.#offers.emit({ transfer, key: `${transfer.peer} ${key}`, sentAt: this.#context.now() });
      }
      // now it is on disk, and a person can be asked
      session.ring();
    }
    return true;
  }

  /** Ends all transfers as `failed{network}`. A later offer begins anew. */
  stop(): void {
    const gone = new ProviderError('network', { retryable: true });
    // each leaves its set while we walk it, which a set allows
    for (const transfer of this.#outgoing) transfer.fail(gone);
    for (const offer of this.#incoming) offer.fail(gone);
  }
}
