import { whenAborted } from '../abort-signal.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Connection, RequestReceiver } from '../connection/connection.ts';
import { trace } from '../diagnostics/trace.ts';
import { MsrpError, storageError } from '../errors.ts';
import { guarded } from '../event.ts';
import type { ContinuationFlag, RequestHead } from '../framing/head.ts';
import { formatReport } from '../framing/writer.ts';
import { type ByteRange, type Headers, successReportOf } from '../grammar/headers.ts';
import { type ByteInterval, RangeSet } from '../grammar/ranges.ts';
import { type ReportEvery, ReportSchedule } from './report-schedule.ts';
import type { ByteSink } from './sink.ts';
import { type UnsettledWrite, UnsettledWrites } from './unsettled-writes.ts';

/** A message somebody wants to send, as far as its first chunk tells. None of its bytes has been kept yet. */
export interface IncomingOffer {
  readonly messageId: string;
  readonly contentType: string;
  /** Every header field of the first chunk, unknown ones included. */
  readonly headers: Headers;
  /** Position of the first byte of this chunk, from 0. */
  readonly start: number;
  /** The size the peer claims, in bytes. Some count characters, some lie. */
  readonly claimedSize: number | undefined;
}

/** What became of a message the application had accepted. */
export type ReceiveOutcome =
  | { readonly state: 'completed'; readonly size: number }
  /** The peer gave it up (`#`, RFC 4975 §7.1). */
  | { readonly state: 'aborted'; readonly received: ByteInterval[] }
  /** This side gave it up, through `signal`. */
  | { readonly state: 'cancelled'; readonly received: ByteInterval[] }
  /** Connection lost, storage trouble, more bytes than agreed, session closed. */
  | { readonly state: 'failed'; readonly error: MsrpError; readonly received: ByteInterval[] };

/** What the application wants done with a message. */
export type Acceptance =
  | {
      readonly sink: ByteSink;
      /** Size agreed beforehand: the first byte beyond it ends the message with 413. */
      readonly size?: number;
      /** Bytes that are there already, from an earlier session (RFC 4975 §5.4). */
      readonly received?: Iterable<ByteInterval>;
      /**
       * How often success is reported before the end, where the peer wants reports; every tenth of the message unless
       * said otherwise, but no more often than every 1,048,576 bytes. A number is bytes.
       */
      readonly reportEvery?: ReportEvery;
      /** Told the number of bytes there are, at most once every `progressEvery` bytes. */
      readonly progress?: (received: number) => void;
      readonly progressEvery?: number;
      /** Aborting it stops the peer with 413. */
      readonly signal?: AbortSignal;
      /** Called once, when nothing more happens. */
      readonly ended?: (outcome: ReceiveOutcome) => void;
    }
  /** A status of RFC 4975 §10, 413 or 415 as a rule. */
  | { readonly refuse: number; readonly comment?: string };

/** Decides about each incoming message before any of its bytes is kept. May take its time. */
export type AcceptHook = (offer: IncomingOffer) => Acceptance | Promise<Acceptance>;

type Accepted = Extract<Acceptance, { sink: ByteSink }>;

/** What a message needs from its session. */
export interface IncomingContext {
  readonly accept: AcceptHook;
  readonly localPath: string;
  readonly clock: Clock;
  transactionId(): string;
  /** The message is over; further chunks of it get `status`. */
  finished(message: IncomingMessage, status: number): void;
}

/** More holes than this are no accident. */
const MOST_GAPS = 4096;
const DEFAULT_PROGRESS = 65_536;
/**
 * How long the last chunk waits for bytes before it that have not come, in ms: their sender gives up after 30 s without a
 * response (RFC 4975 §7.1.2), and shall learn why.
 */
const MISSING_TIMEOUT = 20_000;

/** One SEND on its way in. */
interface Chunk {
  readonly head: RequestHead;
  readonly connection: Connection;
  readonly start: number;
  position: number;
  /** Writes that have not been settled. */
  pending: number;
  flag: ContinuationFlag | undefined;
  /** A response has been given. */
  answered: boolean;
}

/** A part of a chunk on its way into the sink. */
interface ChunkWrite extends UnsettledWrite {
  readonly chunk: Chunk;
  /** Lets the memory go it was received in. */
  readonly release: () => void;
}

