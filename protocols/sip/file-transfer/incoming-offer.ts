import { randomInt, randomUUID } from 'node:crypto';
import { ProviderError } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import type { Media, MediaLine } from '../media/media.ts';
import type { ChatLine, ChatLines } from '../offers/invitations.ts';
import { type MsrpLine, refusedLine } from '../offers/msrp-line.ts';
import type { SipSession } from '../sip-session.ts';
import { factsOf } from './description/file-facts.ts';
import { type ReadOffer, type Refusal, readOffer, refusalOf } from './description/offer-check.ts';
import {
  type FileMedia,
  formatDescription,
  type OfferedMedia,
  putOffMedia,
  refusedMedia,
} from './description/session-description.ts';
import { WRAPPER_MAXIMUM } from './file-content.ts';
import { IncomingTransfer } from './incoming-transfer.ts';
import { type OutgoingTransfer, SENDING } from './outgoing-transfer.ts';
import { RequestedFile } from './requested-file.ts';
import type { FileLine } from './session/file-line.ts';
import { type AddedLines, FileSession, type TakenLines } from './session/file-session.ts';
import { CANCELLED, fromMsrp, wordsOf } from './transfer-errors.ts';

/** What an incoming offer needs from its account. */
export interface OfferContext {
  media: Media;
  /** Our address for the peer's connection. Undefined while not connected. */
  place(): { host: string } | undefined;
  /** Who takes chat lines that stand beside the files. */
  chats: ChatLines;
  /** Who decides about lines that are added later. */
  added: AddedLines;
  /** A transfer began to live. */
  keep(transfer: IncomingTransfer | OutgoingTransfer): void;
  /** The answer has gone out, or will never be asked for. */
  answered(): void;
}

/**
 * How long the answer waits for decisions when something else hangs on it: a chat beside the files, or a session that goes on.
 * An accepted file waits for none of the others.
 */
export const UNDECIDED_TIMEOUT = 30_000;

/** What waits for our one answer: an INVITE, or an offer within a session. */
interface Asked {
  /** Lines of a session that goes on: whatever becomes of them, each is answered by itself. */
  readonly within: boolean;
  waits(): boolean;
  accept(host: string, taken: TakenLines): void;
  reject(status: number, warning?: string): void;
}

const invitation = (sip: SipSession, added: AddedLines): Asked => ({
  within: false,
  waits: () => sip.state.state === 'invited',
  accept: (host, { lines, withChat, open }) => {
    const origin = { sessionId: randomInt(2 ** 47), version: 1, host };
    const session = new FileSession(sip, { origin, ours: lines, withChat, added });
    const start = open((index) => session.open(index));
    sip.accept({ sdp: formatDescription(origin, lines) });
    start();
    session.begun();
  },
  reject: (status, warning) => sip.reject(status, warning),
});

/** What stands on a line of the offer and is ours to decide. */
type Entry = { media: FileMedia; line?: MediaLine } & (
  | { kind: 'push'; transfer: IncomingTransfer }
  | { kind: 'pull'; request: RequestedFile }
);

/**
 * One offer with one file or several (RFC 5547 §8.2.3), offered or asked for, and perhaps a chat beside them: an INVITE, or
 * lines that are added to a session (§8.2). Each file is decided about by itself; the one answer goes out when the first is
 * accepted or all are decided about. What is undecided by then is answered by port 0 and `inactive`: it stays open, and is
 * asked for when a person accepts it after all.
 */
export class IncomingFileOffer {
  /** With what tells a repetition from a new offer: the transfer id (§8.1), without one the INVITE and the line. */
  readonly offered: readonly { transfer: IncomingTransfer; key: string }[];
  readonly requests: readonly RequestedFile[];
  readonly #sip: SipSession;
  readonly #offer: ReadOffer;
  readonly #asked: Asked;
  readonly #context: OfferContext;
  readonly #entries = new Map<OfferedMedia, Entry>();
  #chats: readonly MsrpLine[];
  #stage: 'waiting' | 'answering' | 'answered' = 'waiting';
  #fault: ProviderError | undefined;
  /** A 200 was not possible, so the rest is for a refusal to say. */
  #unanswerable = false;
  #timer: NodeJS.Timeout | undefined;

