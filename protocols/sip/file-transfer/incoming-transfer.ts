import { randomUUID } from 'node:crypto';
import { type Acceptance, type IncomingOffer, MsrpError, type ReceiveOutcome } from '../../../msrp/index.ts';
import {
  type AcceptedFile,
  type Address,
  type FileFacts,
  ProviderError,
  type TransferPhase,
} from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import type { MediaLine, StartLineOptions } from '../media/media.ts';
import { RELAYED_REPORT_EVERY } from '../media/relay-pace.ts';
import type { FileMedia } from './description/session-description.ts';
import { IncomingContent, isWrapped } from './file-content.ts';
import type { FileLine } from './session/file-line.ts';
import { Transfer } from './transfer.ts';
import { answeredElsewhere, fromMsrp, fromReason, isTakenBack, reasonOf, toldBySink } from './transfer-errors.ts';

const CONNECT_TIMEOUT = 20_000;
/** Without a single byte for so long the peer is gone, though nobody said so. */
const STALL_TIMEOUT = 60_000;
/** How long the peer has to explain by BYE what MSRP told without a reason. */
const REASON_TIMEOUT = 2_000;
/** Success reports in between, so that the sender knows how far we are whatever its chunks. */
const REPORT_EVERY = 1_048_576;

/** Who speaks for the file until it has a line in an answered session. */
export interface IncomingOwner {
  /** A person said yes. */
  accepted(): void;
  /** Nothing follows for this file. */
  ended(error: ProviderError | undefined): void;
}

