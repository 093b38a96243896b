import { randomInt, randomUUID } from 'node:crypto';
import { type Address, ProviderError } from '../../contract/index.ts';
import type { Media, MediaLine, MediaPlace } from '../media/media.ts';
import type { BodyPart } from '../multipart.ts';
import { readPath } from '../offers/msrp-line.ts';
import type { SessionDescription } from '../session-description-handler.ts';
import type { SipSession, SipSessionState } from '../sip-session.ts';
import {
  type FileMedia,
  formatDescription,
  isPutOff,
  type OfferedMedia,
  type Origin,
  parseAnswer,
} from './description/session-description.ts';
import { type OutgoingTransfer, SENDING } from './outgoing-transfer.ts';
import { type AddedLines, FileSession } from './session/file-session.ts';
import { fromMsrp, fromReason, fromRejection, fromTitle, isUnanswered } from './transfer-errors.ts';

/** What an outgoing offer needs from its account. */
export interface OutgoingContext {
  media: Media;
  /** Our address for the peer's connection, and whether signalling is encrypted. Undefined while not connected. */
  place(): MediaPlace | undefined;
  /** Sends the INVITE. Throws a ProviderError. */
  invite(to: Address, offer: SessionDescription): SipSession;
  /** No server is in between: no answer means nobody there. */
  direct: boolean;
  /** Who decides about lines that are added later. */
  added: AddedLines;
  /** The peer has refused the same in clear. */
  refusedInClear?: boolean;
}

/** How long an offer waits for its answer in this form; then it stays open without an INVITE. */
export const OFFER_TIMEOUT = 9 * 60_000;
/** Many a server takes no SIP message above 16 KiB: pictures that would make the body longer are left at home. */
const BODY_MAXIMUM = 14_336;
/** A larger picture is never sent: it should be tiny (RFC 5547 §8.8). */
export const ICON_MAXIMUM = 8_192;
/** Headers and delimiter of a body part. */
const PART_OVERHEAD = 250;
/** RFC 3261 §21.4.26: no common media, which may be said of `TCP/MSRP` by a peer that takes `TCP/TLS/MSRP` only. */
const NO_COMMON_MEDIA: readonly number[] = [488, 606];
/** The offer as it stands cannot be understood, though a simpler one may. */
const TOO_MUCH: readonly number[] = [400, 415, 488, 606];

interface OfferedLine {
  transfer: OutgoingTransfer;
  line: MediaLine;
}

/**
 * Files offered together: one INVITE with a line for each (RFC 5547 §8.2.1, §8.2.3). What the answer says of a line counts
 * for that file alone. A peer that cannot read several lines, or the pictures beside them, gets simpler offers.
 */
export class OutgoingOffer {
  readonly #transfers: readonly OutgoingTransfer[];
  readonly #to: Address;
  readonly #context: OutgoingContext;
  #lines: readonly OfferedLine[] = [];
  #sip: SipSession | undefined;
  #answered = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(to: Address, transfers: readonly OutgoingTransfer[], context: OutgoingContext) {
    this.#to = to;
    this.#transfers = transfers;
    this.#context = context;
    for (const transfer of transfers) transfer.owner = { ended: (reason) => this.#ended(reason) };
    // phases come after `offer` has returned
    queueMicrotask(() => {
      this.#offer().catch((error: unknown) => this.#fail(fromMsrp(error)));
    });
  }

  async #offer(): Promise<void> {
    const place = this.#context.place();
    if (!place) throw new ProviderError('network', { retryable: true });
    const lines: OfferedLine[] = [];
    this.#lines = lines;
    for (const transfer of this.#transfers) {
      if (transfer.over) continue;
      lines.push({ transfer, line: await this.#context.media.offer(place, SENDING, this.#to) });
    }
    this.#lines = lines.filter(({ transfer, line }) => {
      if (transfer.over) line.end();
      return !transfer.over;
    });
    if (this.#lines.length > 0) this.#invite(place.host, true);
  }