  /** Reads the offer of a session. What cannot be taken at all comes back as a refusal, to be given as the answer. */
  static read(sip: SipSession, context: OfferContext): IncomingFileOffer | Refusal {
    const offer = sip.remote ? readOffer(sip.remote) : ({ statusCode: 400, reason: 'No session description' } as const);
    if ('statusCode' in offer) return offer;
    const files = offer.media.flatMap((media) => (media.kind === 'file' ? [media.file] : []));
    const refusals = files.map(refusalOf);
    if (files.length === 0) return { statusCode: 488, reason: 'No files offered' };
    const readable = refusals.includes(undefined);
    const asked = invitation(sip, context.added);
    return readable ? new IncomingFileOffer(sip, offer, asked, context) : (refusals[0] as Refusal);
  }

  /** Lines that are added to a session. The answer waits no longer than `UNDECIDED_TIMEOUT`: no other offer can be made meanwhile. */
  static within(
    sip: SipSession,
    media: readonly OfferedMedia[],
    answer: (taken: TakenLines) => void,
    context: OfferContext,
  ): IncomingFileOffer {
    const asked: Asked = {
      within: true,
      waits: () => sip.state.state === 'established',
      accept: (_, taken) => answer(taken),
      reject: () => {},
    };
    const offer = new IncomingFileOffer(sip, { media, icons: new Map() }, asked, context);
    offer.#wait();
    // after the people were asked: there may be nothing for them to decide
    queueMicrotask(() => offer.#settle());
    return offer;
  }

  private constructor(sip: SipSession, offer: ReadOffer, asked: Asked, context: OfferContext) {
    this.#sip = sip;
    this.#offer = offer;
    this.#asked = asked;
    this.#context = context;
    const ids = new Set<string | undefined>();
    for (const media of offer.media) {
      if (media.kind !== 'file' || refusalOf(media.file)) continue;
      const { transferId } = media.file;
      // §8.1: never used before in this session
      if (transferId !== undefined && ids.has(transferId)) continue;
      ids.add(transferId);
      this.#entries.set(media, this.#entryOf(media.file));
    }
    const entries = [...this.#entries.values()];
    const unnamed = asked.within ? randomUUID() : sip.id;
    this.offered = entries.flatMap((entry, index) =>
      entry.kind === 'push' ? [{ transfer: entry.transfer, key: entry.media.transferId ?? `${unnamed} ${index}` }] : [],
    );
    this.requests = entries.flatMap((entry) => (entry.kind === 'pull' ? [entry.request] : []));
    this.#chats = offer.media.flatMap((media) => (media.kind === 'chat' ? [media.chat] : []));
    sip.onState((state) => {
      if (state.state !== 'ended' || this.#stage === 'answered') return;
      const lost = state.by === 'network' ? new ProviderError('network', { retryable: true }) : undefined;
      this.#eachFile((transfer) => {
        if (lost) transfer.fail(lost);
        else if (!(transfer instanceof IncomingTransfer)) transfer.cancelledByPeer();
        // what ends a session that stands is a BYE
        else if (asked.within) transfer.peerLeft(state.reason);
        else transfer.offerEnded(state.reason);
      });
      for (const request of this.requests) request.refuse();
    });
    if (this.#chats.length > 0) this.#wait();
  }

  /** Ends every file, because the account goes away. */
  fail(error: ProviderError): void {
    this.#eachFile((transfer) => transfer.fail(error));
    for (const request of this.requests) request.refuse(error);
  }

  #entryOf(media: FileMedia): Entry {
    if (media.direction === 'recvonly') {
      const request = new RequestedFile(this.#sip.peer, media, {
        keep: (transfer) => this.#context.keep(transfer),
        decided: () => this.#settle(),
      });
      return { kind: 'pull', media, request };
    }
    const { peer, peerName } = this.#sip;
    const transfer = new IncomingTransfer({ peer, peerName, file: factsOf(media, this.#offer) });
    this.#context.keep(transfer);
    transfer.owner = {
      // by the next turn all are known that were accepted in one go
      accepted: () => queueMicrotask(() => this.#settle()),
      ended: (error) => {
        this.#fault ??= error;
        this.#settle();
      },
    };
    return { kind: 'push', media, transfer };
  }

  #eachFile(end: (transfer: IncomingTransfer | OutgoingTransfer) => void): void {
    for (const { transfer } of this.offered) end(transfer);
    for (const { transfer } of this.requests) if (transfer) end(transfer);
  }

  /** From now on the answer does not wait for ever. */
  #wait(): void {
    if (this.#stage === 'waiting') this.#timer ??= setTimeout(() => unawaited(this.#answer()), UNDECIDED_TIMEOUT);
  }

  /** Answers once a file is accepted, or everything is decided. What is asked for is decided by programs, and soon. */
  #settle(): void {
    if (this.#stage !== 'waiting' || this.requests.some((request) => !request.decided)) return;
    const phases = this.offered.map(({ transfer }) => transfer.phase.state);
    if (phases.includes('offered') && !phases.includes('accepted')) return;
    if (this.#hasAnswer(this.#chats.length)) unawaited(this.#answer());
    else this.#reject();
  }

  /** There is something to say line by line. */
  #hasAnswer(chats: number): boolean {
    return this.#asked.within || chats > 0 || this.#someWanted() || this.#differ();
  }

  #someWanted(): boolean {
    return (
      this.offered.some(({ transfer }) => transfer.wanted) ||
      this.requests.some(({ transfer }) => transfer !== undefined)
    );
  }

  /** Somebody said no to one, and another could not be kept: one status would be untrue of either. */
  #differ(): boolean {
    if (this.#unanswerable) return false;
    const failed = this.offered.filter(({ transfer }) => transfer.phase.state === 'failed');
    return failed.length > 0 && failed.length < this.offered.length;
  }

  #reject(): void {
    this.#close();
    const unable = this.requests.find((request) => request.fault)?.fault;
    if (this.#fault) this.#rejectFor(this.#fault);
    else if (this.offered.length === 0 && unable) this.#rejectFor(unable);
    // §8.3.2: no such file, and nothing else in the offer
    else if (this.offered.length === 0) this.#asked.reject(488, NO_SUCH_FILE);
    else this.#asked.reject(603, this.offered.some(({ transfer }) => transfer.regretted) ? CANCELLED : undefined);
  }

  #rejectFor(fault: ProviderError): void {
    // RFC 6714 §4.3, and whatever else cannot be answered as it stands
    if (fault.protocolCode === '488') this.#asked.reject(488);
    else if (fault.code === 'peer-busy') this.#asked.reject(486);
    else this.#asked.reject(480, wordsOf(fault));
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#stage = 'answered';
    for (const { line } of this.#entries.values()) line?.end();
    this.#context.answered();
  }

  async #answer(): Promise<void> {
    if (this.#stage !== 'waiting') return;
    this.#stage = 'answering';
    const chats = new Map<MsrpLine, ChatLine>();
    try {
      const place = this.#context.place();
      if (!place) throw new ProviderError('network', { retryable: true });
      for (const offered of this.#chats) {
        const chat = await this.#context.chats.join(this.#sip, offered);
        if (chat) chats.set(offered, chat);
      }
      await this.#openLines(place.host);
      if (this.#asked.waits() && this.#hasAnswer(chats.size)) return this.#accept(place.host, chats);
    } catch (error) {
      this.fail(fromMsrp(error));
    }
    for (const chat of chats.values()) chat.cancel();
    if (this.#asked.within) return this.#accept('', new Map());
    // who said yes took it back while the lines were opened: the others may go on thinking
    this.#unanswerable = true;
    this.#chats = [];
    this.#timer = undefined;
    this.#stage = 'waiting';
    this.#settle();
  }

  /** A person may say yes to one more file while the line of another is opened. */
  async #openLines(host: string): Promise<void> {
    const missing = [...this.#entries.values()].find((entry) => !entry.line && wants(entry));
    if (!missing) return;
    const options = missing.kind === 'push' ? { accept: missing.transfer.take } : SENDING;
    try {
      missing.line = await this.#context.media.answer(host, missing.media, options);
    } catch (error) {
      // each line has a way of its own to us, and what is wrong with one says nothing of the others
      (missing.kind === 'push' ? missing.transfer : missing.request.transfer)?.fail(fromMsrp(error));
    }
    return this.#openLines(host);
  }

  #accept(host: string, chats: ReadonlyMap<MsrpLine, ChatLine>): void {
    const lines = this.#offer.media.map((media): OfferedMedia => {
      if (media.kind === 'other') return media;
      if (media.kind === 'chat') {
        return { kind: 'chat', chat: chats.get(media.chat)?.answer ?? refusedLine(media.chat) };
      }
      const entry = this.#entries.get(media);
      return { kind: 'file', file: entry ? answerOf(entry) : refusedMedia(media.file) };
    });
    const open = (openLine: (index: number) => FileLine): (() => void) => {
      const starts = this.#begin(openLine);
      this.#close();
      return () => {
        for (const start of starts) start();
        for (const chat of chats.values()) chat.start();
      };
    };
    this.#asked.accept(host, { lines, withChat: chats.size > 0, open });
  }

  /** What is taken has a line in the session from here on, and what nobody has decided about is put off. */
  #begin(openLine: (index: number) => FileLine): (() => void)[] {
    const starts: (() => void)[] = [];
    for (const [index, media] of this.#offer.media.entries()) {
      const entry = this.#entries.get(media);
      if (entry?.kind === 'push' && entry.transfer.phase.state === 'offered') {
        entry.transfer.unanswered();
      } else if (entry?.line && wants(entry)) {
        starts.push(beginning(entry, entry.line, openLine(index)));
        delete entry.line;
      }
    }
    return starts;
  }
}

