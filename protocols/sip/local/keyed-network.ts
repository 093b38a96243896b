import type { X509Certificate } from 'node:crypto';
import net from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import { ProviderError } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import { connectStream } from '../transport/connect-stream.ts';
import type { Flow, Network, NetworkEvents, Target } from '../transport/network.ts';
import { plainAddress, StreamFlow, type StreamFlowEvents } from '../transport/stream-flow.ts';
import { addressOfInstance, instanceOfKey, isInstanceId } from './identity/instance.ts';
import type { OwnKey } from './identity/own-key.ts';
import { refusePlainSip } from './plain-sip.ts';

export interface KeyedNetworkOptions {
  key: OwnKey;
  /** Address to listen at; the port is any free one. */
  host: string;
  /** Address peers reach us at, for Via and Contact. Default: `host`. */
  advertisedHost?: string;
  /** Where the peer with an id listens now; undefined while that is not known. */
  whereIs: (id: string) => { host: string; port: number } | undefined;
  now: () => number;
  /** ms within which who connects has to show its key. Default: 10 s. */
  handshakeWithin?: number;
}

const CONNECT_TIMEOUT = 5_000;
const HANDSHAKE_TIMEOUT = 10_000;
const CONNECTIONS_MAXIMUM = 200;
/** Of one address, so that one machine cannot keep the others away. */
const CONNECTIONS_OF_ONE = 50;
const KEYS_REMEMBERED = 1_000;
/** RFC 8446 §5.1: the first octet of every TLS connection, and of no SIP message. */
const HANDSHAKE_RECORD = 0x16;

/**
 * Every peer on the local network and no server, over TLS with a certificate on each side. Names and addresses in the
 * certificates say nothing: the hash of the public key is the id, and a connection on which the key of the wanted id is not
 * shown is closed before a byte of ours is on it. Each flow carries the address its key stands for (`Flow.peer`).
 *
 * Only peers are connected to, by their id: what hosts a Contact, Record-Route or Via names is nothing to go by.
 */
export class KeyedNetwork implements Network {
  readonly #options: KeyedNetworkOptions;
  #events: NetworkEvents | undefined;
  #listener: net.Server | undefined;
  #certificate: { cert: string; key: string } | undefined;
  readonly #outgoing = new Map<string, Promise<StreamFlow>>();
  readonly #flows = new Set<StreamFlow>();
  /** Connections on which no key has been shown yet. */
  readonly #unproven = new Set<net.Socket>();
  /** Public keys seen, by id. */
  readonly #keys = new Map<string, Buffer>();
  #aborter = new AbortController();

  constructor(options: KeyedNetworkOptions) {
    this.#options = options;
  }

