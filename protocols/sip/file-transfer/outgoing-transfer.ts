import type { ByteSource, OutgoingMessage, SendOutcome } from '../../../msrp/index.ts';
import { type Address, type OutgoingFile, ProviderError, type TransferPhase } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import type { MediaLine, StartLineOptions } from '../media/media.ts';
import { RelayPace, reportTimeout } from '../media/relay-pace.ts';
import type { FileMedia } from './description/session-description.ts';
import { outgoingContent, wantedForm, wrapperOf } from './file-content.ts';
import type { FileLine, LineEnd } from './session/file-line.ts';
import { Transfer } from './transfer.ts';
import { fromMsrp, fromReason, fromStatus, reasonOf, TAKEN_BACK, toldBySource } from './transfer-errors.ts';

const CONNECT_TIMEOUT = 20_000;
/** Without a single byte confirmed for so long the peer is gone, though nobody said so (a closed lid says nothing). */
const STALL_TIMEOUT = 60_000;
/** How long the peer has to explain by SIP what MSRP told without a reason. */
const REASON_TIMEOUT = 2_000;
/** A direct peer has said with its last 200 that it has all; some send no report (RFC 4975 §7.1.2). */
const DIRECT_REPORT_TIMEOUT = 1_000;

/** What every MSRP session that sends a file is made with. */
export const SENDING = {
  /** Confirmed piece by piece, so that what a lost connection leaves is known; large, so that it costs nothing. */
  chunking: 262_144,
  /** So that a peer that is gone is noticed while the file is paused, and a NAT keeps its way open. */
  keepAlive: 60_000,
  // RFC 5547 §4: sendonly: no content comes this way
  accept: () => ({ refuse: 403 }),
};

/** Who speaks for the file until it has a line in an answered session. */
export interface OutgoingOwner {
  /** Nothing follows for this file; `reason` is for the peer. */
  ended(reason: string | undefined): void;
}