/** Text of the Warning of a refused request (RFC 5547 §8.3.2). */
const NO_SUCH_FILE = 'No such file';

const wants = (entry: Entry): boolean =>
  entry.kind === 'push' ? entry.transfer.wanted : entry.request.transfer !== undefined;

const beginning = (entry: Entry, line: MediaLine, share: FileLine) => () => {
  if (entry.kind === 'push') entry.transfer.run(line, entry.media, share);
  else entry.request.transfer?.run(line, entry.media, share);
};

function answerOf(entry: Entry): FileMedia {
  const { media: offered, line } = entry;
  const transferId = offered.transferId !== undefined ? { transferId: offered.transferId } : {};
  if (!line || !wants(entry)) {
    if (entry.kind === 'pull') return refusedMedia(offered);
    const { phase } = entry.transfer;
    if (phase.state === 'offered') return putOffMedia(offered);
    const title = phase.state === 'failed' ? wordsOf(phase.error) : undefined;
    return { ...refusedMedia(offered), ...(title === undefined ? {} : { title }) };
  }
  const said = { ...line.address, acceptTypes: ['*'], ...transferId, dates: {} };
  if (entry.kind === 'pull') {
    const { name, type, size, hashes } = entry.request.transfer?.file ?? { name: '', type: '', size: 0 };
    return {
      ...said,
      direction: 'sendonly',
      // §8.3.2: the hash SHOULD be there; the rest tells the receiver what it asked for, and Blink says it as well
      selector: { name, type, ...(size === undefined ? {} : { size }), hashes: hashes ?? [] },
      disposition: 'attachment',
      ...(offered.range ? { range: offered.range } : {}),
    };
  }
  const { from, file } = entry.transfer;
  return {
    ...said,
    direction: 'recvonly',
    // §8.7: of a message, in which the file may be wrapped; what is more than the file itself is refused all the same
    ...(file.size !== undefined ? { maxSize: file.size + WRAPPER_MAXIMUM } : {}),
    // §8.3.1: name, type and size MUST be copied into the answer
    selector: offered.selector,
    // the beginning is here already: the sender goes on from there, or sends all, which is taken as well
    ...(from > 0 ? { range: { start: from + 1 } } : offered.range ? { range: offered.range } : {}),
  };
}
