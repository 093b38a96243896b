import { randomInt, randomUUID } from 'node:crypto';
import type { ByteSource, OutgoingMessage, SendOutcome } from '../../../msrp/index.ts';
import { type Address, type OutgoingFile, ProviderError, type TransferPhase } from '../../contract/index.ts';
import type { Media, MediaLine, MediaPlace } from '../media/media.ts';
import { readPath } from '../offers/msrp-line.ts';
import type { SessionDescription } from '../session-description-handler.ts';
import type { SipSession, SipSessionState } from '../sip-session.ts';
import {
  type FileMedia,
  formatDescription,
  type OfferedMedia,
  parseAnswer,
} from './description/session-description.ts';
import { outgoingContent, wantedForm } from './file-content.ts';
import { answerReoffer } from './reoffer.ts';
import { endOf } from './session-end.ts';
import { Transfer } from './transfer.ts';
import { fromMsrp, fromReason, fromRejection, reasonOf } from './transfer-errors.ts';

/** What an outgoing transfer needs from its account. */
export interface OutgoingContext {
  media: Media;
  /** Our address for the peer's connection, and whether signalling is encrypted. Undefined while not connected. */
  place(): MediaPlace | undefined;
  /** Sends the INVITE. Throws a ProviderError. */
  invite(to: Address, offer: SessionDescription): SipSession;
  /** No server is in between: no answer means nobody there. */
  direct: boolean;
}

/** The longest a person may think about an offer; then it is taken back. */
const OFFER_TIMEOUT = 9 * 60_000;
const CONNECT_TIMEOUT = 20_000;
/** Without a single byte confirmed for so long the peer is gone, though nobody said so (a closed lid says nothing). */
const STALL_TIMEOUT = 60_000;
/** How long the peer has to explain by BYE what MSRP told without a reason. */
const REASON_TIMEOUT = 2_000;
/** How long the last word, a success report, may take once every byte is confirmed hop by hop. */
const REPORT_TIMEOUT = 30_000;
/** A direct peer has said with its last 200 that it has all; some send no report (RFC 4975 §7.1.2). */
const DIRECT_REPORT_TIMEOUT = 1_000;
/** A larger picture is left at home: many a server takes no SIP message above 16 KiB, and base64 adds a third. */
export const ICON_MAXIMUM = 8_192;
/** Confirmed piece by piece, so that what a lost connection leaves is known; large, so that it costs nothing. */
const CHUNK = 262_144;

/** Sends one file: INVITE with an offer, MSRP once it is accepted, BYE at the end (RFC 5547 §8.2.1, §8.7). */
export class OutgoingTransfer extends Transfer {
  readonly direction = 'outgoing';
  readonly #context: OutgoingContext;
  readonly #outgoing: OutgoingFile;
  #line: MediaLine | undefined;
  #sip: SipSession | undefined;
  #message: OutgoingMessage | undefined;
  #source: ByteSource | undefined;
  readonly #aborter = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(to: Address, outgoing: OutgoingFile, context: OutgoingContext) {
    super({ id: outgoing.id, peer: to, file: outgoing.file });
    this.#context = context;
    this.#outgoing = outgoing;
    // phases come after `offer` has returned
    queueMicrotask(() => void this.#offer().catch((error: unknown) => this.fail(fromMsrp(error))));
  }

  /** Ours to offer, not to answer. */
  accept(): void {}
  decline(): void {}

  cancel(): void {
    this.#end({ state: 'cancelled', by: 'us' });
  }

  fail(error: ProviderError): void {
    this.#end({ state: 'failed', error }, reasonOf(error));
  }

