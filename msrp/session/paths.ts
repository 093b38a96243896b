import { formatPath, formatUri, type MsrpUri, sameUri } from '../grammar/uri.ts';
import type { RelayPath } from '../relay/relay-path.ts';

/** The two paths of a session, the relays of this side in them. */
export class SessionPaths {
  /** This side's own URI. */
  readonly own: string;
  readonly #uri: MsrpUri;
  readonly #matching: 'uri' | 'session-id';
  #relays: RelayPath | undefined;
  #local: string;
  #known = '';
  #remote: readonly MsrpUri[] | undefined;
  #to = '';

  constructor(uri: MsrpUri, matching: 'uri' | 'session-id') {
    this.#uri = uri;
    this.own = formatUri(uri);
    this.#local = this.own;
    this.#matching = matching;
  }

  /** What the peer is to be told. */
  get local(): string {
    return this.#local;
  }

  /** Of the peer, as its description or its first request had it. */
  get remote(): readonly MsrpUri[] | undefined {
    return this.#remote;
  }

  /** Value of To-Path. */
  get to(): string {
    return this.#to;
  }

  /** Somebody else than the peer answers what is sent. */
  get relayed(): boolean {
    return this.#to.includes(' ');
  }

  /** The peer knows this side by another path than the one there is now. */
  get outdated(): boolean {
    return this.#known !== this.#local;
  }

  /** The peer knows the path there is now. */
  told(): void {
    this.#known = this.#local;
  }

  /** Relays have granted a path. Returns whether it is another than before. */
  lead(relays: RelayPath): boolean {
    const before = this.#local;
    this.#relays = relays;
    this.#local = formatPath(relays.inbound(this.#uri));
    if (this.#remote !== undefined) this.agreeOn(this.#remote);
    return this.#local !== before;
  }

  agreeOn(remote: readonly MsrpUri[] | undefined): void {
    this.#remote = remote;
    this.#to = formatPath(this.#relays?.outbound(remote ?? []) ?? remote ?? []);
  }

  /** The peer's path as a request that reached this side shows it. */
  learn(from: readonly MsrpUri[]): void {
    this.agreeOn(this.#relays?.beyond(from) ?? from);
  }

  isOwn(to: MsrpUri): boolean {
    return this.matches(to, this.#uri);
  }

  /** Whether a request with this From-Path may be the peer's; anybody's while the peer is not known. */
  mayBePeer(from: readonly MsrpUri[]): boolean {
    return this.#remote === undefined || this.matches(from.at(-1), this.#remote.at(-1));
  }

  matches(a: MsrpUri | undefined, b: MsrpUri | undefined): boolean {
    if (a === undefined || b === undefined) return false;
    return this.#matching === 'session-id' ? a.sessionId === b.sessionId : sameUri(a, b);
  }

  /** RFC 4975 §5.4: whether the connection to the peer there is leads to this path, too: same host, port and scheme. */
  leadsTo(path: readonly MsrpUri[]): boolean {
    const [now] = this.#remote ?? [];
    const [next] = path;
    if (this.#relays !== undefined) return true;
    return (
      now !== undefined &&
      next !== undefined &&
      sameUri({ ...now, sessionId: undefined }, { ...next, sessionId: undefined })
    );
  }
}
