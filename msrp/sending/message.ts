import type { Connection } from '../connection/connection.ts';
import type { Output } from '../connection/output/output.ts';
import type { Flow, Priority } from '../connection/output/output-queue.ts';
import type { Settlement } from '../connection/transactions.ts';
import { trace } from '../diagnostics/trace.ts';
import { MsrpError } from '../errors.ts';
import { Event } from '../event.ts';
import { formatFields, SendHead } from '../framing/writer.ts';
import type { ByteRange, FailureReport, HeaderField, ReportStatus } from '../grammar/headers.ts';
import { RangeSet } from '../grammar/ranges.ts';
import type { Block, BlockReader } from './block-reader.ts';
import { type ChunkOwner, LARGEST_UNINTERRUPTIBLE, OpenChunk } from './chunk.ts';
import type { Flight } from './flight.ts';
import type { DeliveryOutcome, OutgoingMessage, SendOutcome, SendProgress } from './outgoing-message.ts';

/** Chunks of a message that wait for their responses; each is work and memory, however small. */
const MOST_UNANSWERED = 256;

/** Where messages go. */
export interface Route {
  readonly toPath: string;
  readonly fromPath: string;
  /** Undefined until the session is bound. */
  readonly connection: Connection | undefined;
}

/** What a message needs from its session. */
export interface MessageContext {
  readonly owner: object;
  readonly ownerWeight: number;
  route(): Route;
  transactionId(): string;
  /** What is sent and not confirmed, of all messages of the session. */
  readonly flight: Flight;
  /** The message had its turn: others that were held back go first when there is room. */
  opened(message: Message): void;
  /** Nothing is left of the message. */
  finished(message: Message): void;
  /** The peer does not know the session (any more). */
  rejected(status: number): void;
}

export interface MessageOptions {
  readonly messageId: string;
  readonly reader: BlockReader;
  readonly start: number;
  readonly total: number | undefined;
  readonly chunkSize: number;
  readonly priority: Priority;
  readonly successReport: boolean;
  readonly failureReport: FailureReport;
  readonly progressEvery: number;
  readonly unreported: number;
  /** Further header fields; MIME ones included, Content-Type not. */
  readonly fields: readonly HeaderField[];
  readonly contentType: string;
}

/*
 * sending --last byte written--> waiting --all chunks answered, or none awaited--> ended
 *    |  \--abort, refusal--> stopping --# written--> ended                           ^
 *    '-----failure, connection lost--------------------------------------------------'
 */
type State = 'sending' | 'stopping' | 'waiting' | 'ended';

/** The sending half of RFC 4975 §7.1.1 for one message. */
export class Message implements Flow, OutgoingMessage, ChunkOwner {
  readonly messageId: string;
  readonly sent: Promise<SendOutcome>;
  readonly delivered: Promise<DeliveryOutcome>;
  readonly owner: object;
  readonly ownerWeight: number;
  readonly priority: Priority;
  readonly #options: MessageOptions;
  readonly #context: MessageContext;
  readonly #progress = new Event<SendProgress>();
  readonly onProgress = this.#progress.subscribe;
  readonly #fields: string;
  /** All of it goes into one chunk, which need not be interruptible. */
  readonly #short: boolean;
  #head: SendHead | undefined;
  readonly #confirmed = new RangeSet();
  readonly #reported = new RangeSet();
  #settleSent!: (outcome: SendOutcome) => void;
  #settleDelivered!: (outcome: DeliveryOutcome) => void;
  #state: State = 'sending';
  #outcome: SendOutcome | undefined;
  #paused = false;
  /** Most bytes sent that the far end has not reported. */
  #unreported: number;
  #chunk: OpenChunk | undefined;
  /** Chunks that have been ended and answered, to be used again. */
  readonly #settled: OpenChunk[] = [];
  /** The connection that was written to; its frames and transactions outlive the session. */
  #carrier: Connection | undefined;
  #block: Block | undefined;
  #offset = 0;
  #position: number;
  #handed: number;
  #told: number;
  /** Chunks whose response is awaited. */
  #unanswered = 0;
  #inFlight = 0;
  #total: number | undefined;
  #chunks = 0;

