import type { Socket } from 'node:net';
import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../diagnostics/log.ts';
import { trace, traceFrame } from '../diagnostics/trace.ts';
import { MsrpError } from '../errors.ts';
import type { ContinuationFlag, FrameHead, RequestHead, ResponseHead } from '../framing/head.ts';
import { type FrameHandler, FrameParser } from '../framing/parser.ts';
import { firstUri, formatResponse, LARGEST_OTHER_BODY, SuccessResponse } from '../framing/writer.ts';
import { failureReportOf, type HeaderField } from '../grammar/headers.ts';
import { type MsrpUri, parsePath } from '../grammar/uri.ts';
import type { BufferPool } from './buffer-pool.ts';
import { Output } from './output/output.ts';
import { OutputQueue, type Sharing } from './output/output-queue.ts';
import { Transactions } from './transactions.ts';
import { type SocketAndBuffers, Transport } from './transport.ts';

/** A peer that guesses session ids is cut off after so many. */
const MOST_UNKNOWN_SESSIONS = 16;
/** Transaction timeouts in which the system takes nothing at all before the peer counts as gone. */
const STALL_TIMEOUTS = 10;
/** Largest unread output before the connection stops reading what causes it. */
const MOST_UNREAD = 4;

/** Takes the rest of a request whose head has been seen. */
export interface RequestReceiver {
  body(bytes: Uint8Array): void;
  end(flag: ContinuationFlag): void;
}

/** To-Path and From-Path of a request. Equal ones are the same object for as long as they follow each other. */
export interface RequestPaths {
  readonly to: MsrpUri;
  readonly from: readonly MsrpUri[];
}

/** A session, as a connection sees it. */
export interface ConnectedSession {
  /** A request whose To-Path names this session. It may come from a connection the session does not know yet. */
  receive(head: RequestHead, paths: RequestPaths, hasBody: boolean, connection: Connection): RequestReceiver;
  lost(cause: MsrpError): void;
}

/** What the owner of a connection lends it. */
export interface ConnectionContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly staging: BufferPool;
  readonly sharing: Sharing;
  readonly settings: {
    readonly transactionTimeout: number;
    readonly window: number;
    readonly unboundTimeout: number;
  };
  session(sessionId: string): ConnectedSession | undefined;
  closed(connection: Connection): void;
}

const IGNORE: RequestReceiver = { body: () => undefined, end: () => undefined };

/**
 * One transport connection and everything that is true of all sessions on it: frames, transactions, whose turn it is
 * (RFC 4975 §5.4).
 */
export class Connection {
  readonly socket: Socket;
  /** Address and port of the other side. */
  readonly peer: string;
  readonly transactions: Transactions;
  readonly queue: OutputQueue;
  readonly #context: ConnectionContext;
  readonly #transport: Transport;
  readonly #output: Output;
  readonly #parser: FrameParser;
  readonly #sessions = new Set<ConnectedSession>();
  #receiver: RequestReceiver = IGNORE;
  #response: ResponseHead | undefined;
  #success: SuccessResponse | undefined;
  #lastPaths: { readonly to: string; readonly from: string; readonly paths: RequestPaths } | undefined;
  #unknownSessions = 0;
  #cause: MsrpError | undefined;
  #closed = false;
  #closing = false;
  /** It was this side that began to close. */
  #leaving = false;
  /** How often the system has taken something. */
  #takings = 0;
  #stall: Timer | undefined;

  constructor(place: SocketAndBuffers, context: ConnectionContext) {
    const { socket } = place;
    socket.setNoDelay(true);
    this.socket = socket;
    // a closed socket does not know it any more
    this.peer = `${socket.remoteAddress}:${socket.remotePort}`;
    trace('msrp:connection', () => ({ event: 'opened', peer: this.peer, cause: undefined }));
    this.#context = context;
    const { window, transactionTimeout, unboundTimeout } = context.settings;
    this.transactions = new Transactions(context.clock, transactionTimeout);
    this.#output = new Output(socket, context.staging, () => this.#taken());
    this.queue = new OutputQueue(this.#output, window, context.sharing, (text) =>
      traceFrame('out', this.#peer, () => withoutBody(text())),
    );
    this.#parser = new FrameParser(this.#frames());
    this.#transport = new Transport(place, window, {
      bytes: (data) => this.#bytes(data),
      closed: (cause) => this.#lost(cause),
    });
    const timer = context.clock.after(unboundTimeout, () => {
      // whoever connects and then says nothing of use gets nothing kept for it
      if (this.#sessions.size === 0) this.destroy(new MsrpError('connection-idle', 'No session used the connection'));
    });
    socket.once('close', () => timer.cancel());
    // the peer is leaving: nothing new begins here
    socket.once('end', () => {
      this.#closing = true;
    });
  }