/*
 * deciding --accepted--> receiving --all bytes there--> closing --sink closed--> ended
 *     '---refused----------'-- # , 413, fault, connection lost --------------------^
 */
type State =
  | { readonly name: 'deciding'; readonly queued: (() => void)[] }
  | { readonly name: 'receiving'; readonly accepted: Accepted }
  | { readonly name: 'closing'; readonly accepted: Accepted }
  | { readonly name: 'ended'; readonly status: number };

/** The receiving half of RFC 4975 §7.3.1 for one message: a virtual buffer that chunks fill in any order. */
export class IncomingMessage {
  readonly messageId: string;
  readonly #context: IncomingContext;
  readonly #wantsReport: boolean;
  readonly #fromPath: string;
  /** The one the last chunk came by. */
  #connection: Connection;
  #state: State = { name: 'deciding', queued: [] };
  #received = new RangeSet();
  readonly #unsettled = new UnsettledWrites<ChunkWrite>((write, result) => this.#written(write, result));
  /** What a sink that keeps bytes itself waits for. */
  #room: Promise<void> | undefined;
  readonly #chunks = new Set<Chunk>();
  #total: number | undefined;
  #told = 0;
  readonly #claimedSize: number | undefined;
  /** Undefined where nobody wants reports. */
  #schedule: ReportSchedule | undefined;
  #unsubscribe: (() => void) | undefined;
  #missing: Timer | undefined;

