import { randomInt } from 'node:crypto';
import {
  type Address,
  Emitter,
  type FileFacts,
  type FileOffer,
  type FileRequest,
  type FileTransferOperationSet,
  type OpenOffer,
  type OutgoingFile,
  type ProtocolTransfer,
  ProviderError,
  type ProviderLog,
} from '../../contract/index.ts';
import type { Media, MediaPlace } from '../media/media.ts';
import type { ChatLines } from '../offers/invitations.ts';
import type { SessionDescription } from '../session-description-handler.ts';
import type { SipSession } from '../sip-session.ts';
import type { FileSelector } from './description/file-selector.ts';
import { capabilities, offersFiles } from './description/session-description.ts';
import { FileFetch } from './file-fetch.ts';
import { IncomingFileOffer, type OfferContext } from './incoming-offer.ts';
import { IncomingTransfer } from './incoming-transfer.ts';
import { closedOffers, offerKey, tellClosed } from './open-offers.ts';
import { OutgoingOffer } from './outgoing-offer.ts';
import { OutgoingTransfer } from './outgoing-transfer.ts';
import type { RequestedFile } from './requested-file.ts';
import type { AddedLines } from './session/file-session.ts';
import { logEnd } from './session-log.ts';
import type { Transfer } from './transfer.ts';

export interface FileTransferContext {
  /** The address peers can connect to, and whether our signalling is encrypted. Undefined while not connected. */
  place(): MediaPlace | undefined;
  /** Sends an INVITE with an offer. Throws a `ProviderError`. */
  invite(to: Address, offer: SessionDescription): SipSession;
  now(): number;
  log: ProviderLog;
  /** No server is in between: no answer means nobody there. */
  direct: boolean;
  /** Of the account; closed by whoever made it. */
  media: Media;
  /** Who takes chat lines that stand beside files in one offer. */
  chats: ChatLines;
}

/** Offers nobody has answered yet; more at once are an attack or a fault. */
export const MAXIMUM_OFFERS = 64;

/**
 * Files over SIP and MSRP (RFC 5547), for an account with a server or without.
 *
 * @example
 * const files = new SipFileTransfer({ place, invite: (to, offer) => agent.invite(to, offer), now, log, media, direct: false });
 * agent.onInvite = (session) => { if (!files.take(session)) chat(session); };
 */
export class SipFileTransfer implements FileTransferOperationSet {
  readonly maximumBytes = Number.MAX_SAFE_INTEGER;
  /** With all its hashes a line has about 700 characters, and many a server takes no SIP message above 16 KiB. */
  readonly maximumFiles = 8;
  readonly #context: FileTransferContext;
  readonly #offers = new Emitter<FileOffer>();
  readonly #requests = new Emitter<FileRequest>();
  readonly onOffer = this.#offers.on;
  readonly #closed = new Emitter<OpenOffer>();
  readonly onRequest = this.#requests.on;
  readonly onClosed = this.#closed.on;
  readonly #unanswered = new Set<IncomingFileOffer>();
  readonly #live = new Set<Transfer>();

  constructor(context: FileTransferContext) {
    this.#context = context;
  }

