import { Buffer } from 'node:buffer';
import { whenAborted } from '../abort-signal.ts';
import type { Connection } from '../connection/connection.ts';
import type { Priority } from '../connection/output/output-queue.ts';
import { MsrpError } from '../errors.ts';
import { IDENTIFIER, type RequestHead } from '../framing/head.ts';
import {
  canonicalName,
  type FailureReport,
  type HeaderField,
  parseByteRange,
  parseStatus,
} from '../grammar/headers.ts';
import { unawaited } from '../unawaited.ts';
import { type Wrapper, wrapperFor } from '../wrapping/wrappers.ts';
import type { BlockPools } from './block-pools.ts';
import { type BlockReader, memoryReader, SourceReader } from './block-reader.ts';
import { type Chunking, chunkSize } from './chunk.ts';
import { examinedSource } from './examined-source.ts';
import { Flight } from './flight.ts';
import { Message, type MessageContext } from './message.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import { type ByteSource, type OpenEndedSource, sequentialSource } from './source.ts';

/** A message to send. */
export interface SendOptions {
  /** MIME type of the body, with its parameters: text needs `charset=utf-8`. */
  readonly contentType: string;
  /** Text, bytes, a source that can be read anywhere (a file), or a stream. */
  readonly body: string | Uint8Array | ByteSource | AsyncIterable<Uint8Array>;
  /** Number of bytes of a stream, where it is known: the peer is told, and the stream is held to it. */
  readonly size?: number;
  /** One of its own unless the message goes on from an earlier session (RFC 4975 §5.4). */
  readonly messageId?: string;
  /** First byte to send, where the peer has those before it. Not for streams. */
  readonly start?: number;
  /** Asks the far end to report success (RFC 4975 §7.1.1); no unless said otherwise. */
  readonly successReport?: boolean;
  /** Whether the next hop confirms each chunk; `yes` unless said otherwise. */
  readonly failureReport?: FailureReport;
  /** Share of the connection beside other messages; `normal` unless said otherwise. */
  readonly priority?: Priority;
  /** Another policy than the session's. */
  readonly chunking?: Chunking;
  /** Bytes between two progress events; 65,536 unless said otherwise. */
  readonly progressEvery?: number;
  /**
   * Most bytes under way that the far end has not reported, any number unless said otherwise. The 200 of a relay says that it
   * has a chunk, not that it can keep it: this holds a message back to what relays keep. Needs `successReport`, and a far
   * end that reports in between; see `allowUnreported` for one that does not.
   */
  readonly unreported?: number;
  /** Further header fields, Content-Disposition for example; none that this side sets by itself. */
  readonly fields?: readonly HeaderField[];
  readonly signal?: AbortSignal;
}

/** What an outbox needs from its session. */
interface OutboxContext {
  readonly owner: object;
  readonly ownerWeight: number;
  /** Where messages go; the connection is there once the session is bound. */
  readonly route: () => {
    readonly connection: Connection | undefined;
    readonly toPath: string;
    readonly fromPath: string;
  };
  readonly blocks: BlockPools;
  readonly transactionId: () => string;
  readonly messageId: () => string;
  readonly wrappers: readonly Wrapper[];
  readonly chunking: () => Chunking;
  readonly window: number;
  readonly rejected: (status: number) => void;
}

const DEFAULT_PROGRESS = 65_536;
/** What follows from the other options, and stands in a place of its own (RFC 4975 §7.1). */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'To-Path',
  'From-Path',
  'Message-ID',
  'Byte-Range',
  'Success-Report',
  'Failure-Report',
  'Content-Type',
]);

/** All messages on their way out of one session, and those the far end has not reported on. */
export class Outbox {
  readonly #context: OutboxContext;
  /** The one that opened a chunk last comes last. */
  readonly #messages = new Map<string, Message>();
  readonly #flight: Flight;

  constructor(context: OutboxContext) {
    this.#context = context;
    this.#flight = new Flight(context.window, () => this.wake());
  }