  #invite(host: string, withIcons: boolean): void {
    const ours = this.#lines.map(
      ({ transfer, line }): OfferedMedia => ({ kind: 'file', file: offerOf(transfer, line) }),
    );
    const origin: Origin = { sessionId: randomInt(2 ** 47), version: 1, host };
    const parts = withIcons ? this.#picture(ours, formatDescription(origin, ours).length) : [];
    const sip = this.#context.invite(this.#to, {
      sdp: formatDescription(origin, ours),
      ...(parts.length > 0 ? { parts } : {}),
    });
    this.#sip = sip;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#late(sip), OFFER_TIMEOUT);
    sip.onState((state) => {
      if (this.#answered || this.#transfers.every(({ over }) => over)) return;
      const tooMuch = state.state === 'rejected' && TOO_MUCH.includes(state.rejection.status);
      // RFC 5547 §8.8: a peer that knows no multipart gets the offer again without the pictures
      if (tooMuch && parts.length > 0) this.#guarded(() => this.#invite(host, false));
      else if (tooMuch && this.#lines.length > 1) this.#split(this.#context);
      else if (state.state === 'rejected' && this.#mayEncrypt(state.rejection.status)) this.#encrypt();
      else this.#onSip(state, { sip, origin, ours });
    });
  }

  #late({ rung }: SipSession): void {
    // a device that was never reached has asked no person
    if (rung) this.#each((transfer) => transfer.unanswered(rung.alike));
    else this.#fail(new ProviderError('peer-offline', { retryable: true }));
  }

  /** Puts as many pictures beside the offer as there is room for, and names them in their lines. */
  #picture(ours: readonly OfferedMedia[], length: number): BodyPart[] {
    let room = BODY_MAXIMUM - length;
    return this.#lines.flatMap(({ transfer }, index) => {
      const { icon } = transfer.file;
      const media = ours[index];
      if (!icon || icon.data.length > ICON_MAXIMUM || media?.kind !== 'file') return [];
      const taken = Math.ceil(icon.data.length * 1.37) + PART_OVERHEAD;
      if (taken > room) return [];
      room -= taken;
      media.file.iconId = `${randomUUID()}@aims`;
      return [{ contentType: icon.type, content: icon.data, contentId: media.file.iconId, disposition: 'icon' }];
    });
  }

  /**
   * Once: what is encrypted may be what the peer wants (SIP SIMPLE SDK 5.5 is shipped so), though our signalling is not. Never the
   * other way round: what would have been encrypted goes in clear only when a person says so.
   */
  #mayEncrypt(status: number): boolean {
    const isClear = this.#lines.every(({ line }) => !line.address.secure) && this.#context.place()?.secure === false;
    return isClear && NO_COMMON_MEDIA.includes(status);
  }

  #encrypt(): void {
    const place = (): MediaPlace | undefined => {
      const clear = this.#context.place();
      return clear && { ...clear, secure: true };
    };
    this.#split({ ...this.#context, place, refusedInClear: true });
  }

  /** Each file goes on with an offer of its own, since not every client reads more than one line. */
  #split(context: OutgoingContext): void {
    this.#answered = true;
    clearTimeout(this.#timer);
    for (const { transfer, line } of this.#lines) {
      line.end();
      if (!transfer.over) new OutgoingOffer(this.#to, [transfer], context);
    }
  }

  #onSip(state: SipSessionState, said: { sip: SipSession; origin: Origin; ours: readonly OfferedMedia[] }): void {
    switch (state.state) {
      case 'established':
        this.#answered = true;
        clearTimeout(this.#timer);
        this.#begin(state.remote, said);
        break;
      case 'rejected': {
        const { rung } = said.sip;
        if (rung && isUnanswered(state.rejection, rung)) {
          this.#each((transfer) => transfer.unanswered(rung.alike));
          break;
        }
        const isEncrypted = said.ours.every((media) => media.kind === 'file' && media.file.secure);
        const why = fromRejection(state.rejection, this.#context.direct, isEncrypted && !this.#context.refusedInClear);
        this.#each((transfer) => {
          if (why === 'declined') transfer.declined();
          else if (why === 'cancelled') transfer.cancelledByPeer();
          else transfer.fail(why);
        });
        break;
      }
      case 'ended': {
        const error =
          state.by === 'peer' ? fromReason(state.reason) : new ProviderError('network', { retryable: true });
        this.#each((transfer) => (error ? transfer.fail(error) : transfer.cancelledByPeer()));
        break;
      }
    }
  }

  #begin(remote: SessionDescription, said: { sip: SipSession; origin: Origin; ours: readonly OfferedMedia[] }): void {
    const answer = parseAnswer(remote.sdp) ?? [];
    const taken = (media: OfferedMedia | undefined): boolean => media?.kind === 'file' && media.file.port !== 0;
    const someTaken = answer.some(taken);
    const session = new FileSession(said.sip, { ...said, added: this.#context.added });
    const runs: (() => void)[] = [];
    for (const [index, { transfer, line }] of this.#lines.entries()) {
      const media = answer[index];
      const refuse = (end: () => void): void => {
        line.end();
        end();
      };
      // cancelled while the answer was on its way, or before: only now it can be said for one line alone
      if (transfer.over) refuse(() => taken(media) && runs.push(() => session.close(index)));
      else if (!media) refuse(() => transfer.fail(new ProviderError('malformed')));
      // RFC 5547 §8.3: refused by port 0 within an accepted session
      else if (media.kind !== 'file') refuse(() => transfer.fail(new ProviderError('not-supported')));
      else if (media.file.port === 0) {
        if (someTaken && isPutOff(media.file)) refuse(() => transfer.unanswered(true));
        else {
          const fault = fromTitle(media.file.title);
          refuse(() => (fault ? transfer.fail(fault) : transfer.declined()));
        }
      } else if (!readPath(media.file)) {
        refuse(() => transfer.fail(new ProviderError('malformed', { detail: 'path' })));
        runs.push(() => session.close(index));
      } else {
        const share = session.open(index);
        runs.push(() => transfer.run(line, media.file, share));
      }
    }
    for (const run of runs) run();
    session.begun();
  }

  #ended(reason: string | undefined): void {
    if (this.#answered || !this.#transfers.every(({ over }) => over)) return;
    clearTimeout(this.#timer);
    this.#sip?.end(reason);
    for (const { line } of this.#lines) line.end();
  }

  #fail(error: ProviderError): void {
    this.#each((transfer) => transfer.fail(error));
  }

  #each(end: (transfer: OutgoingTransfer) => void): void {
    for (const transfer of this.#transfers) if (!transfer.over) end(transfer);
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(fromMsrp(error));
    }
  }
}

function offerOf({ id, file }: OutgoingTransfer, { address }: MediaLine): FileMedia {
  const { name, type, size, hashes, modifiedAt } = file;
  return {
    ...address,
    direction: 'sendonly',
    acceptTypes: ['*'],
    selector: { name, type, ...(size === undefined ? {} : { size }), hashes: hashes ?? [] },
    transferId: id,
    disposition: 'attachment',
    dates: modifiedAt === undefined ? {} : { modifiedAt },
  };
}