  offer(to: Address, files: readonly OutgoingFile[]): readonly ProtocolTransfer[] {
    const transfers = files.map((file) => this.#keep(new OutgoingTransfer(to, file)));
    for (let first = 0; first < transfers.length; first += this.maximumFiles) {
      this.#offer(to, transfers.slice(first, first + this.maximumFiles));
    }
    return transfers;
  }

  #offer(to: Address, transfers: readonly OutgoingTransfer[]): void {
    const { media, direct } = this.#context;
    new OutgoingOffer(to, transfers, {
      media,
      direct,
      place: () => this.#context.place(),
      invite: (peer, offer) => logEnd(this.#context.invite(peer, offer), this.#context.log),
      added: this.#added,
    });
  }

  fetch(from: Address, file: FileFacts): ProtocolTransfer {
    const transfer = this.#keep(new IncomingTransfer({ peer: from, file }));
    const { name, type, size, hashes = [] } = file;
    const known = { ...(size === undefined ? {} : { size }), hashes };
    transfer.owner = {
      // §8.2.2: a hash is enough, and a name may have been made safe here
      accepted: () => this.#fetch(transfer, hashes.length > 0 ? known : { name, type, ...known }),
      ended: () => {},
    };
    return transfer;
  }

  close(offer: OpenOffer, file: FileFacts): void {
    tellClosed(this.#context, offer, file);
  }

  /** What an answer to OPTIONS says of files (§8.5); undefined while not connected. */
  describe(): string | undefined {
    const place = this.#context.place();
    return place && capabilities({ sessionId: randomInt(2 ** 47), version: 1, host: place.host }, place.secure);
  }

  /** Takes an incoming session when it offers files or asks for some; false: it is something else, a chat perhaps. */
  take(session: SipSession): boolean {
    if (!session.remote || !offersFiles(session.remote.sdp)) return false;
    logEnd(session, this.#context.log);
    if (this.#unanswered.size >= MAXIMUM_OFFERS) {
      session.reject(486);
      return true;
    }
    const offer = IncomingFileOffer.read(
      session,
      this.#incoming(() => {
        if (!('statusCode' in offer)) this.#unanswered.delete(offer);
      }),
    );
    if ('statusCode' in offer) {
      for (const closed of closedOffers(session.peer, session.remote.sdp)) this.#closed.emit(closed);
      this.#context.log('info', 'sip.files-refused', { status: offer.statusCode, why: offer.reason });
      session.reject(offer.statusCode, offer.reason);
    } else this.#present(session, offer);
    return true;
  }

  /** Lines that a peer adds to a session of files (§8.2), whoever made it. */
  readonly #added: AddedLines = (session, media) =>
    new Promise((resolve) => {
      const context = this.#incoming(() => this.#unanswered.delete(offer));
      const offer = IncomingFileOffer.within(session, media, resolve, context);
      if (this.#unanswered.size >= MAXIMUM_OFFERS) offer.fail(new ProviderError('peer-busy'));
      else this.#present(session, offer);
    });

  #incoming(answered: () => void): OfferContext {
    return {
      media: this.#context.media,
      place: () => this.#context.place(),
      chats: this.#context.chats,
      added: this.#added,
      keep: (transfer) => this.#keep(transfer),
      answered,
    };
  }

  /** Ends all transfers as `failed{network}`. A later offer begins anew. */
  stop(): void {
    const gone = new ProviderError('network', { retryable: true });
    // each leaves its set while we walk it, which a set allows
    for (const offer of this.#unanswered) offer.fail(gone);
    for (const transfer of this.#live) transfer.fail(gone);
  }

  #present(session: SipSession, offer: IncomingFileOffer): void {
    if (offer.offered.length > 0 && this.#offers.size === 0) {
      offer.fail(new ProviderError('peer-offline'));
      return;
    }
    this.#unanswered.add(offer);
    for (const { key, transfer } of offer.offered) {
      this.#offers.emit({ transfer, key: offerKey(transfer.peer, key), sentAt: this.#context.now() });
    }
    for (const request of offer.requests) this.#asked(request);
    // now it is on disk, and a person can be asked
    if (offer.offered.length > 0) session.ring();
  }

  #asked(request: RequestedFile): void {
    // the program is ending: whoever asks may ask again
    if (this.#requests.size === 0) request.refuse(new ProviderError('peer-offline'));
    else this.#requests.emit(request);
  }

  #fetch(transfer: IncomingTransfer, selector: FileSelector): void {
    const { media, direct } = this.#context;
    new FileFetch(transfer, selector, {
      media,
      direct,
      place: () => this.#context.place(),
      invite: (peer, offer) => logEnd(this.#context.invite(peer, offer), this.#context.log),
      added: this.#added,
    });
  }

  #keep<Kept extends Transfer>(transfer: Kept): Kept {
    this.#live.add(transfer);
    transfer.onPhase(() => {
      if (transfer.over) this.#live.delete(transfer);
    });
    return transfer;
  }
}
