import type { Clock } from '../clock.ts';
import { MsrpError } from '../errors.ts';
import type { MsrpUri } from '../grammar/uri.ts';
import type { ConnectionWishes, RelayTrust } from '../session/options.ts';
import { unawaited } from '../unawaited.ts';
import type { AuthRequest, RelayOptions } from './authorization.ts';
import { Reconnection, worthTrying } from './reconnection.ts';
import { RelayPath } from './relay-path.ts';

/** What the way through relays needs from its session. */
interface RelayLinkContext {
  readonly clock: Clock;
  readonly random: () => number;
  readonly cnonce: () => string;
  /** Sends an AUTH over the connection there is. */
  readonly request: AuthRequest;
  /** Connects to the first relay and does there what comes first. */
  readonly join: (first: MsrpUri, wishes: ConnectionWishes, then: () => Promise<void>) => Promise<void>;
  /** Lets go of the connection there is. */
  readonly leave: () => void;
  /** A path was granted; `inUse`: the connection is the one there was before. */
  readonly granted: (inUse: boolean) => void;
  /** The relay was connected to again, and has granted a path. */
  readonly rejoined: () => Promise<void>;
  /** Returns what is to be told of an AUTH that failed, as things are now. */
  readonly watch: () => (error: unknown) => void;
  /** The session waits for the connection. */
  readonly reconnecting: () => boolean;
  readonly failed: (error: unknown) => void;
}

/** The connection to the first relay, for as long as the session stands, and the path behind it (RFC 4976). */
export class RelayLink {
  readonly path: RelayPath;
  readonly #trust: RelayTrust;
  readonly #context: RelayLinkContext;
  readonly #reconnection: Reconnection;

  /** @throws MsrpError `invalid-option`, `invalid-uri` */
  constructor(relays: readonly RelayOptions[], trust: RelayTrust, context: RelayLinkContext) {
    this.path = new RelayPath(relays, trust.allowTcp === true, context.clock);
    this.#trust = trust;
    this.#context = context;
    this.#reconnection = new Reconnection(context.clock, context.random);
  }

  async connect(): Promise<void> {
    await this.#context.join(this.path.first, this.#trust, () => this.#ask(false));
  }

  /** The connection has been of use. */
  settled(): void {
    this.#reconnection.succeeded();
  }

  /** Connects again. RFC 4976 §6.3: the path of a lost connection is worth nothing, so each relay is asked again. */
  lost(cause: MsrpError): void {
    this.#reconnection.lost();
    this.#reconnect(cause);
  }

  /** Asks for nothing any more. */
  stop(): void {
    this.path.stop();
    this.#reconnection.stop();
  }

  #reconnect(cause: MsrpError): void {
    if (!this.#reconnection.next((signal) => this.#attempt(signal))) this.#context.failed(cause);
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { join, rejoined, reconnecting, leave, failed } = this.#context;
    try {
      // whoever called off the first connection has nothing to do with this one
      await join(this.path.first, { ...this.#trust, signal }, () => this.#ask(false));
      await rejoined();
    } catch (error) {
      if (!reconnecting()) return;
      this.path.stop();
      leave();
      if (error instanceof MsrpError && worthTrying(error)) this.#reconnect(error);
      else failed(error);
    }
  }

  async #ask(inUse: boolean): Promise<void> {
    const { request, cnonce, granted } = this.#context;
    await this.path.ask(request, cnonce, () => unawaited(this.#askAgain()));
    granted(inUse);
  }

  async #askAgain(): Promise<void> {
    const failed = this.#context.watch();
    try {
      await this.#ask(true);
    } catch (error) {
      failed(error);
    }
  }
}
