import { type Clock, systemClock } from './clock.ts';
import { BufferPool } from './connection/buffer-pool.ts';
import { type ConnectedSession, Connection, type ConnectionContext } from './connection/connection.ts';
import { adoptSocket, adoptTlsSocket } from './connection/direct-socket.ts';
import { Link } from './connection/link.ts';
import { openSocket, type TlsTrust } from './connection/opening/connect.ts';
import { type ListenOptions, type MsrpListener, startListening } from './connection/opening/listener.ts';
import type { TlsIdentity } from './connection/opening/tls.ts';
import { FairRing, type Turns } from './connection/output/fair-ring.ts';
import type { Priority, Sharing } from './connection/output/output-queue.ts';
import { ReadBufferPools } from './connection/read-buffers.ts';
import type { SocketAndBuffers } from './connection/transport.ts';
import { type Logger, silentLogger } from './diagnostics/log.ts';
import { MsrpError } from './errors.ts';
import { Identifiers, type RandomSource, randomFraction, systemRandom } from './grammar/identifiers.ts';
import { DEFAULT_PORT, type MsrpUri } from './grammar/uri.ts';
import { BlockPools } from './sending/block-pools.ts';
import type { ConnectionWishes, SessionOptions } from './session/options.ts';
import { MsrpSession } from './session/session.ts';
import type { JoinedConnection } from './session/session-context.ts';

export interface EndpointOptions {
  /** Shown to peers when this side connects with TLS; listeners have their own. */
  readonly identity?: TlsIdentity;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** Milliseconds a request waits for its response; 30,000 as RFC 4975 §7.1.1 has it. */
  readonly transactionTimeout?: number;
  /** Bytes on their way to or from the system per connection; 1 MiB unless said otherwise. */
  readonly window?: number;
  readonly sharing?: SharingOptions;
}

/** How messages, sessions and connections share the way out. */
export interface SharingOptions {
  /** Most bytes of messages per second, all connections together; no limit unless said otherwise. */
  readonly bytesPerSecond?: number;
  /** Shares of messages in a session by priority; 16, 4 and 1 unless said otherwise. */
  readonly weights?: Readonly<Record<Priority, number>>;
  /** Another way to take turns than deficit round robin. */
  readonly newTurns?: <Member>() => Turns<Member>;
}

/** Where the session will be found: at a listener, or nowhere, because it will connect itself. */
export type SessionPlace = (
  | { readonly listener: MsrpListener }
  | { readonly host: string; readonly secure?: boolean }
) & {
  /** Session id, to be found again under an earlier path; without it a new one nobody can guess. */
  readonly sessionId?: string;
};

const TRANSACTION_TIMEOUT = 30_000;
const WINDOW = 1_048_576;
/** RFC 6135 §4.2.2: the port in the path of somebody nobody can connect to. */
const DISCARD_PORT = 9;
const STAGING = 65_536;
/** A whole window of small chunks, and what is being filled meanwhile. */
const KEPT_BUFFERS = 24;
/**
 * What messages are read into. Blocks larger than these do not stay in the cache of the processor between being read and
 * being written, and cost half as much again.
 */
const READ_AHEAD = [
  { size: 262_144, kept: 16, upTo: 16 },
  { size: 65_536, kept: 32, upTo: 64 },
  { size: 16_384, kept: 64, upTo: Number.POSITIVE_INFINITY },
];
const WEIGHTS: Readonly<Record<Priority, number>> = { high: 16, normal: 4, low: 1 };
/** Bytes that weight 1 sends in a turn. RFC 4975 §7.1.1: interrupted chunks have at least 2048. */
const QUANTUM = 16_384;

/**
 * Everything that belongs together: listeners, connections and sessions. A program may have several; they share nothing.
 *
 * @example
 * const endpoint = new MsrpEndpoint();
 * const listener = await endpoint.listen({ host: '127.0.0.1' });
 * const session = endpoint.createSession({ listener, accept: () => ({ sink: new MemorySink(65_536) }) });
 */
export class MsrpEndpoint {
  readonly #options: EndpointOptions;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #identifiers: Identifiers;
  readonly #context: ConnectionContext;
  readonly #blocks = new BlockPools(READ_AHEAD);
  readonly #readBuffers = new ReadBufferPools();
  readonly #sessions = new Map<string, ConnectedSession>();
  readonly #connections = new Set<Connection>();
  /** Connections of this side's making, by what they lead to and how that is trusted (RFC 4975 §5.4). */
  readonly #reusable = new Map<string, Promise<Connection>>();
  readonly #listeners = new Set<MsrpListener>();