  /** @throws MsrpError `invalid-option`, `invalid-header`, `invalid-content` */
  send(options: SendOptions): OutgoingMessage {
    const messageId = options.messageId ?? this.#context.messageId();
    if (this.#messages.has(messageId)) throw new MsrpError('invalid-option', 'The message is being sent already');
    if (!IDENTIFIER.test(messageId)) {
      throw new MsrpError('invalid-option', 'A Message-ID has 4 to 32 letters, digits or .-+%=');
    }
    for (const [name] of options.fields ?? []) {
      if (OWN_FIELDS.has(canonicalName(name))) throw new MsrpError('invalid-header', `${name} is not for the caller`);
    }
    const size = chunkSize(options.chunking ?? this.#context.chunking());
    if (!(size >= 1) || (size !== Number.POSITIVE_INFINITY && !Number.isInteger(size))) {
      throw new MsrpError('invalid-option', 'A chunk has a whole number of bytes');
    }
    const start = options.start ?? 0;
    // the reader tells the message of its blocks, and the message needs the reader
    let message: Message | undefined;
    const given = toBody(options.body, options.size);
    const total = given instanceof Uint8Array ? given.length : given.size;
    if (total !== undefined && (!Number.isSafeInteger(total) || total < 0)) {
      throw new MsrpError('invalid-option', 'A size is a whole number of bytes');
    }
    const most = isStream(options.body) ? 0 : (total ?? 0);
    if (!Number.isSafeInteger(start) || start < 0 || start > most) {
      throw new MsrpError('invalid-option', 'The first byte to send lies outside of the message');
    }
    const body = this.#examined(given, options.contentType, start);
    let reader: BlockReader;
    let fill: (() => void) | undefined;
    if (body instanceof Uint8Array) {
      reader = memoryReader(body.subarray(start));
    } else {
      const loan = this.#context.blocks.lend();
      const source = new SourceReader({
        source: body,
        start,
        loan,
        blockSize: blockSize(loan.pool.size, size),
        ready: () => message?.wake(),
        failed: (error) => message?.sourceFailed(error),
      });
      reader = source;
      fill = () => source.fill();
    }
    const made = this.#make(options, messageId, { reader, start, total, size });
    message = made;
    this.#messages.set(messageId, made);
    const forget = whenAborted(options.signal, () => made.abort());
    unawaited(made.sent.then(forget));
    fill?.();
    made.wake();
    return made;
  }

  /** A REPORT (RFC 4975 §7.3.2); one about a message nobody knows is ignored. */
  report(head: RequestHead): void {
    const message = this.#messages.get(head.headers.get('Message-ID') ?? '');
    if (message === undefined) return;
    const range = head.headers.get('Byte-Range');
    try {
      message.report(
        parseStatus(head.headers.get('Status') ?? ''),
        range === undefined ? undefined : parseByteRange(range),
      );
    } catch {
      // RFC 4975 §7.1.2: nobody answers a REPORT, not even one that makes no sense
    }
  }

  /** A number that changes for as long as messages go out and are confirmed. */
  get movement(): number {
    let sum = this.#messages.size;
    for (const { progress } of this.#messages.values()) sum += progress.handed + progress.confirmed;
    return sum;
  }

  /** The session has become bound, or there is room again. */
  wake(): void {
    for (const message of this.#messages.values()) message.wake();
  }

  /** Resolves when every message there is now has been sent, or failed. */
  async drained(): Promise<void> {
    await Promise.all([...this.#messages.values()].map((message) => message.sent));
  }

  /** The session is over. */
  fail(error: MsrpError): void {
    for (const message of this.#messages.values()) message.fail(error);
  }

  #make(
    options: SendOptions,
    messageId: string,
    { reader, start, total, size }: { reader: BlockReader; start: number; total: number | undefined; size: number },
  ): Message {
    const settings = {
      messageId,
      reader,
      start,
      total,
      chunkSize: size,
      priority: options.priority ?? 'normal',
      successReport: options.successReport ?? false,
      failureReport: options.failureReport ?? 'yes',
      progressEvery: options.progressEvery ?? DEFAULT_PROGRESS,
      unreported: options.unreported ?? Number.POSITIVE_INFINITY,
      fields: options.fields ?? [],
      contentType: options.contentType,
    };
    try {
      return new Message(settings, this.#messageContext());
    } catch (error) {
      // a header that cannot be written: the source is of no use any more
      reader.close();
      throw error;
    }
  }

  /** A bad wrapper is not sent: what is in memory is checked at once, all else before its first byte goes out. */
  #examined<Body extends Uint8Array | ByteSource | OpenEndedSource>(
    body: Body,
    contentType: string,
    start: number,
  ): Body | ByteSource | OpenEndedSource {
    const wrapper = wrapperFor(this.#context.wrappers, contentType);
    if (wrapper === undefined) return body;
    if (!(body instanceof Uint8Array)) return start === 0 ? examinedSource(body, wrapper) : body;
    wrapper.validate(body);
    return body;
  }

  #messageContext(): MessageContext {
    const context = this.#context;
    return {
      owner: context.owner,
      ownerWeight: context.ownerWeight,
      flight: this.#flight,
      opened: (message) => {
        // without that the first of them would have all the room there is, whenever there is some
        if (this.#messages.size > 1 && this.#messages.delete(message.messageId)) {
          this.#messages.set(message.messageId, message);
        }
      },
      transactionId: context.transactionId,
      rejected: context.rejected,
      route: context.route,
      finished: (message) => this.#messages.delete(message.messageId),
    };
  }
}

function toBody(body: SendOptions['body'], size: number | undefined): Uint8Array | ByteSource | OpenEndedSource {
  if (typeof body === 'string') return Buffer.from(body, 'utf8');
  return isStream(body) ? sequentialSource(body, size) : body;
}

/** Streams of Node have a method `read`, too. */
function isStream(body: SendOptions['body']): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && Symbol.asyncIterator in body;
}

/** Blocks hold a whole number of chunks where that is possible, so that no chunk has to wait for the next block. */
function blockSize(largest: number, chunk: number): number {
  return chunk >= largest ? largest : Math.floor(largest / chunk) * chunk;
}