  get closed(): boolean {
    return this.#closed || this.#closing;
  }

  /** Number of sessions bound to this connection. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  attach(session: ConnectedSession): void {
    this.#sessions.add(session);
  }

  /** The last session to leave closes the connection, once all that is to be written has been (RFC 4975 §5.4). */
  detach(session: ConnectedSession): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.close();
  }

  /** Keeps received bytes from being overwritten, and counts them against the window; returns how to let go. */
  hold(bytes: number): () => void {
    return this.#transport.hold(bytes);
  }

  /** Stops reading; the returned function ends that, once. */
  pause(): () => void {
    return this.#transport.pause();
  }

  /**
   * Answers a request, unless it asked for no answer (RFC 4975 §7.1.4): `partial` wants failures only, `no` nothing.
   * Responses to SEND go one hop back, others all the way (RFC 4975 §7.2).
   */
  respond(
    head: RequestHead,
    status: number,
    detail: { readonly comment?: string; readonly fields?: readonly HeaderField[] } = {},
  ): void {
    const wanted = failureReportOf(head.headers);
    if (wanted === 'no' || (wanted === 'partial' && status === 200) || head.method === 'REPORT') return;
    const toPath = head.headers.get('To-Path') ?? '';
    const fromPath = head.headers.get('From-Path') ?? '';
    // nobody can say where the answer should go
    if (toPath === '' || fromPath === '') return;
    if (status === 200 && head.method === 'SEND' && detail.comment === undefined && detail.fields === undefined) {
      // nearly all responses differ in nothing but the transaction id
      if (this.#success?.answers(toPath, fromPath) !== true) this.#success = new SuccessResponse(toPath, fromPath);
      this.queue.control(this.#success.text(head.transactionId));
      return;
    }
    this.queue.control(
      formatResponse({
        transactionId: head.transactionId,
        status,
        comment: detail.comment,
        fields: detail.fields ?? [],
        toPath: head.method === 'SEND' ? firstUri(fromPath) : fromPath,
        fromPath: firstUri(toPath),
      }),
    );
  }

  /** Answers with a failure at once and takes no notice of the rest of the request. */
  refuse(head: RequestHead, status: number, comment?: string): RequestReceiver {
    this.respond(head, status, comment === undefined ? {} : { comment });
    return IGNORE;
  }

  /** Takes no notice of the rest of a request. */
  ignore(): RequestReceiver {
    return IGNORE;
  }

  /** Closes once everything has been written. */
  close(): void {
    if (this.#closing || this.#closed) return;
    this.#closing = true;
    this.#leaving = true;
    this.queue.whenIdle(() => this.socket.end());
    const timer = this.#context.clock.after(this.#context.settings.unboundTimeout, () => this.socket.destroy());
    this.socket.once('close', () => timer.cancel());
  }

  /** Closes at once; sessions on it fail with `cause`. */
  destroy(cause: MsrpError): void {
    if (this.#closed) return;
    this.#cause ??= cause;
    this.#parser.stop();
    this.socket.destroy();
  }

  #taken(): void {
    this.#takings++;
    if (this.#stall === undefined && !this.#closed) this.#watch();
    this.#transport.block(this.#output.pending > MOST_UNREAD * this.#context.settings.window);
    this.queue.wake();
  }

  /**
   * A peer that is gone without a word, or never reads: no timer of RFC 4975 ends that, as they begin with the last byte
   * of a request.
   */
  #watch(): void {
    const before = this.#takings;
    this.#stall = this.#context.clock.after(STALL_TIMEOUTS * this.#context.settings.transactionTimeout, () => {
      this.#stall = undefined;
      if (this.#takings !== before) this.#watch();
      else if (this.#output.pending > 0) {
        this.destroy(new MsrpError('connection-stalled', 'The peer has taken nothing for a long time'));
      }
    });
  }

  #bytes(data: Uint8Array): void {
    try {
      this.#parser.push(data);
    } catch (error) {
      const cause =
        error instanceof MsrpError ? error : new MsrpError('connection-lost', 'Internal fault', { cause: error });
      this.#context.logger('warning', 'frame refused', { code: cause.code });
      this.destroy(cause);
    }
    if (this.#output.pending > MOST_UNREAD * this.#context.settings.window) this.#transport.block(true);
  }

  #lost(error: Error | undefined): void {
    this.#closed = true;
    this.#stall?.cancel();
    this.#parser.stop();
    this.#context.sharing.link.leave(this.queue);
    const cause = this.#cause ?? new MsrpError('connection-lost', 'The connection was lost', { cause: error });
    this.transactions.failAll(cause);
    for (const session of this.#sessions) session.lost(cause);
    this.#sessions.clear();
    const code = this.#cause === undefined && this.#leaving ? undefined : cause.code;
    trace('msrp:connection', () => ({ event: 'closed', peer: this.peer, cause: code }));
    this.#context.closed(this);
  }

  #frames(): FrameHandler {
    return {
      head: (head, hasBody) => this.#head(head, hasBody),
      body: (bytes) => this.#receiver.body(bytes),
      end: (flag) => {
        if (this.#response === undefined) {
          this.#receiver.end(flag);
        } else {
          this.transactions.settle(this.#response);
          this.#response = undefined;
        }
        this.#receiver = IGNORE;
      },
    };
  }

  #head(head: FrameHead, hasBody: boolean): void {
    traceFrame('in', this.#peer, () => headText(head));
    if (head.kind === 'response') {
      this.#response = head;
      return;
    }
    const receiver = this.#route(head, hasBody);
    this.#receiver = head.method === 'SEND' || !hasBody ? receiver : limited(receiver, (error) => this.destroy(error));
  }

  #route(head: RequestHead, hasBody: boolean): RequestReceiver {
    // who is leaving takes on nothing new: the peer notices, and comes again by a fresh connection
    if (this.#closing && this.#sessions.size === 0) return IGNORE;
    const paths = this.#paths(head);
    if (paths === undefined) return this.refuse(head, 400);
    // RFC 4975 §7.3: a To-Path that names no session of ours gets a 481
    const session = paths.to.sessionId === undefined ? undefined : this.#context.session(paths.to.sessionId);
    if (session !== undefined) return session.receive(head, paths, hasBody, this);
    this.#unknownSessions++;
    if (this.#unknownSessions > MOST_UNKNOWN_SESSIONS && this.#sessions.size === 0) this.close();
    return this.refuse(head, 481);
  }

  readonly #peer = (): string => this.peer;

  /** RFC 4975 §7.3: a To-Path has exactly one URI when it reaches an endpoint. Most requests repeat the paths before. */
  #paths(head: RequestHead): RequestPaths | undefined {
    const toPath = head.headers.get('To-Path') ?? '';
    const fromPath = head.headers.get('From-Path') ?? '';
    const last = this.#lastPaths;
    if (last !== undefined && toPath === last.to && fromPath === last.from) return last.paths;
    try {
      const [to, ...more] = parsePath(toPath);
      if (to === undefined || more.length > 0) return undefined;
      const paths = { to, from: parsePath(fromPath) };
      this.#lastPaths = { to: toPath, from: fromPath, paths };
      return paths;
    } catch {
      return undefined;
    }
  }
}

function headText(head: FrameHead): string {
  const word = head.kind === 'request' ? head.method : `${head.status} ${head.comment}`.trimEnd();
  const fields = [...head.headers].map(([name, value]) => `${name}: ${value}\r\n`);
  return `MSRP ${head.transactionId} ${word}\r\n${fields.join('')}`;
}

/** A frame up to its body, or its end-line. */
function withoutBody(frame: string): string {
  const end = /\r\n(?=\r\n|-------)/.exec(frame);
  return end === null ? frame : frame.slice(0, end.index + 2);
}

function limited(receiver: RequestReceiver, exceeded: (error: MsrpError) => void): RequestReceiver {
  let length = 0;
  return {
    body(bytes) {
      length += bytes.length;
      if (length > LARGEST_OTHER_BODY) {
        exceeded(
          new MsrpError(
            'body-too-long',
            `A body of more than ${LARGEST_OTHER_BODY} bytes in a request other than SEND`,
          ),
        );
      } else {
        receiver.body(bytes);
      }
    },
    end: (flag) => receiver.end(flag),
  };
}
