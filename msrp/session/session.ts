import { whenAborted } from '../abort-signal.ts';
import type { Clock, Timer } from '../clock.ts';
import type { ConnectedSession, Connection, RequestPaths, RequestReceiver } from '../connection/connection.ts';
import { checkFingerprint } from '../connection/opening/tls.ts';
import { trace } from '../diagnostics/trace.ts';
import { MsrpError } from '../errors.ts';
import { Event } from '../event.ts';
import type { RequestHead, ResponseHead } from '../framing/head.ts';
import type { HeaderField } from '../grammar/headers.ts';
import type { Identifiers } from '../grammar/identifiers.ts';
import { formatPath, formatUri, type MsrpUri, parsePath, sameUri } from '../grammar/uri.ts';
import { Inbox } from '../receiving/inbox.ts';
import { authorizeAt, type RelayOptions } from '../relay/authorization.ts';
import type { BlockPools } from '../sending/block-pools.ts';
import { Outbox, type SendOptions } from '../sending/outbox.ts';
import type { OutgoingMessage } from '../sending/outgoing-message.ts';
import { CPIM_WRAPPER, validating } from '../wrapping/wrappers.ts';
import type { ConnectionWishes, RelayTrust, SessionOptions, SessionState, StartOptions } from './options.ts';
import { OwnRequests, type RequestBody } from './own-requests.ts';
import { answeredBy } from './request-answers.ts';

/** What a session needs from its endpoint. */
export interface SessionContext {
  readonly clock: Clock;
  readonly identifiers: Identifiers;
  readonly blocks: BlockPools;
  /** From now on requests for this session id go to `port`; the returned function ends that. */
  register(sessionId: string, port: ConnectedSession): () => void;
  /** Finds a connection, or makes one; `port` is attached to it. */
  connect(target: MsrpUri, options: ConnectionWishes, port: ConnectedSession): Promise<JoinedConnection>;
}

/** A connection a session has become part of. */
export interface JoinedConnection {
  readonly connection: Connection;
  /** It was there before; the peer may be about to close it. */
  readonly reused: boolean;
}