  constructor(
    messageId: string,
    first: RequestHead,
    range: ByteRange,
    connection: Connection,
    context: IncomingContext,
  ) {
    this.messageId = messageId;
    this.#connection = connection;
    this.#context = context;
    this.#wantsReport = successReportOf(first.headers);
    this.#fromPath = first.headers.get('From-Path') ?? '';
    this.#claimedSize = range.total;
    this.#decide({
      messageId,
      contentType: first.headers.get('Content-Type') ?? '',
      headers: first.headers,
      start: range.start - 1,
      claimedSize: range.total,
    });
  }

  /** A further chunk. RFC 4975 §7.3.1: its length is what comes, whatever its Byte-Range says. */
  chunk(head: RequestHead, connection: Connection, range: ByteRange): RequestReceiver {
    const start = range.start - 1;
    this.#connection = connection;
    const chunk: Chunk = { head, connection, start, position: start, pending: 0, flag: undefined, answered: false };
    this.#chunks.add(chunk);
    if (this.#state.name === 'ended') this.#answer(chunk, this.#state.status);
    return {
      body: (bytes) => this.#body(chunk, bytes),
      end: (flag) => this.#chunkEnd(chunk, flag),
    };
  }

  /** Ends the message from outside: the session is over. */
  fail(error: MsrpError): void {
    // all bytes are there: what is left to do needs no session
    if (this.#state.name === 'closing') return;
    this.#end({ state: 'failed', error, received: this.#received.toArray() }, 413, error);
  }

  #decide(offer: IncomingOffer): void {
    let answer: Acceptance | Promise<Acceptance>;
    try {
      answer = this.#context.accept(offer);
    } catch (error) {
      answer = Promise.reject(error);
    }
    if (!(answer instanceof Promise)) {
      this.#decided(answer);
      return;
    }
    answer.then(
      (acceptance) => this.#decided(acceptance),
      // the application could not say: the peer learns no more than that
      (error: unknown) => this.#decided({ refuse: 413, comment: storageError(error).code }),
    );
  }

  #decided(acceptance: Acceptance): void {
    if (this.#state.name !== 'deciding') {
      if ('sink' in acceptance) abandon(acceptance, new MsrpError('session-closed', 'The session ended meanwhile'));
      return;
    }
    const { queued } = this.#state;
    if ('refuse' in acceptance) {
      this.#state = { name: 'ended', status: acceptance.refuse };
      for (const chunk of this.#chunks) this.#answer(chunk, acceptance.refuse, acceptance.comment);
      this.#trace('refused', undefined);
      this.#context.finished(this, acceptance.refuse);
    } else {
      this.#state = { name: 'receiving', accepted: acceptance };
      this.#received = new RangeSet(acceptance.received);
      if (this.#wantsReport) this.#schedule = this.#newSchedule(acceptance);
      this.#unsubscribe = whenAborted(acceptance.signal, () => {
        const error = new MsrpError('aborted', 'Receiving was cancelled');
        this.#end({ state: 'cancelled', received: this.#received.toArray() }, 413, error);
      });
    }
    for (const run of queued) run();
    for (const chunk of this.#chunks) this.#settle(chunk);
  }

  #body(chunk: Chunk, bytes: Uint8Array): void {
    const position = chunk.position;
    chunk.position += bytes.length;
    if (this.#state.name === 'deciding') {
      const release = chunk.connection.hold(bytes.length);
      chunk.pending++;
      this.#state.queued.push(() => {
        chunk.pending--;
        this.#write(chunk, bytes, position, release);
      });
      return;
    }
    this.#write(chunk, bytes, position, undefined);
  }

  #write(chunk: Chunk, bytes: Uint8Array, position: number, held: (() => void) | undefined): void {
    if (this.#state.name !== 'receiving') {
      held?.();
      return;
    }
    const { sink, size } = this.#state.accepted;
    const end = position + bytes.length;
    if (end > (size ?? Number.MAX_SAFE_INTEGER)) {
      held?.();
      const error = new MsrpError('too-big', 'More bytes than agreed', { status: 413 });
      this.#end({ state: 'failed', error, received: this.#received.toArray() }, 413, error);
      return;
    }
    let result: void | Promise<void>;
    try {
      // RFC 4975 §7.3.1: the chunk received last takes precedence, so what is under way has to arrive first
      result = this.#unsettled.overlaps(position, end)
        ? this.#unsettled.all().then(() => sink.write(bytes, position))
        : sink.write(bytes, position);
    } catch (error) {
      held?.();
      this.#storageFailed(error);
      return;
    }
    if (result === undefined) {
      held?.();
      this.#arrived(position, end);
      return;
    }
    if (sink.copies === true) {
      held?.();
      this.#arrived(position, end);
      this.#wait(result, chunk.connection);
      return;
    }
    chunk.pending++;
    const release = held ?? chunk.connection.hold(bytes.length);
    this.#unsettled.add(result, { chunk, start: position, end, release });
  }

  /** The sink has taken all it wants for now. */
  #wait(room: Promise<void>, connection: Connection): void {
    if (room === this.#room) return;
    this.#room = room;
    const goOn = connection.pause();
    room.then(goOn, (error: unknown) => {
      goOn();
      this.#storageFailed(error);
    });
  }

  #written({ chunk, start, end, release }: ChunkWrite, result: PromiseSettledResult<void>): void {
    if (result.status === 'fulfilled') this.#arrived(start, end);
    else this.#storageFailed(result.reason);
    release();
    chunk.pending--;
    this.#settle(chunk);
  }

  #arrived(start: number, end: number): void {
    if (this.#state.name !== 'receiving') return;
    this.#received.add(start, end);
    if (this.#received.count > MOST_GAPS) {
      const error = new MsrpError('too-many-gaps', 'The message came in too many pieces', { status: 413 });
      this.#end({ state: 'failed', error, received: this.#received.toArray() }, 413, error);
      return;
    }
    this.#schedule?.arrived(this.#received.prefix);
    const { progress, progressEvery = DEFAULT_PROGRESS } = this.#state.accepted;
    if (progress !== undefined && this.#received.size - this.#told >= progressEvery) {
      this.#told = this.#received.size;
      const received = this.#received.size;
      guarded(() => progress(received));
    }
  }

  #storageFailed(cause: unknown): void {
    const error = storageError(cause);
    // what the sink really has nobody knows now
    this.#end({ state: 'failed', error, received: [] }, error.status ?? 413, error);
  }

  #chunkEnd(chunk: Chunk, flag: ContinuationFlag): void {
    chunk.flag = flag;
    // RFC 4975 §7.3.1: the chunk that ends in $ defines the length of the message
    if (flag === '$') this.#total = chunk.position;
    this.#settle(chunk);
  }

  /** Answers a chunk once all of it is where it belongs. */
  #settle(chunk: Chunk): void {
    if (chunk.flag === undefined || chunk.pending > 0 || this.#state.name === 'deciding') return;
    if (this.#state.name !== 'receiving') {
      if (this.#state.name === 'ended') this.#chunks.delete(chunk);
      return;
    }
    const { accepted } = this.#state;
    if (chunk.flag === '#') {
      this.#answer(chunk, 200);
      const error = new MsrpError('aborted', 'The peer gave the message up');
      this.#end({ state: 'aborted', received: this.#received.toArray() }, 413, error);
    } else if (this.#total !== undefined && this.#received.end > this.#total) {
      const error = new MsrpError('malformed-frame', 'Bytes beyond the end of the message', { status: 400 });
      this.#end({ state: 'failed', error, received: this.#received.toArray() }, 400, error);
    } else if (this.#total !== undefined && this.#received.covers(0, this.#total)) {
      this.#state = { name: 'closing', accepted };
      this.#complete(chunk, accepted, this.#total);
    } else if (chunk.flag === '$') {
      // RFC 4975 §7.3.1: the others may come behind it; but a 200 would say that the message is here
      this.#missing ??= this.#context.clock.after(MISSING_TIMEOUT, () => this.#incomplete());
    } else {
      this.#answer(chunk, 200);
      this.#chunks.delete(chunk);
    }
  }

  #incomplete(): void {
    const error = new MsrpError('malformed-frame', 'Bytes of the message are missing', { status: 400 });
    this.#end({ state: 'failed', error, received: this.#received.toArray() }, 400, error);
  }

  #complete(chunk: Chunk, accepted: Accepted, total: number): void {
    this.#missing?.cancel();
    this.#schedule?.end();
    promised(() => accepted.sink.close()).then(
      () => {
        if (this.#state.name !== 'closing') return;
        // both leave in one write
        this.#answer(chunk, 200);
        if (this.#wantsReport) this.#report(total);
        this.#end({ state: 'completed', size: total }, 200, undefined);
      },
      (error: unknown) => this.#storageFailed(error),
    );
  }

  #newSchedule({ reportEvery, size }: Accepted): ReportSchedule {
    return new ReportSchedule({
      every: reportEvery,
      clock: this.#context.clock,
      total: size ?? this.#claimedSize,
      prefix: this.#received.prefix,
      report: (prefix) => this.#report(prefix),
    });
  }

  #report(end: number): void {
    this.#connection.queue.control(
      formatReport({
        transactionId: this.#context.transactionId(),
        toPath: this.#fromPath,
        fromPath: this.#context.localPath,
        messageId: this.messageId,
        range: { start: 1, end, total: this.#total },
        status: 200,
      }),
    );
  }

  #answer(chunk: Chunk, status: number, comment?: string): void {
    if (chunk.answered) return;
    chunk.answered = true;
    chunk.connection.respond(chunk.head, status, comment === undefined ? {} : { comment });
  }

  #trace(outcome: string, cause: string | undefined): void {
    trace('msrp:message', () => ({ direction: 'in', messageId: this.messageId, outcome, cause }));
  }

  #end(outcome: ReceiveOutcome, status: number, abandoned: MsrpError | undefined): void {
    const state = this.#state;
    if (state.name === 'ended') return;
    this.#state = { name: 'ended', status };
    this.#unsubscribe?.();
    this.#missing?.cancel();
    this.#schedule?.end();
    for (const chunk of this.#chunks) this.#answer(chunk, status);
    if (state.name === 'deciding') for (const run of state.queued) run();
    this.#chunks.clear();
    this.#context.finished(this, status);
    this.#trace(outcome.state, outcome.state === 'failed' ? outcome.error.code : undefined);
    if (state.name === 'deciding') return;
    const { sink, ended } = state.accepted;
    const tell = () => guarded(() => ended?.(outcome));
    if (abandoned === undefined) tell();
    else promised(() => sink.abort(abandoned)).then(tell, tell);
  }
}

/** A sink nobody will write to. */
function abandon({ sink, ended }: Accepted, error: MsrpError): void {
  const tell = () => guarded(() => ended?.({ state: 'failed', error, received: [] }));
  promised(() => sink.abort(error)).then(tell, tell);
}

/** Calls what should return a promise; throwing at once is a rejection too. */
async function promised(call: () => Promise<void>): Promise<void> {
  await call();
}
