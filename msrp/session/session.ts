import type { Clock } from '../clock.ts';
import type { BufferPool } from '../connection/buffer-pool.ts';
import type { ConnectedSession, Connection, RequestPaths, RequestReceiver } from '../connection/connection.ts';
import { checkFingerprint } from '../connection/tls.ts';
import { MsrpError } from '../errors.ts';
import { Event } from '../event.ts';
import type { RequestHead, ResponseHead } from '../framing/head.ts';
import { formatEndLine, formatRequestHead } from '../framing/writer.ts';
import type { HeaderField } from '../headers.ts';
import type { Identifiers } from '../identifiers.ts';
import { Inbox } from '../receiving/inbox.ts';
import type { AcceptHook } from '../receiving/incoming-message.ts';
import type { Chunking } from '../sending/chunk.ts';
import { Outbox, type SendOptions } from '../sending/outbox.ts';
import type { OutgoingMessage } from '../sending/outgoing-message.ts';
import { formatPath, formatUri, type MsrpUri, parsePath, sameUri } from '../uri.ts';
import { CPIM_WRAPPER, validating, type Wrapper } from '../wrappers.ts';
import type { Role } from './roles.ts';

/*
 * idle --start, active--> connecting --connected, bind SEND answered--> bound --close--> closing --drained--> closed
 *   '----start, passive--> waiting ----first request came------------------^                                   ^
 * From anywhere a fault, a lost connection or `abort` leads to closed, with its cause.
 */
export type SessionState =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting' }
  | { readonly name: 'waiting' }
  | { readonly name: 'bound' }
  | { readonly name: 'closing' }
  | { readonly name: 'closed'; readonly cause: MsrpError | undefined };

export interface SessionOptions {
  /** Decides about each incoming message before any of its bytes is kept. */
  readonly accept: AcceptHook;
  /** How outgoing messages are cut; `whole` unless said otherwise. */
  readonly chunking?: Chunking;
  /**
   * How To-Path and From-Path are compared with what was agreed: as whole URIs (RFC 4975 §6.1, the default), or by
   * session id alone for sessions through middleboxes (RFC 6714).
   */
  readonly matching?: 'uri' | 'session-id';
  /** Most bytes sent and not confirmed; 1 MiB unless said otherwise. */
  readonly window?: number;
  /** Media types whose bodies are checked before they are sent or delivered; CPIM unless said otherwise. */
  readonly wrappers?: readonly Wrapper[];
  /** Answers requests other than SEND and REPORT; without it, or when it returns undefined, they get 501. */
  readonly request?: (head: RequestHead) => RequestAnswer | undefined;
}

/** The answer to a request of the application's own kind. */
export interface RequestAnswer {
  readonly status: number;
  readonly comment?: string;
  readonly fields?: readonly HeaderField[];
}

export interface StartOptions {
  /**
   * Path of the peer as its session description has it: one or more URIs. A passive session that is started without it
   * takes whoever knows its own path.
   */
  readonly remotePath?: string;
  /** Who connects (RFC 6135); without it the one who offered, see `answerSetup` and `offererRole`. */
  readonly role: Role;
  /** Where to connect to instead of the host of the path (RFC 6714 §4.2: the address of the m= and c= lines). */
  readonly address?: { readonly host: string; readonly port: number };
  /** Values of the attribute `fingerprint` of the peer (RFC 8122); needed for `msrps` between peers. */
  readonly fingerprints?: readonly string[];
  /** Milliseconds until the session must be bound; 30,000 unless said otherwise. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** What a session needs from its endpoint. */
export interface SessionContext {
  readonly clock: Clock;
  readonly identifiers: Identifiers;
  readonly blocks: BufferPool;
  /** From now on requests for this session id go to `port`; the returned function ends that. */
  register(sessionId: string, port: ConnectedSession): () => void;
  connect(target: MsrpUri, options: StartOptions): Promise<Connection>;
}

const DEFAULT_WINDOW = 1_048_576;
const DEFAULT_TIMEOUT = 30_000;

/**
 * One MSRP session (RFC 4975): a pair of paths, and the messages that go back and forth between them.
 *
 * @example
 * const session = endpoint.createSession({ listener, accept: () => ({ sink: new MemorySink(65_536) }) });
 * // session.localPath goes into the offer, the peer's path comes with its answer
 * await session.start({ remotePath, role: 'active' });
 * await session.send({ contentType: 'text/plain', body: 'Hello' }).sent;
 */
export class MsrpSession {
  /** The session id: known to the peer and nobody else. */
  readonly id: string;
  /** Value of the SDP attribute `path` of this side. */
  readonly localPath: string;
  readonly #localUri: MsrpUri;
  readonly #options: SessionOptions;
  readonly #context: SessionContext;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #stateChange = new Event<SessionState>();
  readonly onStateChange = this.#stateChange.subscribe;
  #state: SessionState = { name: 'idle' };
  #remotePath: readonly MsrpUri[] | undefined;
  /** The same as text. */
  #toPath = '';
  #fingerprints: readonly string[] | undefined;
  #connection: Connection | undefined;
  /** Paths of a request that was accepted. */
  #judged: RequestPaths | undefined;
  #bound: ((error: MsrpError | undefined) => void) | undefined;
  readonly #unregister: () => void;
  readonly #port: ConnectedSession;

