import type { Socket } from 'node:net';
import type { Address } from '../../contract/index.ts';
import type { Flow, FlowProtocol } from './network.ts';
import { FRAMER_LIMITS, type FramerLimits, MessageFramer } from './wire/message-framer.ts';

export interface StreamFlowEvents {
  message(flow: StreamFlow, head: string, body: Buffer): void;
  /** A message too big to be kept was passed over. */
  oversized(flow: StreamFlow, head: string): void;
  /**
   * No pong came, and none ever did: the server may be dead, or know none (RFC 5626 §4.4: only who says so has to). Without this
   * the connection is over then.
   */
  unanswered?(flow: StreamFlow): void;
  /** The connection is over. Called once, never after `close()`. */
  closed(flow: StreamFlow, error: Error): void;
}

/** Times in ms. */
export interface KeepAlive {
  /** Ping after so much silence. */
  interval: number;
  /** The pong must come within (RFC 5626 §4.4.1: 10 s). */
  pongWithin: number;
}

const CRLF = Buffer.from('\r\n');
const PING = Buffer.from('\r\n\r\n');
const BACKLOG_BYTES = 4_194_304;
/** Silence after which the other end of a connection we accepted is given up. */
const IDLE_TIMEOUT = 900_000;
/** A head comes in one piece or a few: as long as a transaction lasts (RFC 3261 timer F) is long enough. */
const HEAD_WITHIN = 32_000;
/** A body has as long, and a second more for each so many bytes. */
const BODY_BYTES_A_SECOND = 4_096;

/**
 * One connected TCP or TLS socket carrying SIP. As the connecting side it pings and expects pongs; as the accepting side
 * it answers pings. Nothing it does throws; a stream that can't be understood is closed.
 */
export class StreamFlow implements Flow {
  readonly protocol: FlowProtocol;
  readonly peer?: Address;
  readonly local: { address: string; port: number };
  readonly remote: { address: string; port: number };
  /** Resolves when the socket is really gone, which `close()` only asks for. */
  readonly over: Promise<void>;
  readonly #socket: Socket;
  readonly #events: StreamFlowEvents;
  readonly #keepAlive: KeepAlive | undefined;
  #ended = false;
  #hasPonged = false;
  #interval: number | undefined;
  #crlfs = 0;
  #pingTimer: NodeJS.Timeout | undefined;
  #pongTimer: NodeJS.Timeout | undefined;
  /** What has begun has to be whole when it rings. */
  #partTimer: NodeJS.Timeout | undefined;
  #part: 'head' | 'body' | undefined;

  constructor(
    socket: Socket,
    protocol: FlowProtocol,
    events: StreamFlowEvents,
    options: {
      keepAlive?: KeepAlive | undefined;
      limits?: FramerLimits | undefined;
      headWithin?: number;
      peer?: Address;
    } = {},
  ) {
    this.protocol = protocol;
    if (options.peer !== undefined) this.peer = options.peer;
    this.#socket = socket;
    this.#events = events;
    this.#keepAlive = options.keepAlive;
    this.#interval = options.keepAlive?.interval;
    this.local = { address: plainAddress(socket.localAddress), port: socket.localPort ?? 0 };
    this.remote = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
    const framer = new MessageFramer(
      {
        message: (head, body) => {
          this.#crlfs = 0;
          this.#partCame();
          if (!this.#ended) events.message(this, head, body);
        },
        oversized: (head) => {
          this.#partCame();
          if (!this.#ended) events.oversized(this, head);
        },
        crlf: () => this.#onCrlf(),
      },
      options.limits ?? FRAMER_LIMITS,
    );
    socket.setNoDelay(true);
    if (!this.#keepAlive) socket.setTimeout(IDLE_TIMEOUT, () => this.#fail(new Error('idle')));
    socket.on('data', (chunk: Buffer) => {
      this.#alive();
      try {
        framer.push(chunk);
        if (framer.headBegun) this.#waitFor('head', options.headWithin ?? HEAD_WITHIN);
        else if (framer.bodyBegun > 0) this.#waitFor('body', bodyWithin(framer.bodyBegun, options.headWithin));
        else this.#partCame();
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('end', () => this.#fail(new Error('connection ended by the other side')));
    socket.on('close', () => this.#fail(new Error('connection closed')));
    this.over = new Promise((resolve) => socket.once('close', () => resolve()));
    this.#alive();
  }

  get open(): boolean {
    return !this.#ended;
  }

  send(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new Error('connection is closed'));
      if (this.#socket.writableLength > BACKLOG_BYTES) return reject(new Error('connection is not taking our data'));
      this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Sends a ping at once; without a pong within so many ms the flow is broken. Nothing on an accepted connection. */
  ping(within = this.#keepAlive?.pongWithin): void {
    if (!this.#keepAlive || this.#ended || this.#pongTimer) return;
    clearTimeout(this.#pingTimer);
    this.#socket.write(PING);
    this.#pongTimer = setTimeout(() => {
      if (this.#hasPonged || !this.#events.unanswered) this.#fail(new Error('no pong'));
      else {
        this.#alive();
        this.#events.unanswered(this);
      }
    }, within);
  }

  /** From now on a ping after so much silence, in ms. */
  pingEvery(interval: number): void {
    this.#interval = interval;
    if (!this.#pongTimer) this.#alive();
  }

  /** The other side is known to be gone. */
  abandon(error: Error): void {
    this.#fail(error);
  }

  close(): void {
    if (this.#ended) return;
    this.#end();
    this.#socket.end();
    // the other side may never close its half
    const force = setTimeout(() => this.#socket.destroy(), 500);
    this.#socket.once('close', () => clearTimeout(force));
  }

  #waitFor(part: 'head' | 'body', within: number): void {
    if (this.#ended || this.#part === part) return;
    this.#partCame();
    this.#part = part;
    this.#partTimer = setTimeout(() => this.#fail(new Error(`a ${part} that never ended`)), within);
  }

  #partCame(): void {
    clearTimeout(this.#partTimer);
    this.#part = undefined;
  }

  #onCrlf(): void {
    this.#hasPonged = true;
    if (this.#keepAlive || this.#ended) return;
    this.#crlfs += 1;
    if (this.#crlfs % 2 === 0) this.#socket.write(CRLF);
  }

  /** Anything received shows that the other side lives, so a pong is not waited for any more. */
  #alive(): void {
    clearTimeout(this.#pongTimer);
    this.#pongTimer = undefined;
    clearTimeout(this.#pingTimer);
    if (this.#keepAlive && !this.#ended) this.#pingTimer = setTimeout(() => this.ping(), this.#interval);
  }

  #end(): void {
    this.#partCame();
    this.#ended = true;
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#pongTimer);
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#end();
    this.#socket.destroy();
    this.#events.closed(this, error);
  }
}

const bodyWithin = (bytes: number, headWithin = HEAD_WITHIN): number =>
  headWithin + (bytes / BODY_BYTES_A_SECOND) * 1_000;

/** IPv4 addresses on a dual-stack socket without their IPv6 wrapping. */
export const plainAddress = (address: string | undefined): string => (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