const DEFAULT_WINDOW = 1_048_576;
const DEFAULT_TIMEOUT = 30_000;
/** Part of a relay's grant after which it is asked for another. */
const REFRESH_AT = 0.8;

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
  /** This side's own URI. */
  readonly #ownPath: string;
  readonly #localUri: MsrpUri;
  readonly #options: SessionOptions;
  readonly #context: SessionContext;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #stateChange = new Event<SessionState>();
  readonly onStateChange = this.#stateChange.subscribe;
  #state: SessionState = { name: 'idle' };
  #localPath: string;
  /** The way out through relays. */
  #usePath: readonly MsrpUri[] = [];
  #refresh: Timer | undefined;
  #alive: Timer | undefined;
  readonly #pathChange = new Event<string>();
  /** A relay gave another path when it was asked again: the peer has to be told the new `localPath`. */
  readonly onPathChange = this.#pathChange.subscribe;
  #remotePath: readonly MsrpUri[] | undefined;
  /** The same as text. */
  #toPath = '';
  #fingerprints: readonly string[] | undefined;
  #connection: Connection | undefined;
  /** Nothing but the first request has been sent on a connection that was there before: it may be sent on another. */
  #movable = false;
  readonly #requests: OwnRequests;
  /** Paths of a request that was accepted. */
  #judged: RequestPaths | undefined;
  #bound: ((error: MsrpError | undefined) => void) | undefined;
  readonly #unregister: () => void;
  readonly #port: ConnectedSession;

  /** Made by `MsrpEndpoint.createSession`. */
  constructor(localUri: MsrpUri, options: SessionOptions, context: SessionContext) {
    this.id = localUri.sessionId ?? '';
    this.#ownPath = formatUri(localUri);
    this.#localPath = this.#ownPath;
    this.#localUri = localUri;
    this.#options = options;
    this.#context = context;
    const transactionId = () => context.identifiers.transaction();
    const messageId = () => context.identifiers.message();
    this.#requests = new OwnRequests(transactionId);
    const wrappers = options.wrappers ?? [CPIM_WRAPPER];
    this.#inbox = new Inbox({
      localPath: this.localPath,
      accept: validating(options.accept, wrappers),
      clock: context.clock,
      transactionId,
      messageId,
    });
    const route = () => ({
      connection: this.#state.name === 'bound' || this.#state.name === 'closing' ? this.#connection : undefined,
      toPath: this.#toPath,
      fromPath: this.#ownPath,
    });
    this.#outbox = new Outbox({
      owner: this,
      ownerWeight: options.weight ?? 1,
      route,
      blocks: context.blocks,
      transactionId,
      messageId,
      wrappers,
      // frames that are large are lost at some relays without a word
      chunking: () => options.chunking ?? (this.#usePath.length > 0 ? 'relay' : 'whole'),
      window: options.window ?? DEFAULT_WINDOW,
      rejected: (status) => this.abort(new MsrpError('refused', 'The peer does not know the session', { status })),
    });
    this.#port = {
      receive: (head, paths, hasBody, connection) => this.#receive(head, paths, hasBody, connection),
      lost: (cause) => {
        this.#connection = undefined;
        if (!this.#movable || cause.code !== 'connection-lost') this.#finish(cause);
      },
    };
    this.#unregister = context.register(this.id, this.#port);
  }

  /** Value of the SDP attribute `path` of this side: its relays, if there are any, the outermost first, then itself. */
  get localPath(): string {
    return this.#localPath;
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
      throw this.#failed(error);
    }
  }

  /**
   * Puts relays between this side and the world (RFC 4976): connects to the first one, asks each for a path, and asks
   * again before the paths expire. Comes before `start`, and before the peer is told `localPath`.
   *
   * @throws MsrpError `relay-denied`, `relay-failed`, `connect-failed`, `connect-timeout`, `tls-untrusted`,
   *   `transaction-timeout`, `invalid-option` (plain TCP that was not allowed); the session is closed then
   * @example await session.connectRelays([{ uri: 'msrps://relay.example.org;tcp', username: 'alice', password }]);
   */
  async connectRelays(relays: readonly RelayOptions[], trust: RelayTrust = {}): Promise<void> {
    if (this.#state.name !== 'idle' || this.#connection !== undefined) {
      throw new MsrpError('session-closed', 'The session has been started before');
    }
    try {
      const [first] = relays.flatMap(({ uri }) => parsePath(uri));
      if (first === undefined) throw new MsrpError('invalid-option', 'No relay');
      // RFC 4976 §5.1: credentials and paths go over TLS only
      if (!first.secure && trust.allowTcp !== true) throw new MsrpError('invalid-option', 'A relay without TLS');
      await this.#join(first, trust, () => this.#authorize(relays));
    } catch (error) {
      throw this.#failed(error);
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
   * Sends a request that is no message and waits for its response, whatever its status: the level below messages.
   *
   * @throws MsrpError `session-closed`, `transaction-timeout`, `connection-lost`, `invalid-header`, `invalid-option`
   * @example const { status } = await session.request('NICKNAME', [['Use-Nickname', '"Ally"']]);
   */
  request(method: string, fields: readonly HeaderField[], body?: RequestBody): Promise<ResponseHead> {
    const connection = this.#connection;
    if (connection === undefined || this.#state.name === 'closed') {
      return Promise.reject(new MsrpError('session-closed', 'The session has no connection'));
    }
    return this.#request(connection, method, fields, { body });
  }

  /**
   * Waits for outgoing messages to be sent, for as long as they move, then leaves. Messages still coming in fail with
   * `session-closed`.
   */
  async close(): Promise<void> {
    if (this.#state.name === 'closed' || this.#state.name === 'closing') return;
    if (this.#state.name !== 'bound') {
      this.abort(new MsrpError('session-closed', 'The session was closed'));
      return;
    }
    this.#transition({ name: 'closing' });
    let timer: Timer | undefined;
    const watch = (before: number) => {
      timer = this.#context.clock.after(DEFAULT_TIMEOUT, () => {
        const now = this.#outbox.movement;
        // a message that is paused, or that nobody takes, would keep the session for ever; a long one takes its time
        if (now === before) this.abort(new MsrpError('session-closed', 'Nothing moved while the session was closing'));
        else watch(now);
      });
    };
    watch(this.#outbox.movement);
    await this.#outbox.drained();
    timer?.cancel();
    this.#finish(undefined);
  }

  /** Ends the session at once. Messages on their way fail with the cause. */
  abort(cause: MsrpError = new MsrpError('session-closed', 'The session was closed')): void {
    this.#finish(cause);
  }

  #failed(error: unknown): MsrpError {
    const cause =
      error instanceof MsrpError ? error : new MsrpError('connect-failed', 'The session failed', { cause: error });
    this.abort(cause);
    return cause;
  }

  async #authorize(relays: readonly RelayOptions[]): Promise<void> {
    const request = (toPath: string, fields: readonly HeaderField[]) => {
      const connection = this.#connection;
      if (connection === undefined) throw new MsrpError('connection-lost', 'The connection to the relay was lost');
      return this.#request(connection, 'AUTH', fields, { toPath });
    };
    const { usePath, expires } = await authorizeAt(relays, request, () => this.#context.identifiers.transaction());
    if (this.#state.name === 'closed') throw new MsrpError('session-closed', 'The session was closed meanwhile');
    this.#usePath = usePath;
    const before = this.#localPath;
    this.#localPath = formatPath([...usePath].reverse().concat(this.#localUri));
    if (this.#remotePath !== undefined) this.#agreeOn(this.#remotePath);
    const again = () => void this.#authorize(relays).catch((error: unknown) => this.#failed(error));
    this.#refresh = this.#context.clock.after(expires * REFRESH_AT * 1000, again);
    if (this.#localPath !== before && before !== this.#ownPath) this.#pathChange.emit(this.#localPath);
  }

  async #connect(remotePath: readonly MsrpUri[] | undefined, options: StartOptions): Promise<void> {
    const target = remotePath?.[0];
    if (target === undefined) throw new MsrpError('invalid-option', 'Whom to connect to is not known');
    // the peer may have been faster than its answer, although connecting was our part
    if (this.#connection !== undefined && this.#usePath.length === 0) {
      throw new MsrpError('path-mismatch', 'The peer connected although this side was to');
    }
    this.#agreeOn(remotePath);
    this.#transition({ name: 'connecting' });
    const { signal, fingerprints } = options;
    const forget = whenAborted(signal, () => this.abort(new MsrpError('aborted', 'Connecting was called off')));
    // RFC 4975 §5.4: the first SEND binds the connection to the session; without content it has no body
    const bind = async (connection: Connection) => {
      if (fingerprints !== undefined) checkFingerprint(connection.socket, fingerprints);
      const { status } = await this.#bindRequest(connection);
      if (status >= 300) throw new MsrpError('bind-refused', 'The peer refused the session', { status });
    };
    try {
      // RFC 6135 §4.5: to a relay there is a connection already
      await (this.#connection === undefined ? this.#join(target, options, bind) : bind(this.#connection));
    } finally {
      forget();
    }
    this.#nowBound();
  }

  /**
   * Becomes part of a connection and does there what comes first. Where the connection was in use before, the peer may
   * close it at that very moment: then the same goes over a fresh one, as nothing else has been sent by this session.
   */
  async #join(
    target: MsrpUri,
    wishes: ConnectionWishes,
    first: (connection: Connection) => Promise<void>,
  ): Promise<void> {
    for (;;) {
      const { connection, reused } = await this.#context.connect(target, wishes, this.#port);
      if (this.#stateName() === 'closed') {
        connection.detach(this.#port);
        throw new MsrpError('session-closed', 'The session was closed meanwhile');
      }
      this.#connection = connection;
      this.#movable = reused;
      try {
        await first(connection);
        return;
      } catch (error) {
        const lost = error instanceof MsrpError && error.code === 'connection-lost';
        if (!reused || !lost || this.#stateName() === 'closed') throw error;
      } finally {
        this.#movable = false;
      }
    }
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
    const bound = new Promise<void>((resolve, reject) => {
      const timer = this.#context.clock.after(timeout, () =>
        this.#bound?.(new MsrpError('bind-timeout', 'The peer did not connect in time')),
      );
      this.#bound = (error) => {
        timer.cancel();
        this.#bound = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    const forget = whenAborted(signal, () => this.#bound?.(new MsrpError('aborted', 'Waiting was called off')));
    await bound.finally(forget);
  }

  #request(
    connection: Connection,
    method: string,
    fields: readonly HeaderField[],
    { toPath = this.#toPath, body }: { readonly toPath?: string; readonly body?: RequestBody | undefined } = {},
  ): Promise<ResponseHead> {
    return this.#requests.send(connection, { method, toPath, fromPath: this.#ownPath, fields, body });
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
        return answeredBy(this.#options.request, head, connection);
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
    if (this.#connection === undefined && !this.#adopt(connection)) return connection.refuse(head, 403);
    if (this.#remotePath === undefined) this.#agreeOn(from);
    if (this.#state.name === 'waiting') this.#nowBound();
    return undefined;
  }

  /** The first request of the peer binds its connection to this session. */
  #adopt(connection: Connection): boolean {
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
    return true;
  }

  #agreeOn(remotePath: readonly MsrpUri[] | undefined): void {
    this.#remotePath = remotePath;
    // RFC 4976 §5.1: out through one's own relays, then the way the peer gave. A way back learnt from a request has them
    const known = remotePath?.[0];
    const last = this.#usePath.at(-1);
    const complete = known !== undefined && last !== undefined && sameUri(known, last);
    this.#toPath = formatPath([...(complete ? [] : this.#usePath), ...(remotePath ?? [])]);
  }

  #stateName(): SessionState['name'] {
    return this.#state.name;
  }

  #matches(a: MsrpUri | undefined, b: MsrpUri | undefined): boolean {
    if (a === undefined || b === undefined) return false;
    return this.#options.matching === 'session-id' ? a.sessionId === b.sessionId : sameUri(a, b);
  }

  #nowBound(): void {
    this.#transition({ name: 'bound' });
    this.#keepAlive();
    this.#bound?.(undefined);
    this.#outbox.wake();
  }

  /** RFC 4975 §7.1: requests without a body keep bindings alive, and show when they are gone. */
  #keepAlive(): void {
    const { keepAlive } = this.#options;
    if (keepAlive === undefined) return;
    this.#alive = this.#context.clock.after(keepAlive, () => {
      const connection = this.#connection;
      if (connection === undefined) return;
      this.#bindRequest(connection).then(
        () => this.#stateName() === 'bound' && this.#keepAlive(),
        (error: unknown) => this.#failed(error),
      );
    });
  }

  #bindRequest(connection: Connection): Promise<ResponseHead> {
    return this.#request(connection, 'SEND', [
      ['Message-ID', this.#context.identifiers.message()],
      ['Byte-Range', '1-0/0'],
    ]);
  }

  #finish(cause: MsrpError | undefined): void {
    if (this.#state.name === 'closed') return;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#unregister();
    this.#refresh?.cancel();
    this.#alive?.cancel();
    const error = cause ?? new MsrpError('session-closed', 'The session was closed');
    this.#transition({ name: 'closed', cause });
    this.#outbox.fail(error);
    this.#inbox.fail(error);
    this.#bound?.(error);
    this.#requests.fail(error);
    connection?.detach(this.#port);
  }

  #transition(state: SessionState): void {
    this.#state = state;
    const cause = state.name === 'closed' ? state.cause?.code : undefined;
    trace('msrp:session', () => ({ state: state.name, peer: this.#connection?.peer, cause }));
    this.#stateChange.emit(state);
  }
}