/** Sends one file: offered by us (RFC 5547 §8.2.1) or asked for by the peer (§8.3.2). */
export class OutgoingTransfer extends Transfer {
  readonly direction = 'outgoing';
  owner: OutgoingOwner | undefined;
  readonly #outgoing: OutgoingFile;
  #line: MediaLine | undefined;
  #share: FileLine | undefined;
  #message: OutgoingMessage | undefined;
  #pace: RelayPace | undefined;
  #source: ByteSource | undefined;
  readonly #aborter = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(to: Address, outgoing: OutgoingFile) {
    super({ id: outgoing.id, peer: to, file: outgoing.file });
    this.#outgoing = outgoing;
  }

  /** Ours to offer, not to answer. */
  accept(): void {}
  decline(): void {}

  cancel(): void {
    this.#end({ state: 'cancelled', by: 'us' }, TAKEN_BACK);
  }

  fail(error: ProviderError): void {
    this.#end({ state: 'failed', error }, reasonOf(toldBySource(error)));
  }

  /** The peer said no. */
  declined(): void {
    this.#end({ state: 'declined' });
  }

  /** No person has answered the offer in its time. `asked`: the other side will ask for the file. */
  unanswered(asked: boolean): void {
    if (this.phase.state === 'offered') this.#end({ state: 'unanswered', asked });
  }

  cancelledByPeer(): void {
    this.#end({ state: 'cancelled', by: 'peer' });
  }

  /** The session stands: sends the file over `line`, as `remote`, what the peer says of it, wants it. */
  run(line: MediaLine, remote: FileMedia, share: FileLine): void {
    this.#line = line;
    this.#share = share;
    this.owner = { ended: (reason) => share.leave(reason) };
    share.onEnd((end) => this.#onLineEnd(end));
    share.onHold((holds) => this.peerHolds(holds));
    share.onMoved((moved) => line.follow(moved));
    this.#send(line, remote, share).catch((error: unknown) => this.#fault(error));
  }

  async #send(line: MediaLine, remote: FileMedia, share: FileLine): Promise<void> {
    const { size } = this.#outgoing.file;
    // the receiver has the beginning already and wants the rest (no file-range means 1-*)
    const from = (remote.range?.start ?? 1) - 1;
    const stop = remote.range?.stop ?? size;
    if (from > size || stop !== size) throw new ProviderError('malformed', { detail: 'file-range' });
    const { type } = this.#outgoing.file;
    const form = wantedForm(remote.acceptTypes, type);
    if (!form) throw new ProviderError('not-supported');
    const head = form === 'wrapped' ? wrapperOf(type, this.peer) : Buffer.alloc(0);
    // §8.7: of the message, its wrapper with it
    const most = remote.maxSize ?? Number.POSITIVE_INFINITY;
    if (head.length + size - from > most) throw new ProviderError('too-big');
    // a listener may cancel at any of these
    if (!this.move({ state: 'accepted' }) || !this.move({ state: 'connecting' })) return;
    this.#arm(STALL_TIMEOUT);
    const source = await this.#open(size);
    if (this.over) return;
    const again: StartLineOptions['again'] = (address) => share.move(address);
    await line.start(remote, { timeout: CONNECT_TIMEOUT, signal: this.#aborter.signal, again });
    this.progressed(from);
    if (!this.move({ state: 'running' })) return;
    const content = outgoingContent(source, { size, from, type, head });
    const before = head.length;
    const message = line.session.send({
      ...content,
      // relays lose large frames without a word
      ...(line.relayed ? RelayPace.options : {}),
      successReport: true,
      fields: [['Content-Disposition', 'attachment']],
    });
    this.#message = message;
    // reading begins within `send`, and a cancel from there has found no message to stop
    if (this.over) return message.abort();
    if (line.relayed) {
      const lost = new ProviderError('network', { retryable: true });
      this.#pace = new RelayPace(message, () => this.fail(lost));
    }
    this.holdChanged();
    message.onProgress(({ confirmed, reported }) => {
      this.progressed(from + Math.max(0, Math.max(confirmed, reported) - before));
      this.#arm(STALL_TIMEOUT);
    });
    await this.#finish(message, await message.sent, size, !line.relayed);
  }

  protected tellHold(holds: boolean): void {
    unawaited(this.#share?.hold(holds));
  }

  protected holdChanged(): void {
    if (this.held) this.#message?.pause();
    else this.#message?.resume();
    this.#pace?.hold(this.held);
    this.#arm(STALL_TIMEOUT);
  }

  async #open(size: number): Promise<ByteSource> {
    const source = await this.#outgoing.open();
    if (this.over) {
      await (async () => source.close())().catch(() => {});
      return source;
    }
    this.#source = source;
    if (source.size !== size) throw new ProviderError('source-changed');
    return source;
  }

  async #finish(message: OutgoingMessage, outcome: SendOutcome, size: number, direct: boolean): Promise<void> {
    const share = this.#share;
    if (this.over || !share) return;
    if (outcome.state === 'failed') throw outcome.error;
    if (outcome.state !== 'sent') {
      const ended = await share.endWithin(REASON_TIMEOUT);
      if (this.over) return;
      if (ended?.by === 'peer') return this.#peerEnded(ended.reason);
      // §8.4: a receiver that gives up answers 413
      if (outcome.state === 'refused' && outcome.status !== 413) throw fromStatus(outcome.status);
      return this.#end({ state: 'cancelled', by: 'peer' });
    }
    // every byte is confirmed; now for the last word, which is a report or, from Blink 5.5, a BYE
    this.#arm(STALL_TIMEOUT);
    const ended = share.endWithin(direct ? DIRECT_REPORT_TIMEOUT : reportTimeout(message.progress.reported, size));
    const word = await Promise.race([message.delivered, ended]);
    if (this.over) return;
    if (word && 'by' in word) {
      const error = fromReason(word.reason);
      if (error) return this.fail(error);
    } else if (word?.state === 'refused') {
      const why = await share.endWithin(REASON_TIMEOUT);
      return this.fail(fromReason(why?.reason) ?? fromStatus(word.status));
    } else if (word?.state !== 'delivered' && !direct) {
      // a relay's 200 says nothing about the far end (RFC 4976 §6.4.1)
      return this.fail(new ProviderError(word ? 'network' : 'timeout', { retryable: true }));
    }
    this.progressed(size);
    this.#end({ state: 'finished' });
  }

  #onLineEnd({ by, reason }: LineEnd): void {
    // the media connection stands by itself: it may well outlive the signalling
    if (this.phase.state === 'running' || this.phase.state === 'paused') {
      if (by === 'peer') this.#peerLeft(reason);
    } else if (by === 'peer') this.#peerEnded(reason);
    else this.fail(new ProviderError('network', { retryable: true }));
  }

  /** The peer left while bytes are on their way; `#finish` hears the outcome and the reason. */
  #peerLeft(reason: string | undefined): void {
    const message = this.#message;
    if (!message) return;
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
    const share = error.code === 'network' ? this.#share : undefined;
    const ended = await share?.endWithin(REASON_TIMEOUT);
    if (ended?.by === 'peer') this.#peerEnded(ended.reason);
    else this.fail(error);
  }

  #arm(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (!this.over && !this.held)
      this.#timer = setTimeout(() => this.fail(new ProviderError('timeout', { retryable: true })), milliseconds);
  }

  #end(phase: TransferPhase, reason?: string): void {
    if (!this.move(phase)) return;
    const { progress } = this.#message ?? {};
    if (phase.state === 'failed' && phase.error.retryable && !progress?.reported) this.#line?.unreached();
    clearTimeout(this.#timer);
    this.#aborter.abort();
    unawaited(this.#leave(reason));
  }

  /** §8.4: stop the message by `#`, then the line or the session, then let go of everything. */
  async #leave(reason: string | undefined): Promise<void> {
    this.#pace?.end();
    this.#message?.abort();
    this.owner?.ended(reason);
    await this.#line?.leave();
    await (async () => this.#source?.close())().catch(() => {});
  }
}