  constructor(options: EndpointOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#identifiers = new Identifiers(this.#random);
    const transactionTimeout = options.transactionTimeout ?? TRANSACTION_TIMEOUT;
    this.#context = {
      clock: this.#clock,
      logger: options.logger ?? silentLogger,
      staging: new BufferPool(STAGING, KEPT_BUFFERS),
      sharing: newSharing(this.#clock, options.sharing ?? {}),
      settings: { transactionTimeout, unboundTimeout: transactionTimeout, window: options.window ?? WINDOW },
      session: (sessionId) => this.#sessions.get(sessionId),
      closed: (connection) => this.#connections.delete(connection),
    };
  }

  /** Starts listening; any number of sessions share a listener. @throws MsrpError `listen-failed` */
  async listen(options: ListenOptions): Promise<MsrpListener> {
    const listener = await startListening(options, this.#context.logger, (socket) =>
      this.#connected(
        options.tls === undefined ? adoptSocket(socket, this.#readBuffers) : adoptTlsSocket(socket, this.#readBuffers),
      ),
    );
    this.#listeners.add(listener);
    return listener;
  }

  /** Makes a session with a path of its own; nothing is sent before `start`. */
  createSession(options: SessionOptions & SessionPlace): MsrpSession {
    const place =
      'listener' in options
        ? options.listener
        : { host: options.host, port: DISCARD_PORT, secure: options.secure ?? false };
    const uri: MsrpUri = {
      secure: place.secure,
      userinfo: undefined,
      host: place.host,
      port: place.port,
      sessionId: options.sessionId ?? this.#identifiers.session(),
      transport: 'tcp',
      parameters: [],
    };
    return new MsrpSession(uri, options, {
      clock: this.#clock,
      random: () => randomFraction(this.#random),
      identifiers: this.#identifiers,
      blocks: this.#blocks,
      register: (sessionId, port) => {
        this.#sessions.set(sessionId, port);
        return () => this.#sessions.delete(sessionId);
      },
      connect: (target, wishes, port) => this.#connect(target, wishes, port),
    });
  }

  /** Number of connections there are. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Ends everything at once: listeners, sessions, connections. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
    const cause = new MsrpError('session-closed', 'The endpoint was closed');
    for (const session of this.#sessions.values()) session.lost(cause);
    for (const connection of this.#connections) connection.destroy(cause);
  }

  #connected(place: SocketAndBuffers): Connection {
    const connection = new Connection(place, this.#context);
    this.#connections.add(connection);
    return connection;
  }

  /**
   * RFC 4975 §5.4: a connection to the same host and port with the same scheme is used again. The session joins it at
   * once: between being found and being joined the last session on it might leave, and close it.
   */
  async #connect(target: MsrpUri, options: ConnectionWishes, session: ConnectedSession): Promise<JoinedConnection> {
    const host = options.address?.host ?? target.host;
    const port = options.address?.port ?? target.port ?? DEFAULT_PORT;
    const trust: TlsTrust =
      options.fingerprints === undefined
        ? { kind: 'authority', serverName: options.serverName ?? target.host, ca: options.ca ?? [] }
        : { kind: 'fingerprint' };
    // what one session trusts by fingerprint has passed no authority, and the other way round
    const key = JSON.stringify([host, port, target.secure && trust]);
    for (let known = this.#reusable.get(key); known !== undefined; known = this.#reusable.get(key)) {
      const connection = await known.catch(() => undefined);
      if (connection !== undefined && !connection.closed) {
        connection.attach(session);
        return { connection, reused: true };
      }
      if (this.#reusable.get(key) === known) this.#reusable.delete(key);
    }
    const opening = openSocket({
      host,
      port,
      clock: this.#clock,
      readBuffers: this.#readBuffers,
      timeout: options.timeout ?? this.#context.settings.transactionTimeout,
      signal: options.signal,
      tls: target.secure ? { trust, identity: this.#options.identity } : undefined,
    }).then((place) => this.#connected(place));
    this.#reusable.set(key, opening);
    const forget = () => {
      if (this.#reusable.get(key) === opening) this.#reusable.delete(key);
    };
    opening.then((connection) => connection.socket.once('close', forget), forget);
    const connection = await opening;
    connection.attach(session);
    return { connection, reused: false };
  }
}

function newSharing(clock: Clock, options: SharingOptions): Sharing {
  const newTurns = options.newTurns ?? (<Member>() => new FairRing<Member>(QUANTUM));
  const link = new Link(clock, options.bytesPerSecond, newTurns());
  return { weights: options.weights ?? WEIGHTS, newTurns, link };
}