  /** Made by `MsrpEndpoint.createSession`. */
  constructor(localUri: MsrpUri, options: SessionOptions, context: SessionContext) {
    this.id = localUri.sessionId ?? '';
    this.localPath = formatUri(localUri);
    this.#localUri = localUri;
    this.#options = options;
    this.#context = context;
    const transactionId = () => context.identifiers.transaction();
    const messageId = () => context.identifiers.message();
    const wrappers = options.wrappers ?? [CPIM_WRAPPER];
    this.#inbox = new Inbox({
      localPath: this.localPath,
      accept: validating(options.accept, wrappers),
      transactionId,
      messageId,
    });
    const route = () => ({
      connection: this.#state.name === 'bound' || this.#state.name === 'closing' ? this.#connection : undefined,
      toPath: this.#toPath,
      fromPath: this.localPath,
    });
    this.#outbox = new Outbox({
      owner: this,
      route,
      blocks: context.blocks,
      transactionId,
      messageId,
      wrappers,
      chunking: options.chunking ?? 'whole',
      window: options.window ?? DEFAULT_WINDOW,
      rejected: (status) => this.abort(new MsrpError('refused', 'The peer does not know the session', { status })),
    });
    this.#port = {
      receive: (head, paths, hasBody, connection) => this.#receive(head, paths, hasBody, connection),
      lost: (cause) => {
        this.#connection = undefined;
        this.#finish(cause);
      },
    };
    this.#unregister = context.register(this.id, this.#port);
  }

  get state(): SessionState {
    return this.#state;
  }

  /**
   * Connects, or waits for the peer to, and binds the connection to the session (RFC 4975 §5.4).
   *
   * @throws MsrpError `connect-failed`, `connect-timeout`, `tls-untrusted`, `fingerprint-mismatch`, `bind-refused`,
   *   `bind-timeout`, `path-mismatch`, `aborted`, `invalid-uri`; the session is closed then
   */
  async start(options: StartOptions): Promise<void> {
    if (this.#state.name !== 'idle') throw new MsrpError('session-closed', 'The session has been started before');
    try {
      const remotePath = options.remotePath === undefined ? undefined : parsePath(options.remotePath);
      this.#fingerprints = options.fingerprints;
      if (options.role === 'active') await this.#connect(remotePath, options);
      else await this.#wait(remotePath, options);
    } catch (error) {
      const cause =
        error instanceof MsrpError ? error : new MsrpError('connect-failed', 'The session failed', { cause: error });
      this.abort(cause);
      throw cause;
    }
  }

  /** Sends a message; before the session is bound it waits. Nothing is thrown later: see the handle's outcomes. */
  send(options: SendOptions): OutgoingMessage {
    if (this.#state.name === 'closed' || this.#state.name === 'closing') {
      throw new MsrpError('session-closed', 'The session is closed');
    }
    return this.#outbox.send(options);
  }

  /**
   * Sends a request without a body and waits for its response, whatever its status: the level below messages.
   *
   * @throws MsrpError `session-closed`, `transaction-timeout`, `connection-lost`, `invalid-header`
   * @example const { status } = await session.request('NICKNAME', [['Use-Nickname', '"Ally"']]);
   */
  request(method: string, fields: readonly HeaderField[]): Promise<ResponseHead> {
    const connection = this.#connection;
    if (connection === undefined || this.#state.name === 'closed') {
      return Promise.reject(new MsrpError('session-closed', 'The session has no connection'));
    }
    return this.#request(connection, method, fields);
  }

  /** Waits for outgoing messages to be sent, then leaves. Messages still coming in fail with `session-closed`. */
  async close(): Promise<void> {
    if (this.#state.name === 'closed' || this.#state.name === 'closing') return;
    if (this.#state.name !== 'bound') {
      this.abort(new MsrpError('session-closed', 'The session was closed'));
      return;
    }
    this.#transition({ name: 'closing' });
    const timer = this.#context.clock.after(DEFAULT_TIMEOUT, () =>
      this.abort(new MsrpError('session-closed', 'The session did not end in time')),
    );
    await this.#outbox.drained();
    timer.cancel();
    this.#finish(undefined);
  }

  /** Ends the session at once. Messages on their way fail with the cause. */
  abort(cause: MsrpError = new MsrpError('session-closed', 'The session was closed')): void {
    this.#finish(cause);
  }

  async #connect(remotePath: readonly MsrpUri[] | undefined, options: StartOptions): Promise<void> {
    const target = remotePath?.[0];
    if (target === undefined) throw new MsrpError('invalid-option', 'Whom to connect to is not known');
    // the peer may have been faster than its answer, although connecting was our part
    if (this.#connection !== undefined) {
      throw new MsrpError('path-mismatch', 'The peer connected although this side was to');
    }
    this.#agreeOn(remotePath);
    this.#transition({ name: 'connecting' });
    const connection = await this.#context.connect(target, options);
    if (this.#state.name !== 'connecting') {
      connection.detach(this.#port);
      throw new MsrpError('session-closed', 'The session was closed meanwhile');
    }
    this.#connection = connection;
    connection.attach(this.#port);
    if (options.fingerprints !== undefined) checkFingerprint(connection.socket, options.fingerprints);
    // RFC 4975 §5.4: the first SEND binds the connection to the session; without content it has no body
    const { status } = await this.#request(connection, 'SEND', [
      ['Message-ID', this.#context.identifiers.message()],
      ['Byte-Range', '1-0/0'],
    ]);
    if (status >= 300) throw new MsrpError('bind-refused', 'The peer refused the session', { status });
    this.#nowBound();
  }

  async #wait(remotePath: readonly MsrpUri[] | undefined, options: StartOptions): Promise<void> {
    const early = this.#remotePath?.at(-1);
    const connection = this.#connection;
    if (early !== undefined && connection !== undefined) {
      // the peer connected before its session description was known here: now it can be judged
      if (remotePath !== undefined && !this.#matches(early, remotePath.at(-1))) {
        throw new MsrpError('path-mismatch', 'Somebody else than the peer connected');
      }
      if (options.fingerprints !== undefined) checkFingerprint(connection.socket, options.fingerprints);
      this.#agreeOn(remotePath ?? this.#remotePath);
      this.#nowBound();
      return;
    }
    this.#agreeOn(remotePath);
    this.#transition({ name: 'waiting' });
    const { signal, timeout = DEFAULT_TIMEOUT } = options;
    await new Promise<void>((resolve, reject) => {
      const finish = (error: MsrpError | undefined) => {
        timer.cancel();
        signal?.removeEventListener('abort', aborted);
        this.#bound = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
      const aborted = () => finish(new MsrpError('aborted', 'Waiting was called off'));
      const timer = this.#context.clock.after(timeout, () =>
        finish(new MsrpError('bind-timeout', 'The peer did not connect in time')),
      );
      this.#bound = finish;
      signal?.addEventListener('abort', aborted, { once: true });
      if (signal?.aborted === true) aborted();
    });
  }

  #request(connection: Connection, method: string, fields: readonly HeaderField[]): Promise<ResponseHead> {
    return new Promise((resolve, reject) => {
      const transactionId = this.#context.identifiers.transaction();
      const { localPath: fromPath } = this;
      const toPath = this.#toPath;
      const head = formatRequestHead({ transactionId, method, toPath, fromPath, fields });
      connection.transactions.open(transactionId, false, (settlement) => {
        if (settlement instanceof MsrpError) reject(settlement);
        else resolve(settlement);
      });
      connection.queue.control(head + formatEndLine(transactionId, '$'));
      connection.transactions.arm(transactionId);
    });
  }

  #receive(head: RequestHead, paths: RequestPaths, hasBody: boolean, connection: Connection): RequestReceiver {
    // the usual case: what came before on this connection has been judged
    if (connection !== this.#connection || paths !== this.#judged) {
      const refusal = this.#judge(head, paths, connection);
      if (refusal !== undefined) return refusal;
      this.#judged = paths;
    }
    switch (head.method) {
      case 'SEND':
        return this.#inbox.send(head, hasBody, connection);
      case 'REPORT':
        this.#outbox.report(head);
        return connection.ignore();
      default:
        return this.#answer(head, connection);
    }
  }

  #judge(head: RequestHead, { to, from }: RequestPaths, connection: Connection): RequestReceiver | undefined {
    if (!this.#matches(to, this.#localUri)) return connection.refuse(head, 481);
    // RFC 4975 §5.4: a session lives on one connection, and whoever comes by another may be an eavesdropper
    const elsewhere =
      this.#connection === undefined ? this.#state.name === 'connecting' : this.#connection !== connection;
    if (elsewhere) return connection.refuse(head, 506);
    if (this.#remotePath !== undefined && !this.#matches(from.at(-1), this.#remotePath.at(-1))) {
      return connection.refuse(head, 481, 'Invalid From-Path');
    }
    if (this.#connection === undefined && !this.#adopt(connection, from)) return connection.refuse(head, 403);
    return undefined;
  }

  /** The first request of the peer binds its connection to this session. */
  #adopt(connection: Connection, from: readonly MsrpUri[]): boolean {
    if (this.#fingerprints !== undefined) {
      try {
        checkFingerprint(connection.socket, this.#fingerprints);
      } catch (error) {
        this.#bound?.(error as MsrpError);
        return false;
      }
    }
    this.#connection = connection;
    connection.attach(this.#port);
    if (this.#remotePath === undefined) this.#agreeOn(from);
    if (this.#state.name === 'waiting') this.#nowBound();
    return true;
  }

  #answer(head: RequestHead, connection: Connection): RequestReceiver {
    const answer = this.#options.request?.(head);
    if (answer === undefined) return connection.refuse(head, 501);
    connection.respond(head, answer.status, answer);
    return connection.ignore();
  }

  #agreeOn(remotePath: readonly MsrpUri[] | undefined): void {
    this.#remotePath = remotePath;
    this.#toPath = formatPath(remotePath ?? []);
  }

  #matches(a: MsrpUri | undefined, b: MsrpUri | undefined): boolean {
    if (a === undefined || b === undefined) return false;
    return this.#options.matching === 'session-id' ? a.sessionId === b.sessionId : sameUri(a, b);
  }

  #nowBound(): void {
    this.#transition({ name: 'bound' });
    this.#bound?.(undefined);
    this.#outbox.wake();
  }

  #finish(cause: MsrpError | undefined): void {
    if (this.#state.name === 'closed') return;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#unregister();
    const error = cause ?? new MsrpError('session-closed', 'The session was closed');
    this.#transition({ name: 'closed', cause });
    this.#outbox.fail(error);
    this.#inbox.fail(error);
    this.#bound?.(error);
    connection?.detach(this.#port);
  }

  #transition(state: SessionState): void {
    this.#state = state;
    this.#stateChange.emit(state);
  }
}
