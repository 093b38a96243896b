import { isIP } from 'node:net';
import {
  answerSetup,
  fingerprintOf,
  MsrpEndpoint,
  MsrpError,
  type MsrpSession,
  offererRole,
  parsePath,
  parseUri,
  type Role,
  type SessionOptions,
  type TlsIdentity,
} from '../../../msrp/index.ts';
import { ProviderError, type ProviderLog } from '../../contract/index.ts';
import type { MsrpLine, Setup } from '../offers/msrp-line.ts';
import { addressesOf, addressMatches, namesPlace, plainHost } from './address-match.ts';
import { createCertificate } from './certificate.ts';
import { type RelayAccount, relayRefusal } from './relay.ts';

/** What an `m=message` line says about the way to its writer. */
export type MediaAddress = Pick<MsrpLine, 'port' | 'host' | 'secure' | 'path' | 'setup' | 'fingerprint' | 'cema'>;

/** Where we are for peers, and whether our signalling is encrypted. */
export interface MediaPlace {
  host: string;
  secure: boolean;
}

export interface MediaContext {
  now(): number;
  /** Undefined: sessions are direct. Asked for each line. */
  relay(): RelayAccount | undefined;
  log: ProviderLog;
  /** PEM authorities for a peer's relay, beside the system's. */
  certificateAuthorities: readonly string[];
  /**
   * Signalling proves each peer's identity: every line is TLS straight to the peer, by the fingerprints exchanged there (RFC 4975
   * §14.4), and any other is refused.
   */
  keyed?: boolean;
  /** Whether a line that a person wanted may connect to this IP address. Absent: it may. */
  mayConnect?: (address: string) => boolean;
}

type LineOptions = Omit<SessionOptions, 'matching'>;

const CERTIFICATE_AGE = 7 * 86_400_000;
/** A relay that has not answered by then is away; one of a peer's that has not connected to us by then never will. */
const RELAY_TIMEOUT = 8_000;

/**
 * The MSRP side of one account: makes the media lines of files and chats. RFC 4975 §5.4 lets sessions share a connection;
 * here each has an endpoint and a connection of its own: a disk that is slow for one file does not hold up another, and
 * none begins on a connection that the peer is just closing after the one before. One certificate serves them all.
 *
 * With a relay in the account, offers go through it: that works from behind any NAT. So do our answers to offers that come
 * through a relay; an offer of somebody who can be reached directly is answered directly, and there we connect. A relay
 * that is away is passed over, one that refuses us is an error.
 */
export class Media {
  readonly #context: MediaContext;
  #made: { identity: TlsIdentity; at: number } | undefined;
  readonly #lines = new Set<MediaLine>();
  /** Peers without a relay whom ours did not reach: some connect to other relays only. */
  readonly #unreached = new Set<string>();

  constructor(context: MediaContext) {
    this.#context = context;
  }

