import type { Clock, Timer } from '../clock.ts';
import { MsrpError } from '../errors.ts';
import { type MsrpUri, parsePath, sameUri } from '../grammar/uri.ts';
import { type AuthRequest, authorizeAt, type RelayOptions } from './authorization.ts';

/** Part of a relay's grant after which it is asked for another. */
const REFRESH_AT = 0.8;

/** The relays of a session (RFC 4976), and the path they have granted. */
export class RelayPath {
  /** The one to connect to. */
  readonly first: MsrpUri;
  readonly #relays: readonly RelayOptions[];
  readonly #clock: Clock;
  #usePath: readonly MsrpUri[] = [];
  #timer: Timer | undefined;

  /** @throws MsrpError `invalid-option` (no relay, or one over plain TCP that was not allowed), `invalid-uri` */
  constructor(relays: readonly RelayOptions[], allowTcp: boolean, clock: Clock) {
    const [first] = relays.flatMap(({ uri }) => parsePath(uri));
    if (first === undefined) throw new MsrpError('invalid-option', 'No relay');
    // RFC 4976 §5.1: credentials and paths go over TLS only
    if (!first.secure && !allowTcp) throw new MsrpError('invalid-option', 'A relay without TLS');
    this.first = first;
    this.#relays = relays;
    this.#clock = clock;
  }

  /** Asks each relay for a path; `expiring` is called when it is time to ask again. */
  async ask(request: AuthRequest, cnonce: () => string, expiring: () => void): Promise<void> {
    this.stop();
    const { usePath, expires } = await authorizeAt(this.#relays, request, cnonce);
    this.#usePath = usePath;
    this.#timer = this.#clock.after(expires * REFRESH_AT * 1000, expiring);
  }

  /** RFC 4976 §5.1: what the peer is told. */
  inbound(own: MsrpUri): readonly MsrpUri[] {
    return [...this.#usePath].reverse().concat(own);
  }

  /** RFC 4976 §5.1: out through one's own relays, then the way the peer gave. */
  outbound(remotePath: readonly MsrpUri[]): readonly MsrpUri[] {
    return [...this.#usePath, ...remotePath];
  }

  /** What is the peer's of the way back that a request came with. */
  beyond(fromPath: readonly MsrpUri[]): readonly MsrpUri[] {
    const ours = this.#usePath.every((uri, at) => {
      const passed = fromPath[at];
      return passed !== undefined && sameUri(passed, uri);
    });
    return ours ? fromPath.slice(this.#usePath.length) : fromPath;
  }

  /** The path is of no use any more. */
  stop(): void {
    this.#timer?.cancel();
  }
}