  async #offer(): Promise<void> {
    const place = this.#context.place();
    if (!place) throw new ProviderError('network', { retryable: true });
    const line = await this.#context.media.offer(place, {
      chunking: CHUNK,
      // RFC 5547 §4: sendonly: no content comes this way
      accept: () => ({ refuse: 403 }),
    });
    if (this.over) return line.end();
    this.#line = line;
    this.#invite(line, place.host, true);
  }

  #invite(line: MediaLine, host: string, withIcon: boolean): void {
    const { icon } = this.#outgoing.file;
    const iconId = withIcon && icon && icon.data.length <= ICON_MAXIMUM ? `${randomUUID()}@aims` : undefined;
    const { name, type, size, hashes, modifiedAt } = this.#outgoing.file;
    const offered: FileMedia = {
      ...line.address,
      direction: 'sendonly',
      acceptTypes: ['*'],
      selector: { name, type, size, hashes: hashes ?? [] },
      transferId: this.id,
      disposition: 'attachment',
      dates: modifiedAt === undefined ? {} : { modifiedAt },
      ...(iconId !== undefined ? { iconId } : {}),
    };
    const origin = { sessionId: randomInt(2 ** 47), version: 1, host };
    const lines: OfferedMedia[] = [{ kind: 'file', file: offered }];
    const sip = this.#context.invite(this.peer, {
      sdp: formatDescription(origin, lines),
      ...(icon && iconId !== undefined
        ? { parts: [{ contentType: icon.type, content: icon.data, contentId: iconId, disposition: 'icon' }] }
        : {}),
    });
    this.#sip = sip;
    sip.answerReoffer = ({ sdp }) => {
      const answer = answerReoffer(sdp, lines);
      if (!answer) throw new ProviderError('malformed');
      // §8.4: a receiver that gives up may close the line instead of the session; our answer goes out first
      if (answer.closed.includes(0)) setImmediate(() => this.#onSip({ state: 'ended', by: 'peer' }, line));
      origin.version++;
      return { sdp: formatDescription(origin, answer.lines) };
    };
    this.#arm(OFFER_TIMEOUT);
    sip.onState((state) => {
      // RFC 5547 §8.8: a peer that knows no multipart gets the offer again without the picture
      const plainer =
        state.state === 'rejected' && iconId !== undefined && [400, 415, 488].includes(state.rejection.status);
      if (plainer && !this.over) this.#guarded(() => this.#invite(line, host, false));
      else this.#onSip(state, line);
    });
  }

  #onSip(state: SipSessionState, line: MediaLine): void {
    if (this.over) return;
    switch (state.state) {
      case 'established':
        void this.#send(state.remote, line).catch((error: unknown) => this.#fault(error));
        break;
      case 'rejected': {
        const why = fromRejection(state.rejection, this.#context.direct);
        if (why === 'declined') this.#end({ state: 'declined' });
        else if (why === 'cancelled') this.#end({ state: 'cancelled', by: 'peer' });
        else this.fail(why);
        break;
      }
      case 'ended':
        // the media connection stands by itself: it may well outlive the signalling
        if (this.phase.state === 'running') this.#peerLeft(state.by === 'peer', state.reason);
        else if (state.by === 'peer') this.#peerEnded(state.reason);
        else this.fail(new ProviderError('network', { retryable: true }));
        break;
    }
  }

  async #send(remote: SessionDescription, line: MediaLine): Promise<void> {
    const media = parseAnswer(remote.sdp)?.[0];
    if (!media) throw new ProviderError('malformed');
    // RFC 5547 §8.3: refused by port 0 within an accepted session
    if (media.kind !== 'file') throw new ProviderError('not-supported');
    const answer = media.file;
    if (answer.port === 0) return this.#end({ state: 'declined' });
    if (!readPath(answer)) throw new ProviderError('malformed', { detail: 'path' });
    const { size } = this.#outgoing.file;
    // the receiver has the beginning already and wants the rest (an offer without file-range means 1-*)
    const from = (answer.range?.start ?? 1) - 1;
    if (from > size) throw new ProviderError('malformed', { detail: 'file-range' });
    if (answer.maxSize !== undefined && size - from > answer.maxSize) throw new ProviderError('too-big');
    const form = wantedForm(answer.acceptTypes, this.#outgoing.file.type);
    if (!form) throw new ProviderError('not-supported');
    // a listener may cancel at any of these
    if (!this.move({ state: 'accepted' }) || !this.move({ state: 'connecting' })) return;
    this.#arm(STALL_TIMEOUT);
    const source = await this.#open(size);
    if (this.over) return;
    await line.start(answer, { timeout: CONNECT_TIMEOUT, signal: this.#aborter.signal });
    if (!this.move({ state: 'running' })) return;
    this.progressed(from);
    const { type } = this.#outgoing.file;
    const content = outgoingContent(source, { size, from, type, wrapped: form === 'wrapped', to: this.peer });
    const before = content.body.size - (size - from);
    const message = line.session.send({
      ...content,
      // relays lose large frames without a word
      ...(line.relayed ? { chunking: 'relay' as const } : {}),
      successReport: true,
      fields: [['Content-Disposition', 'attachment']],
    });
    this.#message = message;
    // reading begins within `send`, and a cancel from there has found no message to stop
    if (this.over) return message.abort();
    message.onProgress(({ confirmed, reported }) => {
      this.progressed(from + Math.max(0, Math.max(confirmed, reported) - before));
      this.#arm(STALL_TIMEOUT);
    });
    await this.#finish(message, await message.sent, size, !line.relayed);
  }

  async #open(size: number): Promise<ByteSource> {
    const source = await this.#outgoing.open();
    this.#source = source;
    if (this.over) await source.close().catch(() => {});
    else if (source.size !== size) throw new ProviderError('source-changed');
    return source;
  }

  async #finish(message: OutgoingMessage, outcome: SendOutcome, size: number, direct: boolean): Promise<void> {
    const sip = this.#sip;
    if (this.over || !sip) return;
    if (outcome.state === 'failed') throw outcome.error;
    if (outcome.state !== 'sent') {
      const ended = await endOf(sip, REASON_TIMEOUT);
      if (this.over) return;
      if (ended?.by === 'peer') return this.#peerEnded(ended.reason);
      // §8.4: a receiver that gives up answers 413
      if (outcome.state === 'refused' && outcome.status !== 413)
        throw new ProviderError(outcome.status === 415 ? 'not-supported' : 'internal', {
          protocolCode: outcome.status,
        });
      return this.#end({ state: 'cancelled', by: 'peer' });
    }
    // every byte is confirmed; now for the last word, which is a report or, from Blink 5.5, a BYE
    this.#arm(REPORT_TIMEOUT * 2);
    const ended = endOf(sip, direct ? DIRECT_REPORT_TIMEOUT : REPORT_TIMEOUT);
    const word = await Promise.race([message.delivered, ended]);
    if (this.over) return;
    if (word?.state === 'ended') {
      const error = fromReason(word.reason);
      if (error) return this.fail(error);
    } else if (word?.state === 'refused') {
      const why = await endOf(sip, REASON_TIMEOUT);
      return this.fail(fromReason(why?.reason) ?? new ProviderError('internal', { protocolCode: word.status }));
    } else if (word?.state !== 'delivered' && !direct) {
      // a relay's 200 says nothing about the far end (RFC 4976 §6.4.1)
      return this.fail(new ProviderError(word ? 'network' : 'timeout', { retryable: true }));
    }
    this.progressed(size);
    this.#end({ state: 'finished' });
  }

  /** BYE while bytes are on their way; `#finish` hears the outcome and the reason. */
  #peerLeft(byPeer: boolean, reason: string | undefined): void {
    const message = this.#message;
    if (!byPeer || !message) return;
    const { handed, total } = message.progress;
    // the BYE may have overtaken the last 200: Blink 5.5 hangs up the moment it has all
    if (handed === total && !fromReason(reason)) setTimeout(() => message.abort(), REASON_TIMEOUT).unref();
    else message.abort();
  }

  #peerEnded(reason: string | undefined): void {
    const error = fromReason(reason);
    this.#end(error ? { state: 'failed', error } : { state: 'cancelled', by: 'peer' });
  }

  /** A fault on our way, or only the sound of the peer leaving. */
  async #fault(cause: unknown): Promise<void> {
    if (this.over) return;
    const error = fromMsrp(cause);
    // faults of our own source need no explanation, and the peer waits for ours
    const sip = error.code === 'network' ? this.#sip : undefined;
    const ended = sip && (await endOf(sip, REASON_TIMEOUT));
    if (ended?.by === 'peer') this.#peerEnded(ended.reason);
    else this.fail(error);
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fail(fromMsrp(error));
    }
  }

  #arm(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (!this.over)
      this.#timer = setTimeout(() => this.fail(new ProviderError('timeout', { retryable: true })), milliseconds);
  }

  #end(phase: TransferPhase, reason?: string): void {
    if (!this.move(phase)) return;
    clearTimeout(this.#timer);
    this.#aborter.abort();
    void this.#leave(reason);
  }

  /** §8.4: stop the message by `#`, then the session by BYE, then let go of everything. */
  async #leave(reason: string | undefined): Promise<void> {
    this.#message?.abort();
    this.#sip?.end(reason);
    await this.#line?.leave();
    await this.#source?.close().catch(() => {});
  }
}