  /**
   * A line for an offer, its relay asked and its listener open. `peer`: who it is for, where `unreached` may be told.
   *
   * @throws ProviderError `credentials-rejected`, `tls-untrusted` (the relay); MsrpError `listen-failed`
   * @example
   * const line = await media.offer({ host, secure }, { accept });
   * // line.address goes into the offer, and with the address in the answer:
   * await line.start(answered, { timeout: 20_000 });
   */
  async offer(place: MediaPlace, options: LineOptions, peer = ''): Promise<MediaLine> {
    const direct = this.#unreached.has(peer);
    const relayed = direct ? undefined : await this.#behindRelay(place.host, undefined, options);
    const line = relayed ?? (await this.#direct(place, 'passive', options));
    // RFC 6135 §4.2.2: never passive in an offer
    return this.#keep(line, undefined, { setup: 'actpass', cema: true }, () => {
      // where neither way does, they take turns
      if (direct) this.#unreached.delete(peer);
      else if (relayed) this.#unreached.add(peer);
    });
  }

  /**
   * A line for the answer to `offered`.
   *
   * @throws as `offer`, and ProviderError `not-supported` with the code 488 (the offer must be refused)
   */
  async answer(host: string, offered: MediaAddress, options: LineOptions): Promise<MediaLine> {
    if (this.#context.keyed) requireFingerprint(offered);
    const throughRelay = offered.path.length > 1;
    // a middlebox that knows no CEMA has changed it: nobody can connect by its path, though its writer may well connect here
    const changed = offered.cema !== true && !(await addressMatches(offered));
    // RFC 6135 §4.2.2: passive unless we cannot be reached; who needs a relay cannot, but then the offerer can
    const role = answerSetup(offered.setup, throughRelay || changed || this.#context.relay() === undefined);
    // RFC 6714 §4.3
    if (changed && role === 'active') throw new ProviderError('not-supported', { protocolCode: 488 });
    const relayed = throughRelay || changed ? await this.#behindRelay(host, offered.secure, options) : undefined;
    const line = relayed ?? (await this.#direct({ host, secure: offered.secure }, role, options));
    // RFC 6714 §4.3: not with relays on both sides, nor when the other side's relay is to connect here
    const cema =
      offered.cema === true && !relayed && !(throughRelay && role === 'passive' && offered.setup === 'active');
    return this.#keep(line, offered, { setup: role, cema });
  }

  /** Whether the answer to `offered` could make us connect to where it says (as `answer` decides). */
  connects({ setup, path }: Pick<MediaAddress, 'setup' | 'path'>): boolean {
    return setup === 'passive' || (setup === 'actpass' && path.length === 1 && this.#context.relay() !== undefined);
  }

  /** Every line ends at once. */
  close(): void {
    for (const line of this.#lines) line.end();
  }

  /** A program may run for months, and its clock may be set: a certificate is used for a few days of the thirty it is valid. */
  get #identity(): TlsIdentity {
    const now = this.#context.now();
    if (!this.#made || Math.abs(now - this.#made.at) > CERTIFICATE_AGE) {
      this.#made = { identity: createCertificate(now), at: now };
    }
    return this.#made.identity;
  }

  #keep(
    raw: RawLine,
    offered: MediaAddress | undefined,
    facts: { setup: Setup; cema: boolean },
    unreached: () => void = () => {},
  ): MediaLine {
    const { certificateAuthorities, keyed = false, mayConnect } = this.#context;
    const fingerprint = raw.secure && raw.identity ? fingerprintOf(raw.identity.cert) : undefined;
    const line = new MediaLine({
      ...raw,
      ...facts,
      offered,
      fingerprint,
      certificateAuthorities,
      keyed,
      mayConnect,
      unreached,
      left: () => this.#lines.delete(line),
    });
    this.#lines.add(line);
    return line;
  }

  async #direct({ host, secure }: MediaPlace, role: Role, options: LineOptions): Promise<RawLine> {
    const identity = this.#identity;
    const endpoint = new MsrpEndpoint({ identity });
    // RFC 6714 §5: whatever stands in between may rewrite addresses, never session ids
    const matching = 'session-id';
    if (role === 'active') {
      const session = endpoint.createSession({ ...options, matching, host, secure });
      return { endpoint, session, identity, secure, relayed: false };
    }
    try {
      const listener = await endpoint.listen({ host, ...(secure ? { tls: identity } : {}) });
      return {
        endpoint,
        session: endpoint.createSession({ ...options, matching, listener }),
        identity,
        secure,
        relayed: false,
      };
    } catch (error) {
      endpoint.close();
      throw error;
    }
  }

  /** Undefined: there is no relay, it is away, or it does not speak as the other side needs it (`secure`). */
  async #behindRelay(host: string, secure: boolean | undefined, options: LineOptions): Promise<RawLine | undefined> {
    const relay = this.#context.relay();
    if (!relay) return undefined;
    try {
      const credentials = await relay.credentials();
      for (const { uri, trust } of await relay.locate()) {
        const first = parseUri(uri);
        // RFC 4975 §14.4: one scheme on the whole path
        if (!credentials || (secure !== undefined && first.secure !== secure)) return undefined;
        const line = await this.#asked(host, { uri, ...credentials }, trust, options);
        if (line) return line;
      }
    } catch (error) {
      const refusal = relayRefusal(error);
      if (refusal) throw refusal;
    }
    this.#context.log('warn', 'relay-away');
    return undefined;
  }

  async #asked(
    host: string,
    relay: Parameters<MsrpSession['connectRelays']>[0][number],
    trust: NonNullable<Parameters<MsrpSession['connectRelays']>[1]>,
    options: LineOptions,
  ): Promise<RawLine | undefined> {
    const { secure } = parseUri(relay.uri);
    // RFC 4976 §9.2: relays are shown no certificate, so the endpoint has none
    const endpoint = new MsrpEndpoint();
    const session = endpoint.createSession({ ...options, matching: 'session-id', host, secure });
    const late = new AbortController();
    const timer = setTimeout(() => {
      late.abort();
      session.abort(new MsrpError('transaction-timeout', 'The relay did not answer in time'));
    }, RELAY_TIMEOUT);
    try {
      await session.connectRelays([relay], { ...trust, signal: late.signal });
      return { endpoint, session, secure, relayed: true };
    } catch (error) {
      endpoint.close();
      if (relayRefusal(error)) throw error;
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

const requireFingerprint = ({ secure, fingerprint, path }: MediaAddress): void => {
  if (!secure || fingerprint === undefined || path.length !== 1)
    throw new ProviderError('not-supported', { protocolCode: 488 });
};

interface RawLine {
  endpoint: MsrpEndpoint;
  session: MsrpSession;
  /** Who we are to the other end; relays are shown no certificate. */
  identity?: TlsIdentity;
  secure: boolean;
  /** By a relay of ours. */
  relayed: boolean;
}

interface MadeLine extends RawLine {
  /** What is answered; undefined: this is an offer. */
  offered: MediaAddress | undefined;
  /** Ours. */
  setup: Setup;
  cema: boolean;
  fingerprint: string | undefined;
  certificateAuthorities: readonly string[];
  keyed: boolean;
  mayConnect: ((address: string) => boolean) | undefined;
  unreached(): void;
  left(): void;
}

export interface StartLineOptions {
  timeout: number;
  signal: AbortSignal;
  survives?: boolean;
  /** Whether the line may connect to this IP address, where no person has wanted it. Without it that of the account counts. */
  mayConnect?: ((address: string) => boolean) | undefined;
  again?: (address: MediaAddress) => Promise<MediaAddress | undefined>;
}

/** One MSRP session and what the description says of it, from before the offer or answer until `leave`. */
export class MediaLine {
  readonly session: MsrpSession;
  readonly #made: MadeLine;
  #cema: boolean;
  #remotePath = '';
  #relayed: boolean;
  #toPeer = false;
  #connects = false;
  #mayConnect: ((address: string) => boolean) | undefined;

  constructor(made: MadeLine) {
    this.session = made.session;
    this.#made = made;
    this.#cema = made.cema;
    this.#relayed = made.relayed || (made.offered?.path.length ?? 1) > 1;
  }

  /** For our media line, with the path our relay has given last. */
  get address(): MediaAddress {
    const { session, secure, relayed, setup, fingerprint } = this.#made;
    const path = session.localPath.split(' ');
    const first = parseUri(path[0] ?? session.localPath);
    return {
      // RFC 6714 §4.2: with a relay, its address stands in the c= and m= lines
      ...(relayed ? { host: first.host } : {}),
      port: first.port ?? 9,
      secure,
      path,
      setup,
      ...(fingerprint !== undefined ? { fingerprint } : {}),
      ...(this.#cema ? { cema: true } : {}),
    };
  }

  /** A relay of either side is in between: frames must be small, and a 200 speaks for the relay only. Final after `start`. */
  get relayed(): boolean {
    return this.#relayed;
  }

  /**
   * Connects, or waits to be connected to. `remote`: the address in the answer (offerer) or the offer (answerer).
   * `survives`: the session goes on after the connection to our relay was lost, see `update`; without it that is its end.
   * `again` offers the address of ours it is given, and resolves to the one in the answer, undefined when it is refused.
   *
   * @throws MsrpError as `MsrpSession.start`; ProviderError `not-supported` (`again` was refused), `policy` (`mayConnect`)
   */
  async start(answered: MediaAddress, options: StartLineOptions): Promise<void> {
    const remote = await this.#plain(answered, options.again);
    if (this.#made.keyed) requireFingerprint(remote);
    const { timeout, signal, survives = false } = options;
    const { setup, certificateAuthorities, relayed } = this.#made;
    const role = setup === 'actpass' ? offererRole(setup, remote.setup) : setup;
    const theirRelay = remote.path.length > 1;
    this.#toPeer = !theirRelay;
    this.#relayed = relayed || theirRelay;
    if (!survives) {
      this.session.onStateChange((state) => {
        if (state.name === 'reconnecting') this.session.abort(state.cause);
      });
    }
    this.#remotePath = remote.path.join(' ');
    this.#connects = role === 'active' && !relayed;
    this.#mayConnect = options.mayConnect ?? this.#made.mayConnect;
    const address = await this.#target(remote);
    await this.session.start({
      remotePath: this.#remotePath,
      role,
      // RFC 8122 speaks of the peer itself; a relay in between has a certificate of its own
      ...(remote.fingerprint !== undefined && !this.#relayed ? { fingerprints: [remote.fingerprint] } : {}),
      ...(address ? { address } : {}),
      ca: certificateAuthorities,
      // a peer's relay is told to connect at once, and some connect to other relays only: then the offer comes again directly
      timeout: theirRelay && !relayed && role === 'passive' ? Math.min(timeout, RELAY_TIMEOUT) : timeout,
      signal,
    });
  }

  /** This side connects, and not by way of a relay of ours. Known after `start`. */
  get connects(): boolean {
    return this.#connects;
  }

  /**
   * Where to connect, when that is not simply the path. A name is looked up once, and what was looked at is connected to: it may
   * lead inside, and somewhere else each time.
   */
  async #target(remote: MediaAddress): Promise<{ host: string; port: number } | undefined> {
    const anchored = this.#anchored(remote);
    const [first] = parsePath(remote.path.join(' '));
    const host = anchored ? (remote.host ?? '') : (first?.host ?? '');
    const port = anchored ? remote.port : (first?.port ?? 2855);
    const mayConnect = this.#mayConnect;
    if (!this.#connects || !mayConnect) return anchored ? { host, port } : undefined;
    const addresses = await addressesOf(host);
    if (addresses.some((address) => !mayConnect(address))) throw new ProviderError('policy');
    return { host: addresses[0] ?? host, port };
  }

  /**
   * RFC 6714 §4.2: an answer without CEMA in whose c= and m= lines something in between has put its own address cannot be used
   * where the connection would not be made to that: who has done so gets the chance to take part in MSRP itself (§6.2).
   */
  async #plain(answer: MediaAddress, again: StartLineOptions['again']): Promise<MediaAddress> {
    const { offered, setup, relayed } = this.#made;
    if (!again || offered || answer.cema === true || (await addressMatches(answer))) return answer;
    const passive = setup === 'actpass' && offererRole(setup, answer.setup) === 'passive';
    if (!relayed && answer.path.length === 1 && !passive) return answer;
    // and from here on connections are made by the path (RFC 4975)
    this.#cema = false;
    const plain = await again(this.address);
    if (!plain) throw new ProviderError('not-supported', { protocolCode: 488 });
    return plain;
  }

  /** Takes the path of another description of the peer's, where that leaves the connection as it is. */
  follow(remote: MediaAddress): void {
    const path = remote.path.join(' ');
    if (path === this.#remotePath || this.#made.setup !== 'passive') return;
    try {
      this.update(remote, 'passive');
      this.#remotePath = path;
    } catch {
      // it is not under way, or the path cannot be read
    }
  }

  /**
   * The two sides have described themselves again, one of them with another path. `role`: who binds.
   *
   * @throws MsrpError as `MsrpSession.update`; ProviderError `policy`
   */
  update(remote: MediaAddress, role: Role): void {
    if (role === 'active' && !this.#made.relayed && this.#mayConnect) {
      const host = plainHost(parsePath(remote.path.join(' '))[0]?.host ?? '');
      // a name takes another line, for which it is looked up
      if (isIP(host) === 0 || !this.#mayConnect(host)) throw new ProviderError('policy');
    }
    this.session.update({ remotePath: remote.path.join(' '), role });
  }

  /** Nothing came back over this line: where our relay was to connect to the peer itself, the next one is direct. */
  unreached(): void {
    if (this.#toPeer) this.#made.unreached();
  }

  /** Waits for what is being sent, then lets go of everything. Never rejects. */
  async leave(): Promise<void> {
    if (this.session.state.name === 'bound') await this.session.close();
    this.end();
  }

  /** Lets go of everything at once. */
  end(): void {
    this.session.abort();
    this.#made.endpoint.close();
    this.#made.left();
  }

  /**
   * RFC 6714 §4.2, §4.3: who connects takes the address of c= and m=, where both sides know what that means. An offerer
   * without a relay does so even where the answerer does not.
   */
  #anchored(remote: MediaAddress): boolean {
    if (!this.#cema || !namesPlace(remote) || remote.path.length > 1) return false;
    return remote.cema === true || (this.#made.offered === undefined && !this.#made.relayed);
  }
}
