import { whenAborted } from '../abort-signal.ts';
import type { Timer } from '../clock.ts';
import type { ConnectedSession, Connection, RequestPaths, RequestReceiver } from '../connection/connection.ts';
import { trace } from '../diagnostics/trace.ts';
import { MsrpError } from '../errors.ts';
import { Event } from '../event.ts';
import type { RequestHead, ResponseHead } from '../framing/head.ts';
import type { HeaderField } from '../grammar/headers.ts';
import { type MsrpUri, parsePath } from '../grammar/uri.ts';
import { Inbox } from '../receiving/inbox.ts';
import type { RelayOptions } from '../relay/authorization.ts';
import { RelayLink } from '../relay/relay-link.ts';
import { Outbox, type SendOptions } from '../sending/outbox.ts';
import type { OutgoingMessage } from '../sending/outgoing-message.ts';
import { CPIM_WRAPPER, validating } from '../wrapping/wrappers.ts';
import { Carrier } from './carrier.ts';
import { drained } from './draining.ts';
import { KeepAlive } from './keep-alive.ts';
import type { PathUpdate, RelayTrust, SessionOptions, SessionState, StartOptions } from './options.ts';
import type { RequestBody } from './own-requests.ts';
import { SessionPaths } from './paths.ts';
import { PeerWait } from './peer-wait.ts';
import { answeredBy } from './request-answers.ts';
import type { Role } from './roles.ts';
import type { SessionContext } from './session-context.ts';

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
  readonly #paths: SessionPaths;
  readonly #options: SessionOptions;
  readonly #context: SessionContext;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #stateChange = new Event<SessionState>();
  readonly onStateChange = this.#stateChange.subscribe;
  #state: SessionState = { name: 'idle' };
  #relays: RelayLink | undefined;
  readonly #alive: KeepAlive;
  /** Until when the peer has to be told the new path. */
  #untold: Timer | undefined;
  readonly #pathChange = new Event<string>();
  /**
   * A relay gave another path, when it was asked again or after its connection was lost: the peer has to be told the new
   * `localPath` (a re-INVITE). Its answer goes to `update`.
   */
  readonly onPathChange = this.#pathChange.subscribe;
  #role: Role = 'passive';
  /** There has been a peer. */
  #wasBound = false;
  readonly #carrier: Carrier;
  /** Paths of a request that was accepted. */
  #judged: RequestPaths | undefined;
  readonly #peerWait = new PeerWait();
  readonly #unregister: () => void;
  readonly #port: ConnectedSession;

  /** Made by `MsrpEndpoint.createSession`. */
  constructor(localUri: MsrpUri, options: SessionOptions, context: SessionContext) {
    this.id = localUri.sessionId ?? '';
    this.#paths = new SessionPaths(localUri, options.matching ?? 'uri');
    this.#options = options;
    this.#context = context;
    const transactionId = () => context.identifiers.transaction();
    const messageId = () => context.identifiers.message();
    const wrappers = options.wrappers ?? [CPIM_WRAPPER];
    this.#inbox = new Inbox({
      localPath: this.#paths.own,
      accept: validating(options.accept, wrappers),
      clock: context.clock,
      transactionId,
      messageId,
    });
    const route = () => ({
      connection: this.#state.name === 'bound' || this.#state.name === 'closing' ? this.#carrier.connection : undefined,
      toPath: this.#paths.to,
      fromPath: this.#paths.own,
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
      chunking: () => options.chunking ?? (this.#relays === undefined ? 'whole' : 'relay'),
      window: options.window ?? DEFAULT_WINDOW,
      rejected: (status) => {
        // a relay may just have lost the peer, which then comes with another path
        if (this.#paths.relayed) return;
        this.abort(new MsrpError('refused', 'The peer does not know the session', { status }));
      },
    });
    this.#port = {
      receive: (head, paths, hasBody, connection) => this.#receive(head, paths, hasBody, connection),
      lost: (cause) => {
        if (this.#carrier.lost(cause)) this.#lost(cause);
      },
    };
    this.#carrier = new Carrier(context, this.#port, this.#paths, () => this.#state.name === 'closed');
    this.#alive = new KeepAlive(context.clock, options.keepAlive, () => this.#isAlive());
    this.#unregister = context.register(this.id, this.#port);
  }

  /** Value of the SDP attribute `path` of this side: its relays, if there are any, the outermost first, then itself. */
  get localPath(): string {
    return this.#paths.local;
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
      this.#carrier.fingerprints = options.fingerprints;
      this.#role = options.role;
      this.#paths.told();
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
   * When the connection to the first relay is lost while the session is waiting or bound, messages under way fail with
   * `connection-lost`, and the session becomes `reconnecting`: a few tries with pauses, and each relay is asked for a path
   * again. With the same path it goes on by itself, with another it is `moved` until the peer has been told (see `update`).
   *
   * @throws MsrpError `relay-denied`, `relay-failed`, `connect-failed`, `connect-timeout`, `tls-untrusted`,
   *   `transaction-timeout`, `invalid-option` (plain TCP that was not allowed); the session is closed then
   * @example await session.connectRelays([{ uri: 'msrps://relay.example.org;tcp', username: 'alice', password }]);
   */
  async connectRelays(relays: readonly RelayOptions[], trust: RelayTrust = {}): Promise<void> {
    if (this.#state.name !== 'idle' || this.#carrier.connection !== undefined) {
      throw new MsrpError('session-closed', 'The session has been started before');
    }
    try {
      this.#relays = this.#newLink(relays, trust);
      await this.#relays.connect();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /**
   * Takes the path of the peer from a new description of it: its answer to our new `localPath`, or an offer with a path that
   * is not the one before (RFC 4975 §5.4). As the active side this binds again. What becomes of it is in `state`; a peer
   * that was not told, or does not come, within 30 seconds of the state `moved` ends the session with `bind-timeout`.
   *
   * @throws MsrpError `session-closed` (not started, or over), `invalid-uri`, `path-mismatch` (the way to the new path
   *   begins elsewhere, and no relay of ours is in between: that takes a new session); nothing has changed then
   * @example session.onPathChange(async (path) => session.update({ remotePath: await reinvite(path), role: 'active' }));
   */
  update({ remotePath, role }: PathUpdate): void {
    const { name } = this.#state;
    if (name === 'idle' || name === 'connecting' || name === 'closing' || name === 'closed') {
      throw new MsrpError('session-closed', 'The session is not under way');
    }
    const path = parsePath(remotePath);
    if (role === 'active' && !this.#paths.leadsTo(path)) {
      throw new MsrpError('path-mismatch', 'The peer is found elsewhere');
    }
    this.#role = role;
    this.#paths.told();
    this.#judged = undefined;
    this.#paths.agreeOn(path);
    const connection = this.#carrier.connection;
    if ((name !== 'bound' && name !== 'moved') || role === 'passive' || connection === undefined) return;
    this.#carrier.bind(connection).then(
      () => connection === this.#carrier.connection && this.#state.name === 'moved' && this.#nowBound(),
      (error: unknown) => {
        if (!this.#comesBack(error)) this.#useless(connection, error);
      },
    );
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
   * @throws MsrpError `session-closed`, `transaction-timeout`, `connection-lost` (also while it is made again),
   *   `invalid-header`, `invalid-option`
   * @example const { status } = await session.request('NICKNAME', [['Use-Nickname', '"Ally"']]);
   */
  request(method: string, fields: readonly HeaderField[], body?: RequestBody): Promise<ResponseHead> {
    const connection = this.#carrier.connection;
    if (this.#state.name === 'reconnecting' || this.#state.name === 'moved') {
      return Promise.reject(new MsrpError('connection-lost', 'The connection is being made again'));
    }
    if (connection === undefined || this.#state.name === 'closed') {
      return Promise.reject(new MsrpError('session-closed', 'The session has no connection'));
    }
    return this.#carrier.request(connection, method, fields, { body });
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
    await drained(this.#outbox, this.#context.clock, DEFAULT_TIMEOUT, () =>
      this.abort(new MsrpError('session-closed', 'Nothing moved while the session was closing')),
    );
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

  #newLink(relays: readonly RelayOptions[], trust: RelayTrust): RelayLink {
    const { clock, random, identifiers } = this.#context;
    return new RelayLink(relays, trust, {
      clock,
      random,
      cnonce: () => identifiers.transaction(),
      request: async (toPath, fields) => {
        const connection = this.#carrier.connection;
        if (connection === undefined) throw new MsrpError('connection-lost', 'The connection to the relay was lost');
        return await this.#carrier.request(connection, 'AUTH', fields, { toPath });
      },
      join: (first, wishes, then) => this.#carrier.join(first, wishes, then),
      leave: () => this.#carrier.leave(),
      granted: (inUse) => {
        if (this.#stateName() === 'closed') {
          this.#relays?.stop();
          throw new MsrpError('session-closed', 'The session was closed meanwhile');
        }
        const changed = this.#relays !== undefined && this.#paths.lead(this.#relays.path);
        if (inUse && changed) this.#pathChange.emit(this.localPath);
      },
      watch: () => {
        const connection = this.#carrier.connection;
        return (error) => this.#useless(connection, error);
      },
      rejoined: () => this.#rejoined(),
      reconnecting: () => this.#stateName() === 'reconnecting',
      failed: (error) => {
        this.#failed(error);
      },
    });
  }

  /** Something that had to be said over a connection was not answered, or refused. */
  #useless(connection: Connection | undefined, error: unknown): void {
    // what is lost has been noticed
    if (connection === undefined || connection !== this.#carrier.connection) return;
    const silent = error instanceof MsrpError && error.code === 'transaction-timeout';
    if (silent && this.#relays !== undefined) {
      connection.destroy(new MsrpError('connection-lost', 'The relay does not answer', { cause: error }));
    } else this.#failed(error);
  }

  #lost(cause: MsrpError): void {
    const { name } = this.#state;
    // whoever makes a new one sees that by itself
    if (name === 'reconnecting' && cause.retryable) return;
    const goesOn = name === 'waiting' || name === 'bound' || name === 'moved';
    if (this.#relays === undefined || !cause.retryable || !goesOn) {
      this.#finish(cause);
      return;
    }
    this.#relays.stop();
    this.#alive.stop();
    this.#untold?.cancel();
    this.#transition({ name: 'reconnecting', cause });
    if (this.#stateName() !== 'reconnecting') return;
    // in other states nothing of what was handed over has been begun
    if (name === 'bound') this.#outbox.fail(cause);
    this.#inbox.interrupt(cause);
    this.#relays.lost(cause);
  }

  /** The relay is connected to again, and there is a path: the same or another. */
  async #rejoined(): Promise<void> {
    const changed = this.#paths.outdated;
    if (!this.#wasBound) {
      this.#transition({ name: 'waiting' });
    } else if (changed || !(await this.#boundAgain())) {
      this.#moved();
    } else if (this.#stateName() === 'reconnecting') {
      this.#nowBound();
    }
    if (changed && this.#stateName() !== 'closed') this.#pathChange.emit(this.localPath);
  }

  /** Binds again as the active side. False: a relay does not know the peer, which may be about to come back itself. */
  async #boundAgain(): Promise<boolean> {
    const { connection } = this.#carrier;
    if (this.#role === 'passive' || connection === undefined) return true;
    try {
      await this.#carrier.bind(connection);
      return true;
    } catch (error) {
      if (this.#comesBack(error)) return false;
      throw error;
    }
  }

  /** RFC 4975 §5.4: a session is made again by a new exchange of descriptions, in which the paths may be others. */
  #moved(): void {
    if (this.#stateName() !== 'reconnecting') return;
    this.#untold = this.#context.clock.after(DEFAULT_TIMEOUT, () =>
      this.#finish(new MsrpError('bind-timeout', 'The peer did not come by the new path in time')),
    );
    this.#transition({ name: 'moved' });
  }

  #comesBack(error: unknown): boolean {
    return this.#paths.relayed && error instanceof MsrpError && error.status === 481;
  }

  async #connect(remotePath: readonly MsrpUri[] | undefined, options: StartOptions): Promise<void> {
    const target = remotePath?.[0];
    if (target === undefined) throw new MsrpError('invalid-option', 'Whom to connect to is not known');
    // the peer may have been faster than its answer, although connecting was our part
    if (this.#carrier.connection !== undefined && this.#relays === undefined) {
      throw new MsrpError('path-mismatch', 'The peer connected although this side was to');
    }
    this.#paths.agreeOn(remotePath);
    this.#transition({ name: 'connecting' });
    const forget = whenAborted(options.signal, () => this.abort(new MsrpError('aborted', 'Connecting was called off')));
    const bind = (connection: Connection) => this.#carrier.bind(connection);
    try {
      // RFC 6135 §4.5: to a relay there is a connection already
      await (this.#carrier.connection === undefined
        ? this.#carrier.join(target, options, bind)
        : bind(this.#carrier.connection));
    } finally {
      forget();
    }
    this.#nowBound();
  }

  async #wait(remotePath: readonly MsrpUri[] | undefined, options: StartOptions): Promise<void> {
    const early = this.#paths.remote?.at(-1);
    const connection = this.#carrier.connection;
    if (early !== undefined && connection !== undefined) {
      // the peer connected before its session description was known here: now it can be judged
      if (remotePath !== undefined && !this.#paths.matches(early, remotePath.at(-1))) {
        throw new MsrpError('path-mismatch', 'Somebody else than the peer connected');
      }
      this.#carrier.check(connection);
      this.#paths.agreeOn(remotePath ?? this.#paths.remote);
      this.#nowBound();
      return;
    }
    this.#paths.agreeOn(remotePath);
    this.#transition({ name: 'waiting' });
    await this.#peerWait.start(this.#context.clock, options.timeout ?? DEFAULT_TIMEOUT, options.signal);
  }

  #receive(head: RequestHead, paths: RequestPaths, hasBody: boolean, connection: Connection): RequestReceiver {
    // the usual case: what came before on this connection has been judged
    if (connection !== this.#carrier.connection || paths !== this.#judged) {
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
    if (!this.#paths.isOwn(to)) return connection.refuse(head, 481);
    // RFC 4975 §5.4: a session lives on one connection, and whoever comes by another may be an eavesdropper
    const connects = this.#state.name === 'connecting' || this.#state.name === 'reconnecting';
    const elsewhere = this.#carrier.connection === undefined ? connects : this.#carrier.connection !== connection;
    if (elsewhere) return connection.refuse(head, 506);
    if (!this.#paths.mayBePeer(from)) return connection.refuse(head, 481, 'Invalid From-Path');
    if (this.#carrier.connection === undefined && !this.#adopt(connection)) return connection.refuse(head, 403);
    if (this.#paths.remote === undefined) this.#paths.learn(from);
    // who comes by the new path has been told it
    if (this.#state.name === 'waiting' || this.#state.name === 'moved') this.#nowBound();
    return undefined;
  }

  /** The first request of the peer binds its connection to this session. */
  #adopt(connection: Connection): boolean {
    try {
      this.#carrier.adopt(connection);
    } catch (error) {
      this.#peerWait.end(error as MsrpError);
      return false;
    }
    return true;
  }

  #stateName(): SessionState['name'] {
    return this.#state.name;
  }

  #nowBound(): void {
    this.#wasBound = true;
    this.#paths.told();
    this.#untold?.cancel();
    this.#relays?.settled();
    this.#transition({ name: 'bound' });
    if (this.#stateName() !== 'bound') return;
    this.#alive.start();
    this.#peerWait.end(undefined);
    this.#outbox.wake();
  }

  /** Whether the way is open still. */
  async #isAlive(): Promise<boolean> {
    const connection = this.#carrier.connection;
    if (connection === undefined) return false;
    try {
      await this.#carrier.sendEmpty(connection);
      return this.#stateName() === 'bound';
    } catch (error) {
      this.#useless(connection, error);
      return false;
    }
  }

  #finish(cause: MsrpError | undefined): void {
    if (this.#state.name === 'closed') return;
    this.#unregister();
    this.#relays?.stop();
    this.#untold?.cancel();
    this.#alive.stop();
    const error = cause ?? new MsrpError('session-closed', 'The session was closed');
    this.#transition({ name: 'closed', cause });
    this.#outbox.fail(error);
    this.#inbox.fail(error);
    this.#peerWait.end(error);
    this.#carrier.fail(error);
    this.#carrier.leave();
  }

  #transition(state: SessionState): void {
    this.#state = state;
    const cause = state.name === 'closed' ? state.cause?.code : undefined;
    trace('msrp:session', () => ({ state: state.name, peer: this.#carrier.connection?.peer, cause }));
    this.#stateChange.emit(state);
  }
}