  constructor(options: MessageOptions, context: MessageContext) {
    this.#options = options;
    this.#context = context;
    this.messageId = options.messageId;
    this.owner = context.owner;
    this.ownerWeight = context.ownerWeight;
    this.priority = options.priority;
    this.#position = options.start;
    this.#handed = options.start;
    this.#told = options.start;
    this.#unreported = options.unreported;
    this.#total = options.total;
    const most = Math.min(options.chunkSize, LARGEST_UNINTERRUPTIBLE);
    this.#short = options.total !== undefined && options.total - options.start <= most;
    this.sent = new Promise((resolve) => {
      this.#settleSent = resolve;
    });
    this.delivered = new Promise((resolve) => {
      this.#settleDelivered = resolve;
    });
    this.#fields = formatFields([
      ...(options.successReport ? ([['Success-Report', 'yes']] as const) : []),
      ...(options.failureReport === 'yes' ? [] : ([['Failure-Report', options.failureReport]] as const)),
      ...options.fields,
      ['Content-Type', options.contentType],
    ]);
  }

  get progress(): SendProgress {
    return {
      handed: this.#handed,
      confirmed: this.#confirmed.size,
      reported: this.#reported.size,
      total: this.#total,
    };
  }

  get ready(): boolean {
    if (this.#state === 'stopping') return true;
    // whatever happened, a frame that was begun has to be ended
    if (this.#state !== 'sending') return this.#chunk !== undefined;
    if (this.#paused) return this.#chunk !== undefined;
    if (this.#chunk === undefined && this.#held) return false;
    return this.#options.reader.current !== undefined;
  }

  /**
   * Whether too much of the session is not confirmed for another chunk. Responses come to chunks that have been ended
   * (RFC 4975 §7.1.1): one that goes out whole is held back by what the connection takes, and by responses only where it
   * was cut for something in between. Where nothing confirms chunks there is nothing to wait for.
   */
  get #held(): boolean {
    if (this.#position - this.#options.start - this.#reported.size >= this.#unreported) return true;
    if (this.#options.failureReport !== 'yes') return false;
    return this.#unanswered >= MOST_UNANSWERED || this.#context.flight.holds(this.#short);
  }

  get frameOpen(): boolean {
    return this.#chunk !== undefined;
  }

  pause(): void {
    this.#paused = true;
    this.wake();
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  allowUnreported(bytes: number): void {
    this.#unreported = bytes;
    this.wake();
  }

  abort(): void {
    this.#stop({ state: 'aborted', confirmed: this.#confirmed.toArray() });
  }

  /** Something changed: perhaps there is something to write now. */
  readonly wake = (): void => {
    const connection = this.#carrier ?? this.#context.route().connection;
    if (this.ready && connection?.closed === false) connection.queue.activate(this);
  };

  /** The source gave out: what has been sent is no message, and the peer is told so. */
  readonly sourceFailed = (error: MsrpError): void => {
    this.#stop({ state: 'failed', error, confirmed: this.#confirmed.toArray() });
  };

  /** The session is over. */
  fail(error: MsrpError): void {
    this.#end({ state: 'failed', error, confirmed: this.#confirmed.toArray() });
    this.#settleDelivered({ state: 'unknown', reported: this.#reported.toArray() });
    this.#context.finished(this);
    // other sessions may go on where this one was cut off
    this.wake();
  }

  /** RFC 4975 §7.3.2: a REPORT about this message. */
  report(
    status: ReportStatus,
    range: { start: number; end: number | undefined; total: number | undefined } | undefined,
  ): void {
    // RFC 4975 §7.1.3: other namespaces are for others to define
    if (status.namespace !== '000') return;
    if (status.status >= 300) {
      this.#refused(status.status, status.comment);
      return;
    }
    const total = this.#total;
    const end = range?.end ?? range?.total ?? total ?? this.#position;
    // some peers count characters where RFC 4975 has octets: their "all of it" is right whatever the number
    const whole = range === undefined || (range.start === 1 && end === range.total && this.#chunks === 1);
    if (whole && total !== undefined) this.#reported.add(0, total);
    else if (range !== undefined) this.#reported.add(range.start - 1, Math.min(end, total ?? end));
    this.#tell();
    this.wake();
    if (total === undefined || !this.#reported.covers(this.#options.start, total)) return;
    if (this.#state === 'sending' || this.#state === 'stopping') return;
    this.#settleDelivered({ state: 'delivered' });
    if (this.#state === 'ended') this.#context.finished(this);
  }

  write(output: Output, budget: number): number {
    // other messages of the session may have taken the room that was there when it stood in line
    if (!this.ready) return 0;
    if (this.#state === 'stopping') {
      this.#writeStop(output);
      return 0;
    }
    if (this.#state !== 'sending') {
      this.#endChunk(output, '#');
      return 0;
    }
    if (this.#paused) {
      this.interrupt(output);
      return 0;
    }
    // RFC 4975 §7.1.1: nothing but the last chunk has less than 2048 bytes
    const enough = Math.max(budget, LARGEST_UNINTERRUPTIBLE);
    let written = 0;
    do {
      written += this.#writePiece(output, enough - written);
    } while (written < enough && this.ready && this.#state === 'sending');
    const position = this.#position;
    output.whenTaken(() => this.#taken(position));
    return written;
  }

  interrupt(output: Output): void {
    this.#endChunk(output, '+');
  }

  #writePiece(output: Output, budget: number): number {
    this.#block ??= this.#options.reader.current;
    const block = this.#block;
    if (block === undefined) return 0;
    const chunk = this.#chunk ?? this.#openChunk();
    const room = this.#options.chunkSize - (this.#position - chunk.start);
    const rest = block.bytes.length - this.#offset;
    // a small chunk says where it ends and is written to that end
    const wanted =
      this.#options.chunkSize <= LARGEST_UNINTERRUPTIBLE ? Math.min(rest, room) : Math.min(rest, room, budget);
    const offered = block.bytes.subarray(this.#offset, this.#offset + wanted);
    const length = chunk.fitting(offered, block.suspicious);
    const piece = length < wanted ? offered.subarray(0, length) : offered;
    this.#offset += length;
    this.#position += length;
    const blockEnds = this.#offset === block.bytes.length;
    output.bytes(piece, blockEnds ? block.release : undefined);
    if (blockEnds) {
      this.#block = undefined;
      this.#offset = 0;
      this.#options.reader.shift();
    }
    if (blockEnds && block.last) this.#complete(output);
    else if (length < wanted || length === room) this.#endChunk(output, '+');
    else chunk.wrote(piece);
    return length;
  }

  #openChunk(): OpenChunk {
    const { connection, toPath, fromPath } = this.#context.route();
    const { failureReport } = this.#options;
    const chunk = this.#settled.pop() ?? new OpenChunk(this, failureReport === 'partial');
    chunk.begin(this.#context.transactionId(), this.#position);
    this.#chunk = chunk;
    this.#chunks++;
    this.#carrier = connection;
    this.#context.opened(this);
    if (this.#head?.toPath !== toPath || this.#head.fromPath !== fromPath) {
      this.#head = new SendHead({ toPath, fromPath, messageId: this.messageId, fields: this.#fields });
    }
    connection?.queue.head(this.#head, chunk.id, this.#range());
    if (failureReport !== 'no') connection?.transactions.open(chunk);
    return chunk;
  }

  /** RFC 4975 §7.1.1: `*` as the end of all that may be interrupted. */
  #range(): ByteRange {
    const total = this.#total;
    const rest = total === undefined ? Number.POSITIVE_INFINITY : total - this.#position;
    const length = Math.min(rest, this.#options.chunkSize);
    const fixed = length <= LARGEST_UNINTERRUPTIBLE && total !== undefined && this.#state === 'sending';
    const end = fixed ? this.#position + length : undefined;
    return { start: this.#position + 1, end, total };
  }

  #endChunk(output: Output, flag: '+' | '$' | '#'): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    this.#chunk = undefined;
    chunk.end(output, flag, this.#position);
    const { failureReport } = this.#options;
    const transactions = this.#carrier?.transactions;
    if (failureReport === 'no' || transactions === undefined) return;
    if (flag === '#') {
      transactions.forget(chunk);
      return;
    }
    if (chunk.answered) {
      // some peer could not wait for the end
      this.#confirmed.add(chunk.start, this.#position);
      return;
    }
    transactions.arm(chunk);
    if (failureReport === 'partial') return;
    chunk.awaited = true;
    this.#unanswered++;
    this.#inFlight += chunk.length;
    this.#context.flight.begin(chunk.length, this.#short);
  }

  #complete(output: Output): void {
    this.#endChunk(output, '$');
    this.#total ??= this.#position;
    this.#state = 'waiting';
    this.#options.reader.close();
  }

  #writeStop(output: Output): void {
    // between two chunks an empty one says it (RFC 4975 §7.1); without any chunk there is nothing to take back
    if (this.#chunk === undefined && this.#chunks > 0) this.#openChunk();
    this.#endChunk(output, '#');
    this.#end(this.#outcome ?? { state: 'aborted', confirmed: this.#confirmed.toArray() });
    this.#settleDelivered({ state: 'unknown', reported: this.#reported.toArray() });
    this.#context.finished(this);
  }

  #taken(position: number): void {
    if (position > this.#handed) {
      this.#handed = position;
      if (position === this.#total || position - this.#told >= this.#options.progressEvery) this.#tell();
    }
    this.#checkDone();
  }

  #tell(): void {
    this.#told = this.#handed;
    if (this.#progress.size > 0) this.#progress.emit(this.progress);
  }

  #checkDone(): void {
    if (this.#state !== 'waiting' || this.#unanswered > 0 || this.#handed !== this.#total) return;
    this.#end({ state: 'sent' });
    const { successReport, start } = this.#options;
    if (!successReport) this.#settleDelivered({ state: 'unknown', reported: [] });
    else if (this.#reported.covers(start, this.#total)) this.#settleDelivered({ state: 'delivered' });
    else return;
    this.#context.finished(this);
  }

  /** The response to a chunk, or why there is none. */
  settled(chunk: OpenChunk, settlement: Settlement): void {
    const { awaited } = chunk;
    chunk.answered = true;
    if (awaited && this.#state !== 'ended') {
      chunk.awaited = false;
      this.#unanswered--;
      this.#settled.push(chunk);
      this.#land(chunk.length);
    }
    if (settlement instanceof MsrpError) {
      this.#stop({ state: 'failed', error: settlement, confirmed: this.#confirmed.toArray() });
    } else if (settlement.status >= 300) {
      this.#refused(settlement.status, settlement.comment);
    } else {
      if (awaited) this.#confirmed.add(chunk.start, chunk.start + chunk.length);
      this.#checkDone();
      this.wake();
    }
  }

  #refused(status: number, comment: string): void {
    this.#settleDelivered({ state: 'refused', status, comment });
    // RFC 4975 §10.4: a 408 is treated as a time-out of one's own
    this.#stop(
      status === 408
        ? {
            state: 'failed',
            error: new MsrpError('transaction-timeout', 'The peer of a relay did not answer in time', { status }),
            confirmed: this.#confirmed.toArray(),
          }
        : { state: 'refused', status, comment, confirmed: this.#confirmed.toArray() },
    );
    if (status === 481 || status === 506) this.#context.rejected(status);
  }

  /** Ends the message early; what has been begun is ended by `#`. */
  #stop(outcome: SendOutcome): void {
    if (this.#state === 'waiting') {
      // all of it is out: nothing can be taken back
      this.#end(outcome);
      this.#settleDelivered({ state: 'unknown', reported: this.#reported.toArray() });
      this.#context.finished(this);
      return;
    }
    if (this.#state === 'ended') this.#context.finished(this);
    if (this.#state !== 'sending') return;
    this.#options.reader.close();
    this.#outcome = outcome;
    if (this.#chunks === 0) {
      this.#state = 'waiting';
      this.#stop(outcome);
      return;
    }
    this.#state = 'stopping';
    this.wake();
  }

  #end(outcome: SendOutcome): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#options.reader.close();
    if (this.#unanswered > 0) this.#carrier?.transactions.forgetAll(this);
    this.#unanswered = 0;
    this.#land(this.#inFlight);
    const cause = outcome.state === 'failed' ? outcome.error.code : undefined;
    trace('msrp:message', () => ({ direction: 'out', messageId: this.messageId, outcome: outcome.state, cause }));
    this.#settleSent(outcome);
  }

  /** Bytes are not under way any more. */
  #land(bytes: number): void {
    this.#inFlight -= bytes;
    this.#context.flight.end(bytes, this.#short);
  }
}
