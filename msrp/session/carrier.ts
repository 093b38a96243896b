import type { ConnectedSession, Connection } from '../connection/connection.ts';
import { checkFingerprint } from '../connection/opening/tls.ts';
import { MsrpError } from '../errors.ts';
import type { ResponseHead } from '../framing/head.ts';
import type { HeaderField } from '../grammar/headers.ts';
import type { MsrpUri } from '../grammar/uri.ts';
import type { ConnectionWishes } from './options.ts';
import { OwnRequests, type RequestBody } from './own-requests.ts';
import type { SessionPaths } from './paths.ts';
import type { SessionContext } from './session-context.ts';

/** The connection a session lives on (RFC 4975 §5.4), and the requests on it that are no messages. */
export class Carrier {
  /** Of the peer, if its description had any. */
  fingerprints: readonly string[] | undefined;
  readonly #context: SessionContext;
  readonly #port: ConnectedSession;
  readonly #paths: SessionPaths;
  readonly #over: () => boolean;
  readonly #requests: OwnRequests;
  #connection: Connection | undefined;
  /** Nothing but the first request has been sent on a connection that was there before: it may be sent on another. */
  #movable = false;

  /** `over`: the session is closed. */
  constructor(context: SessionContext, port: ConnectedSession, paths: SessionPaths, over: () => boolean) {
    this.#context = context;
    this.#port = port;
    this.#paths = paths;
    this.#over = over;
    this.#requests = new OwnRequests(() => context.identifiers.transaction());
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** The peer's first request came by this connection. @throws MsrpError `fingerprint-mismatch` */
  adopt(connection: Connection): void {
    this.check(connection);
    this.#connection = connection;
    connection.attach(this.#port);
  }

  /** @throws MsrpError `fingerprint-mismatch` */
  check(connection: Connection): void {
    if (this.fingerprints !== undefined) checkFingerprint(connection.socket, this.fingerprints);
  }

  /** There is no connection any more. Returns false where another takes its place by itself. */
  lost(cause: MsrpError): boolean {
    this.#connection = undefined;
    return !this.#movable || cause.code !== 'connection-lost';
  }

  leave(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.detach(this.#port);
  }

  /**
   * Becomes part of a connection and does there what comes first. Where the connection was in use before, the peer may
   * close it at that very moment: then the same goes over a fresh one, as nothing else has been sent by this session.
   */
  async join(
    target: MsrpUri,
    wishes: ConnectionWishes,
    first: (connection: Connection) => Promise<void>,
  ): Promise<void> {
    for (;;) {
      const { connection, reused } = await this.#context.connect(target, wishes, this.#port);
      if (this.#over()) {
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
        if (!reused || !lost || this.#over()) throw error;
      } finally {
        this.#movable = false;
      }
    }
  }

  /** RFC 4975 §5.4: the first SEND binds the connection to the session; without content it has no body. */
  async bind(connection: Connection): Promise<void> {
    this.check(connection);
    const { status } = await this.sendEmpty(connection);
    if (status >= 300) throw new MsrpError('bind-refused', 'The peer refused the session', { status });
  }

  sendEmpty(connection: Connection): Promise<ResponseHead> {
    return this.request(connection, 'SEND', [
      ['Message-ID', this.#context.identifiers.message()],
      ['Byte-Range', '1-0/0'],
    ]);
  }

  /** Rejects with `MsrpError` if no response comes, or the request cannot be written. */
  request(
    connection: Connection,
    method: string,
    fields: readonly HeaderField[],
    { toPath = this.#paths.to, body }: { readonly toPath?: string; readonly body?: RequestBody | undefined } = {},
  ): Promise<ResponseHead> {
    return this.#requests.send(connection, { method, toPath, fromPath: this.#paths.own, fields, body });
  }

  /** The session is over: no response is waited for. */
  fail(error: MsrpError): void {
    this.#requests.fail(error);
  }
}