/** Receives one file: offered by the peer (RFC 5547 §8.3.1) or asked for by us (§8.2.2). */
export class IncomingTransfer extends Transfer {
  readonly direction = 'incoming';
  owner: IncomingOwner | undefined;
  readonly #aborter = new AbortController();
  #accepted: AcceptedFile | undefined;
  #line: MediaLine | undefined;
  #share: FileLine | undefined;
  /** Resolves when bytes may be taken again from a peer that does not know of our pause. */
  #gate: { open: Promise<void>; unlock: () => void } | undefined;
  /** The sink is the library's to close or abort from here on. */
  #sinkGiven = false;
  /** Every byte is there and being checked: nothing the peer does matters any more. */
  #completing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(facts: { peer: Address; peerName?: string | undefined; file: FileFacts }) {
    super({ id: randomUUID(), ...facts });
  }

  get wanted(): boolean {
    return this.phase.state === 'accepted';
  }

  /** Accepted by a person and cancelled afterwards. */
  get regretted(): boolean {
    return this.#accepted !== undefined && this.phase.state === 'cancelled';
  }

  /** First byte wanted where that is not the first of the file, for `a=file-range` in the answer. */
  get from(): number {
    return this.#accepted?.from ?? 0;
  }

  accept(file: AcceptedFile): void {
    if (this.phase.state !== 'offered') return;
    this.#accepted = file;
    this.move({ state: 'accepted' });
    this.progressed(file.from);
    this.owner?.accepted();
  }

  decline(): void {
    if (this.phase.state !== 'offered') return;
    this.#end({ state: 'declined' });
  }

  cancel(): void {
    this.#end({ state: 'cancelled', by: 'us' });
  }

  fail(error: ProviderError): void {
    this.#end({ state: 'failed', error });
  }

  /** The answer has to leave, or waits for none any more, before a person has decided. */
  unanswered(): void {
    this.#end({ state: 'unanswered', asked: true });
  }

  /** The offer ended by CANCEL before its answer was out, with the Reason it gave. */
  offerEnded(reason: string | undefined): void {
    const elsewhere = this.phase.state === 'offered' ? answeredElsewhere(reason) : undefined;
    const error = fromReason(reason);
    if (elsewhere) this.#end(elsewhere);
    else if (isTakenBack(reason)) this.#end({ state: 'cancelled', by: 'peer' });
    // the sender's program went away, or a server on the way: neither has taken anything back
    else if (!error || error.retryable) this.unanswered();
    else this.fail(error);
  }

  /** The peer left the session, with the Reason it gave. */
  peerLeft(reason: string | undefined): void {
    // the last bytes may still be on their way, or being checked, when the BYE overtakes them
    if (!fromReason(reason) && this.#sinkGiven && !this.#completing && !this.held) {
      this.#arm(REASON_TIMEOUT, () => this.#gone(reason));
    } else this.#gone(reason);
  }

  #gone(reason: string | undefined): void {
    if (this.#completing) return;
    const error = fromReason(reason);
    if (error) this.fail(error);
    // Blink 5.5 sends nothing at all for an empty file and hangs up
    else if (this.phase.state === 'running' && this.file.size === 0) unawaited(this.#completeEmpty());
    else this.#end({ state: 'cancelled', by: 'peer' });
  }

  /** The session stands: connects, or waits for the peer to. `remote`: what the peer says of its side. */
  run(line: MediaLine, remote: FileMedia, share: FileLine): void {
    this.#line = line;
    this.#share = share;
    this.owner = {
      accepted: () => {},
      ended: (error) => {
        const release = () => unawaited(line.leave());
        if (this.phase.state === 'finished') share.complete(release);
        else {
          share.leave(error && reasonOf(toldBySink(error)));
          release();
        }
      },
    };
    share.onEnd(({ by, reason }) => {
      // once answered, the media connections stand by themselves
      if (by === 'peer') this.peerLeft(reason);
    });
    share.onHold((holds) => this.peerHolds(holds));
    share.onMoved((moved) => line.follow(moved));
    unawaited(this.#connect(line, remote, share));
  }

  protected tellHold(holds: boolean): void {
    unawaited(
      this.#share?.hold(holds).then((understood) => {
        // who does not know it is held by the socket; what others have sent already is taken, or it would time out there
        if (!understood && holds && this.phase.state === 'paused' && this.phase.by === 'us') this.#lock();
      }),
    );
  }

  protected holdChanged(): void {
    if (!this.held) {
      this.#gate?.unlock();
      this.#gate = undefined;
    }
    this.#watch();
  }

  #lock(): void {
    if (this.#gate) return;
    let unlock = (): void => {};
    const open = new Promise<void>((resolve) => {
      unlock = resolve;
    });
    this.#gate = { open, unlock };
  }

  async #connect(line: MediaLine, remote: FileMedia, share: FileLine): Promise<void> {
    this.move({ state: 'connecting' });
    try {
      const again: StartLineOptions['again'] = (address) => share.move(address);
      await line.start(remote, { timeout: CONNECT_TIMEOUT, signal: this.#aborter.signal, again });
    } catch (error) {
      await this.#lost(fromMsrp(error));
      return;
    }
    this.#run();
    line.session.onStateChange((state) => {
      // before its first byte no message is there to fail
      if (state.name === 'closed' && !this.#sinkGiven)
        unawaited(this.#lost(fromMsrp(state.cause ?? new MsrpError('connection-lost', 'closed'))));
    });
  }

  /** The hook of the MSRP session: one message, and it is the file (RFC 5547 §8.7). */
  readonly take = (offer: IncomingOffer): Acceptance => {
    const accepted = this.#accepted;
    if (!accepted || this.over || this.#sinkGiven) return { refuse: 403, comment: 'One file only' };
    // the first request binds the session, and this may be it
    this.#run();
    const { sink } = accepted;
    const write = (data: Uint8Array, position: number): void | Promise<void> =>
      this.#gate ? this.#gate.open.then(() => sink.write(data, position)) : sink.write(data, position);
    const content = new IncomingContent({
      file: {
        from: accepted.from,
        complete: () => accepted.complete(),
        sink: { write, close: () => sink.close(), abort: (cause) => sink.abort(cause) },
      },
      size: this.file.size,
      claimed: offer.claimedSize,
      wrapped: isWrapped(offer.contentType, this.file.type),
      completing: () => {
        this.#completing = true;
        clearTimeout(this.#timer);
      },
    });
    this.#sinkGiven = true;
    return {
      // the library confirms the last chunk once the sink is closed, and refuses it with 413 when that fails
      sink: content.sink,
      ...(content.limit !== undefined ? { size: content.limit } : {}),
      reportEvery: this.#line?.relayed ? RELAYED_REPORT_EVERY : REPORT_EVERY,
      progress: () => {
        this.progressed(content.bytes);
        this.#watch();
      },
      signal: this.#aborter.signal,
      ended: (outcome) => unawaited(this.#received(outcome, content.bytes)),
    };
  };

  async #received(outcome: ReceiveOutcome, bytes: number): Promise<void> {
    switch (outcome.state) {
      case 'completed':
        this.progressed(bytes);
        this.#end({ state: 'finished' });
        break;
      case 'aborted':
        // §8.4: the sender gave up and says so by `#`, then why by BYE
        await this.#lost(undefined);
        break;
      case 'cancelled':
        break;
      case 'failed':
        await this.#lost(fromMsrp(outcome.error));
        break;
    }
  }

  /** The media ended early; the BYE that says why may be on its way. */
  async #lost(error: ProviderError | undefined): Promise<void> {
    if (this.over) return;
    clearTimeout(this.#timer);
    // faults of our own disk need no explanation
    const ended = error && error.code !== 'network' ? undefined : await this.#share?.endWithin(REASON_TIMEOUT);
    if (this.over) return;
    if (ended?.by === 'peer') this.#gone(ended.reason);
    else if (error) this.fail(error);
    else this.#end({ state: 'cancelled', by: 'peer' });
  }

  async #completeEmpty(): Promise<void> {
    const accepted = this.#accepted;
    if (!accepted || this.#sinkGiven) return;
    this.#sinkGiven = true;
    this.#completing = true;
    try {
      await accepted.sink.close();
      await accepted.complete();
      this.#end({ state: 'finished' });
    } catch (error) {
      this.fail(ProviderError.from(error));
    }
  }

  #run(): void {
    if (this.phase.state === 'accepted') this.move({ state: 'connecting' });
    if (this.phase.state === 'connecting' && this.move({ state: 'running' })) this.#watch();
  }

  #watch(): void {
    this.#arm(STALL_TIMEOUT, () => this.fail(new ProviderError('timeout', { retryable: true })));
  }

  #arm(milliseconds: number, expired: () => void): void {
    clearTimeout(this.#timer);
    if (!this.over && !this.#completing && !this.held) this.#timer = setTimeout(expired, milliseconds);
  }

  #end(phase: TransferPhase): void {
    if (!this.move(phase)) return;
    clearTimeout(this.#timer);
    this.#gate?.unlock();
    // a connection that breaks is what a peer understands who never hears our BYE; a 413 would be a cancel to it
    if (phase.state === 'failed' && phase.error.code === 'network') this.#line?.end();
    // §8.4: a receiver that gives up answers 413, which this makes the library do
    this.#aborter.abort();
    const accepted = this.#accepted;
    if (accepted && !this.#sinkGiven) {
      this.#sinkGiven = true;
      const cause = phase.state === 'failed' ? phase.error : new ProviderError('cancelled');
      (async () => accepted.sink.abort(cause))().catch(() => {});
    }
    this.owner?.ended(phase.state === 'failed' ? phase.error : undefined);
  }
}