  get #handshakeWithin(): number {
    return this.#options.handshakeWithin ?? HANDSHAKE_TIMEOUT;
  }

  get local(): Network['local'] {
    const address = this.#listener?.address() as net.AddressInfo | null | undefined;
    const { host, advertisedHost = host } = this.#options;
    return address ? { protocol: 'TLS', address: advertisedHost, port: address.port } : undefined;
  }

  /** The public key behind an id (DER), once a connection has shown it. */
  keyOf(id: string): Buffer | undefined {
    return this.#keys.get(id);
  }

  async open(events: NetworkEvents): Promise<void> {
    await this.close();
    const { host, key, now } = this.#options;
    const aborter = new AbortController();
    this.#aborter = aborter;
    const certificate = key.certificate(now());
    const secured = tls.createServer(
      { ...tlsOptions(certificate), requestCert: true, handshakeTimeout: this.#handshakeWithin },
      (socket) => this.#proven(socket),
    );
    secured.on('tlsClientError', (_error: Error, socket: TLSSocket) => socket.destroy());
    const listener = await listen(host, (socket) => this.#accept(socket, secured));
    this.#certificate = certificate;
    this.#events = events;
    this.#listener = listener;
    if (aborter.signal.aborted) {
      await this.close();
      throw new ProviderError('cancelled');
    }
    listener.on('error', (error) => this.#down(error));
  }

  async close(): Promise<void> {
    this.#events = undefined;
    this.#aborter.abort();
    const flows = [...this.#flows];
    for (const flow of flows) flow.close();
    for (const socket of this.#unproven) socket.destroy();
    this.#flows.clear();
    this.#outgoing.clear();
    const listener = this.#listener;
    this.#listener = undefined;
    await Promise.all([
      ...flows.map(({ over }) => over),
      new Promise<void>((resolve) => (listener ? listener.close(() => resolve()) : resolve())),
    ]);
  }

  async flowFor({ user = '', host, port }: Target, _bytes: number): Promise<Flow> {
    // whoever has left opens no new connections
    if (!this.#listener) throw new ProviderError('network', { retryable: true });
    const place = isInstanceId(user) ? this.#options.whereIs(user) : undefined;
    const there = place && this.#outgoing.get(keyOfPlace(user, place));
    if (there) return there;
    const asked = place?.host === host && place.port === port;
    const open = asked ? undefined : this.#flowOf(user);
    if (open) return open;
    if (!place) throw new ProviderError('peer-offline', { retryable: true });
    return this.#connect(user, place);
  }

  /** Whether who listens there has the key of the id, wherever the id is seen now. Never rejects. */
  proves(id: string, place: { host: string; port: number }): Promise<boolean> {
    if (!this.#listener) return Promise.resolve(false);
    const flow = this.#outgoing.get(keyOfPlace(id, place)) ?? this.#connect(id, place);
    return flow.then(
      () => true,
      () => false,
    );
  }

  probe(): void {
    // nothing is kept up here: a peer is connected to when there is something to send
  }

  #flowOf(id: string): StreamFlow | undefined {
    const peer = addressOfInstance(id);
    return [...this.#flows].find((flow) => flow.open && flow.peer === peer);
  }

  #connect(id: string, place: { host: string; port: number }): Promise<StreamFlow> {
    const key = keyOfPlace(id, place);
    const opening = this.#opened(id, place, () => {
      if (this.#outgoing.get(key) === opening) this.#outgoing.delete(key);
    });
    this.#outgoing.set(key, opening);
    return opening;
  }

  async #opened(id: string, place: { host: string; port: number }, forget: () => void): Promise<StreamFlow> {
    const { signal } = this.#aborter;
    const certificate = this.#certificate ?? this.#options.key.certificate(this.#options.now());
    try {
      const socket = await connectStream(
        {
          address: place.host,
          port: place.port,
          security: {
            options: tlsOptions(certificate),
            refusalOf: (connected) =>
              this.#idOf(connected) === id ? undefined : new ProviderError('unreachable', { retryable: true }),
          },
        },
        { timeout: CONNECT_TIMEOUT, signal },
      );
      return this.#keep(socket, id, forget);
    } catch (error) {
      forget();
      throw error;
    }
  }

  #accept(socket: net.Socket, secured: tls.Server): void {
    const remote = plainAddress(socket.remoteAddress);
    const ofOne = [
      ...[...this.#flows].map((flow) => flow.remote.address),
      ...[...this.#unproven].map((other) => plainAddress(other.remoteAddress)),
    ].filter((address) => address === remote).length;
    const all = this.#flows.size + this.#unproven.size;
    socket.on('error', () => {});
    if (!this.#events || all >= CONNECTIONS_MAXIMUM || ofOne >= CONNECTIONS_OF_ONE) {
      socket.destroy();
      return;
    }
    this.#unproven.add(socket);
    const late = setTimeout(() => socket.destroy(), this.#handshakeWithin);
    socket.once('close', () => {
      clearTimeout(late);
      this.#unproven.delete(socket);
    });
    socket.once('data', (first: Buffer) => {
      clearTimeout(late);
      socket.pause();
      socket.unshift(first);
      if (first[0] === HANDSHAKE_RECORD) secured.emit('connection', socket);
      else refusePlainSip(socket, this.#handshakeWithin);
    });
  }

  #proven(socket: TLSSocket): void {
    const id = this.#idOf(socket);
    for (const raw of this.#unproven) {
      if (raw.remotePort === socket.remotePort && raw.remoteAddress === socket.remoteAddress)
        this.#unproven.delete(raw);
    }
    if (id === undefined || !this.#events) socket.on('error', () => {}).destroy();
    else this.#keep(socket, id);
  }

  #keep(socket: net.Socket, id: string, forget?: () => void): StreamFlow {
    const events: StreamFlowEvents = {
      message: (flow, head, body) => this.#events?.message(flow, head, body),
      oversized: (flow, head) => this.#events?.oversized(flow, head),
      closed: (flow, error) => {
        this.#flows.delete(flow);
        forget?.();
        this.#events?.flowBroken(flow, error);
      },
    };
    const flow = new StreamFlow(socket, 'TLS', events, { peer: addressOfInstance(id) });
    this.#flows.add(flow);
    return flow;
  }

  /** The id the other end has proven; undefined when it has shown no certificate. */
  #idOf(socket: TLSSocket): string | undefined {
    // missing in the types: undefined without a certificate
    const certificate = socket.getPeerX509Certificate() as X509Certificate | undefined;
    try {
      const key = certificate?.publicKey.export({ type: 'spki', format: 'der' });
      if (!key) return undefined;
      const id = instanceOfKey(key);
      this.#keys.delete(id);
      this.#keys.set(id, key);
      const [oldest] = this.#keys.keys();
      if (this.#keys.size > KEYS_REMEMBERED && oldest !== undefined) this.#keys.delete(oldest);
      return id;
    } catch {
      // a key of a kind that is not known here
      return undefined;
    }
  }

  #down(error: Error): void {
    const events = this.#events;
    unawaited(this.close());
    events?.down(error);
  }
}

const keyOfPlace = (id: string, { host, port }: { host: string; port: number }): string => `${id} ${host} ${port}`;

const tlsOptions = ({ cert, key }: { cert: string; key: string }) =>
  ({
    cert,
    key,
    minVersion: 'TLSv1.3',
    // certificates are of the peers' own making: the key in them is compared with the id
    rejectUnauthorized: false,
  }) as const;

const listen = (host: string, accept: (socket: net.Socket) => void): Promise<net.Server> =>
  new Promise((resolve, reject) => {
    const server = net.createServer(accept);
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ProviderError('network', { protocolCode: error.code, retryable: true, cause: error })),
    );
    server.listen({ host, port: 0 }, () => {
      server.removeAllListeners('error');
      resolve(server);
    });
  });
