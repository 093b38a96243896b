import { randomInt } from 'node:crypto';
import { type FileFacts, type FileHash, ProviderError } from '../../contract/index.ts';
import type { Media, MediaLine } from '../media/media.ts';
import { refusedLine } from '../offers/msrp-line.ts';
import type { SipSession } from '../sip-session.ts';
import { type ReadOffer, type Refusal, readOffer, refusalOf } from './description/offer-check.ts';
import {
  type FileMedia,
  formatDescription,
  type OfferedMedia,
  refusedMedia,
} from './description/session-description.ts';
import { IncomingTransfer } from './incoming-transfer.ts';
import { answerReoffer } from './reoffer.ts';
import { CANCELLED, fromMsrp, reasonOf } from './transfer-errors.ts';

/** What an incoming offer needs from its account. */
export interface OfferContext {
  media: Media;
  /** Our address for the peer's connection. Undefined while not connected. */
  place(): { host: string } | undefined;
  /** All files of the offer are over and the session has been ended. */
  ended(): void;
}

/** The sender should end the session (RFC 5547 §8.7); when it does not, we do. */
const BYE_TIMEOUT = 10_000;

/**
 * One INVITE with one file or several (RFC 5547 §8.2.3). Each is decided about by itself; the one answer goes out when
 * all are decided.
 */
export class IncomingFileOffer {
  readonly transfers: readonly IncomingTransfer[];
  readonly #sip: SipSession;
  readonly #offer: ReadOffer;
  readonly #context: OfferContext;
  readonly #byMedia = new Map<FileMedia, IncomingTransfer>();
  readonly #lines: MediaLine[] = [];
  #answered = false;
  #established = false;
  #fault: ProviderError | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Reads the offer of a session. What cannot be taken at all comes back as a refusal, to be given as the answer. */
  static read(sip: SipSession, context: OfferContext): IncomingFileOffer | Refusal {
    const offer = sip.remote ? readOffer(sip.remote) : ({ statusCode: 400, reason: 'No session description' } as const);
    if ('statusCode' in offer) return offer;
    const files = offer.media.flatMap((media) => (media.kind === 'file' ? [media.file] : []));
    const refusals = files.map(refusalOf);
    if (files.length === 0) return { statusCode: 488, reason: 'No files offered' };
    return refusals.includes(undefined) ? new IncomingFileOffer(sip, offer, context) : (refusals[0] as Refusal);
  }

