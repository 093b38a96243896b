import type { Clock } from '../clock.ts';
import type { Connection, RequestReceiver } from '../connection/connection.ts';
import type { MsrpError } from '../errors.ts';
import type { RequestHead } from '../framing/head.ts';
import { formatReport } from '../framing/writer.ts';
import { type ByteRange, parseByteRange, successReportOf } from '../grammar/headers.ts';
import { type AcceptHook, IncomingMessage } from './incoming-message.ts';

/** Some peers keep their connection alive with messages nobody wants to read. */
const HEARTBEAT = 'text/x-msrp-heartbeat';
/** Messages of one session that may be incomplete at once. */
const MOST_INCOMPLETE = 64;
/** Finished messages remembered, so that what comes late or twice is known. */
const MOST_FINISHED = 256;

/** All messages on their way into one session. */
export class Inbox {
  readonly #localPath: string;
  readonly #accept: AcceptHook;
  readonly #clock: Clock;
  readonly #transactionId: () => string;
  readonly #messageId: () => string;
  readonly #messages = new Map<string, IncomingMessage>();
  /** Status for further chunks: 200 for duplicates of complete messages. */
  readonly #finished = new Map<string, number>();

  constructor(options: {
    readonly localPath: string;
    readonly accept: AcceptHook;
    readonly clock: Clock;
    readonly transactionId: () => string;
    readonly messageId: () => string;
  }) {
    this.#localPath = options.localPath;
    this.#accept = options.accept;
    this.#clock = options.clock;
    this.#transactionId = options.transactionId;
    this.#messageId = options.messageId;
  }

  /** Takes a SEND (RFC 4975 §7.3.1). */
  send(head: RequestHead, hasBody: boolean, connection: Connection): RequestReceiver {
    const contentType = head.headers.get('Content-Type');
    const text = head.headers.get('Byte-Range');
    let range: ByteRange;
    try {
      // RFC 4975 §7.1.1: the first chunk SHOULD have one, so some have none
      range = text === undefined ? { start: 1, end: undefined, total: undefined } : parseByteRange(text);
    } catch {
      return connection.refuse(head, 400);
    }
    // RFC 4975 §7.1: a request without body is no message; it binds, and keeps alive
    if (!hasBody || contentType?.toLowerCase().startsWith(HEARTBEAT))
      return this.#discard(head, connection, 200, range);
    if (contentType === undefined) return connection.refuse(head, 400, 'Content-Type missing');
    const messageId = head.headers.get('Message-ID') ?? this.#messageId();
    const finished = this.#finished.get(messageId);
    // RFC 4975 §5.4: a duplicate is acknowledged and not shown again
    if (finished !== undefined) return this.#discard(head, connection, finished, range);
    let message = this.#messages.get(messageId);
    if (message === undefined) {
      if (this.#messages.size >= MOST_INCOMPLETE) return connection.refuse(head, 413, 'Too many messages');
      message = new IncomingMessage(messageId, head, range, connection, {
        accept: this.#accept,
        clock: this.#clock,
        localPath: this.#localPath,
        transactionId: this.#transactionId,
        finished: (ended, status) => this.#finish(ended.messageId, status),
      });
      // the hook may have refused it already
      if (!this.#finished.has(messageId)) this.#messages.set(messageId, message);
    }
    return message.chunk(head, connection, range);
  }

  /** The session is over. */
  fail(error: MsrpError): void {
    for (const message of this.#messages.values()) message.fail(error);
  }

  /** The connection is gone and the session goes on: what failed with it may come again (RFC 4975 §5.4). */
  interrupt(error: MsrpError): void {
    for (const [messageId, message] of this.#messages) {
      message.fail(error);
      // one whose bytes are all there is only being stored
      if (!this.#messages.has(messageId)) this.#finished.delete(messageId);
    }
  }

  #finish(messageId: string, status: number): void {
    this.#messages.delete(messageId);
    this.#finished.set(messageId, status);
    const oldest = this.#finished.keys().next().value;
    if (this.#finished.size > MOST_FINISHED && oldest !== undefined) this.#finished.delete(oldest);
  }

  #discard(head: RequestHead, connection: Connection, status: number, range: ByteRange): RequestReceiver {
    // a refusal need not wait for the rest
    if (status !== 200) return connection.refuse(head, status);
    let end = range.start - 1;
    return {
      body: (bytes) => {
        end += bytes.length;
      },
      end: () => {
        connection.respond(head, 200);
        if (!successReportOf(head.headers)) return;
        connection.queue.control(
          formatReport({
            transactionId: this.#transactionId(),
            toPath: head.headers.get('From-Path') ?? '',
            fromPath: this.#localPath,
            messageId: head.headers.get('Message-ID') ?? '',
            range: { start: range.start, end, total: range.total },
            status: 200,
          }),
        );
      },
    };
  }
}