  private constructor(sip: SipSession, offer: ReadOffer, context: OfferContext) {
    this.#sip = sip;
    this.#offer = offer;
    this.#context = context;
    for (const media of offer.media) {
      if (media.kind !== 'file' || refusalOf(media.file)) continue;
      const facts = { peer: sip.peer, peerName: sip.peerName, file: factsOf(media.file, offer), media: media.file };
      const transfer = new IncomingTransfer(facts, {
        sip,
        decided: () => this.#settle(),
        ended: (error) => {
          this.#fault ??= error;
          this.#settle();
        },
      });
      this.#byMedia.set(media.file, transfer);
    }
    this.transfers = [...this.#byMedia.values()];
    sip.onState((state) => {
      if (state.state === 'established') {
        this.#established = true;
        this.#settle();
      }
      if (state.state !== 'ended') return;
      for (const transfer of this.transfers) {
        if (state.by === 'peer') transfer.peerLeft(state.reason);
        // once answered, the media connections stand by themselves
        else if (state.by === 'network' && !this.#established)
          transfer.fail(new ProviderError('network', { retryable: true }));
      }
      this.#settle();
    });
  }

  /** Ends every file, because the account goes away. */
  fail(error: ProviderError): void {
    for (const transfer of this.transfers) transfer.fail(error);
  }

  /** Answers once everything is decided, and leaves once everything is over. */
  #settle(): void {
    if (this.transfers.some((transfer) => transfer.phase.state === 'offered')) return;
    if (!this.#answered) {
      this.#answered = true;
      if (this.transfers.some((transfer) => transfer.wanted)) {
        void this.#answer().catch((error: unknown) => this.fail(fromMsrp(error)));
        return;
      }
    }
    if (!this.transfers.every((transfer) => transfer.over)) return;
    const finished = this.transfers.every((transfer) => transfer.phase.state === 'finished');
    const ended = this.#sip.state.state === 'ended';
    if (finished && !ended) {
      // the last 200 and REPORT are on their way: leaving now could cut them off
      this.#timer ??= setTimeout(() => this.#leave(), BYE_TIMEOUT);
    } else this.#leave();
  }

  #leave(): void {
    clearTimeout(this.#timer);
    const { state } = this.#sip.state;
    // our 200 is going out: only a BYE after it tells the peer what happened
    if (state === 'answering') return;
    if (state !== 'invited') this.#sip.end(this.#fault && reasonOf(this.#fault));
    else if (this.#fault) this.#sip.reject(480);
    else this.#sip.reject(603, this.transfers.some(({ regretted }) => regretted) ? CANCELLED : undefined);
    for (const line of this.#lines.splice(0)) void line.leave();
    this.#context.ended();
  }

  async #answer(): Promise<void> {
    const place = this.#context.place();
    if (!place) throw new ProviderError('network', { retryable: true });
    const starts: (() => void)[] = [];
    const lines: OfferedMedia[] = [];
    for (const media of this.#offer.media) {
      const transfer = media.kind === 'file' ? this.#byMedia.get(media.file) : undefined;
      if (media.kind === 'other') lines.push(media);
      else if (media.kind === 'chat') lines.push({ kind: 'chat', chat: refusedLine(media.chat) });
      else if (!transfer?.wanted) lines.push({ kind: 'file', file: refusedMedia(media.file) });
      else {
        const line = await this.#context.media.answer(place.host, media.file, { accept: transfer.take });
        this.#lines.push(line);
        lines.push({ kind: 'file', file: answerLine(transfer, line) });
        starts.push(() => void transfer.connect(line));
      }
    }
    // somebody may have cancelled while the listener was opened
    if (!this.transfers.some((transfer) => transfer.wanted)) return this.#leave();
    const origin = { sessionId: randomInt(2 ** 47), version: 1, host: place.host };
    this.#sip.answerReoffer = ({ sdp }) => {
      const answer = answerReoffer(sdp, lines);
      if (!answer) throw new ProviderError('malformed');
      for (const index of answer.closed) {
        const media = this.#offer.media[index];
        const transfer = media?.kind === 'file' ? this.#byMedia.get(media.file) : undefined;
        // our answer goes out first
        setImmediate(() => transfer?.peerLeft(undefined));
      }
      origin.version++;
      return { sdp: formatDescription(origin, answer.lines) };
    };
    this.#sip.accept({ sdp: formatDescription(origin, lines) });
    for (const start of starts) start();
  }
}

function answerLine({ media: offered, from, file }: IncomingTransfer, { address }: MediaLine): FileMedia {
  return {
    ...address,
    direction: 'recvonly',
    acceptTypes: ['*'],
    ...(file.size !== undefined ? { maxSize: file.size } : {}),
    // §8.3.1: name, type and size MUST be copied into the answer
    selector: offered.selector,
    ...(offered.transferId !== undefined ? { transferId: offered.transferId } : {}),
    dates: {},
    // the beginning is here already: the sender goes on from there, or sends all, which is taken as well
    ...(from > 0 ? { range: { start: from + 1 } } : offered.range ? { range: offered.range } : {}),
  };
}

const strength = ({ algorithm }: FileHash): number => (algorithm === 'sha-256' ? 2 : 1);

/** What is offered, as a person and the transfer engine want to know it. */
function factsOf(media: FileMedia, offer: ReadOffer): FileFacts {
  const { name, type, size, hashes } = media.selector ?? { hashes: [] };
  const icon = media.iconId === undefined ? undefined : offer.icons.get(media.iconId);
  return {
    name: bareName(name),
    type: type ?? 'application/octet-stream',
    size,
    ...(hashes.length > 0 ? { hashes: hashes.toSorted((a, b) => strength(b) - strength(a)) } : {}),
    ...(media.dates.modifiedAt !== undefined ? { modifiedAt: media.dates.modifiedAt } : {}),
    ...(icon ? { icon } : {}),
  };
}

/** RFC 5547 §6: a name may still hold what is a directory here. Only its last part is a name. */
function bareName(name: string | undefined): string {
  const last = (name ?? '')
    .split(/[/\\]/)
    .at(-1)
    // control characters, and marks that make a name read backwards
    ?.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim();
  return last === undefined || last === '' || last === '.' || last === '..' ? 'file' : last;
}
