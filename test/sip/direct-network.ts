import dgram from 'node:dgram';
import net, { isIPv6 } from 'node:net';
import { ProviderError } from '../../protocols/contract/index.ts';
import { connectStream } from '../../protocols/sip/transport/connect-stream.ts';
import type { Flow, Network, NetworkEvents, Target } from '../../protocols/sip/transport/network.ts';
import { plainAddress, StreamFlow, type StreamFlowEvents } from '../../protocols/sip/transport/stream-flow.ts';
import { splitDatagram } from '../../protocols/sip/transport/udp-flow.ts';

export interface DirectNetworkOptions {
  /** Address to listen at. */
  host: string;
  /** 0: any free one. TCP and UDP get the same. */
  port: number;
  /** Address peers reach us at, for Via and Contact. Default: `host`. */
  advertisedHost?: string;
}

const CONNECT_TIMEOUT = 5_000;
const CONNECTIONS_MAXIMUM = 200;
/** Of one address, so that one machine cannot keep the others away. */
const CONNECTIONS_OF_ONE = 50;
const DEFAULT_PORT = 5060;

/**
 * Every peer on the local network and no server: one TCP and one UDP listener at the same port; requests go straight to
 * the host and port they name. Without a `transport` parameter TCP is used, since offers with files exceed a datagram.
 */
export class DirectNetwork implements Network {
  readonly #options: DirectNetworkOptions;
  #events: NetworkEvents | undefined;
  #listener: net.Server | undefined;
  #datagrams: dgram.Socket | undefined;
  #port = 0;
  readonly #outgoing = new Map<string, Promise<StreamFlow>>();
  readonly #flows = new Set<StreamFlow>();
  #aborter = new AbortController();

  constructor(options: DirectNetworkOptions) {
    this.#options = options;
  }

  get local(): Network['local'] {
    return this.#listener ? { protocol: 'TCP', address: this.#host, port: this.#port } : undefined;
  }

  get #host(): string {
    return this.#options.advertisedHost ?? this.#options.host;
  }

  async open(events: NetworkEvents): Promise<void> {
    await this.close();
    const aborter = new AbortController();
    this.#aborter = aborter;
    const { host } = this.#options;
    try {
      // a free TCP port may be taken for UDP: try another
      for (let attempt = 0; ; attempt++) {
        const listener = await listenTcp(host, this.#options.port, (socket) => this.#accept(socket));
        const { port } = listener.address() as net.AddressInfo;
        try {
          this.#datagrams = await listenUdp(host, port);
          this.#listener = listener;
          this.#port = port;
          break;
        } catch (error) {
          listener.close();
          if (this.#options.port !== 0 || attempt >= 9) throw error;
        }
      }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      throw new ProviderError('network', { protocolCode: code, retryable: true, cause: error });
    }
    this.#events = events;
    if (aborter.signal.aborted) {
      await this.close();
      throw new ProviderError('cancelled');
    }
    this.#listener.on('error', (error) => this.#down(error));
    this.#datagrams.on('error', (error) => this.#down(error));
    this.#datagrams.on('message', (datagram, from) => {
      const message = splitDatagram(datagram);
      if (message) this.#events?.message(this.#datagramFlow(from.address, from.port), message.head, message.body);
    });
  }

  async close(): Promise<void> {
    this.#events = undefined;
    this.#aborter.abort();
    const flows = [...this.#flows];
    for (const flow of flows) flow.close();
    this.#flows.clear();
    this.#outgoing.clear();
    const listener = this.#listener;
    const datagrams = this.#datagrams;
    this.#listener = undefined;
    this.#datagrams = undefined;
    await Promise.all([
      ...flows.map(({ over }) => over),
      new Promise<void>((resolve) => (listener ? listener.close(() => resolve()) : resolve())),
      new Promise<void>((resolve) => (datagrams ? datagrams.close(() => resolve()) : resolve())),
    ]);
  }

  async flowFor(target: Target, _bytes: number): Promise<Flow> {
    // whoever has left opens no new connections
    if (!this.#listener) throw new ProviderError('network', { retryable: true });
    const port = target.port ?? DEFAULT_PORT;
    if (target.transport === 'udp') return this.#datagramFlow(target.host, port);
    const key = `${target.host} ${port}`;
    const existing = this.#outgoing.get(key);
    if (existing) return existing;
    const opening = this.#connect(target.host, port, () => {
      if (this.#outgoing.get(key) === opening) this.#outgoing.delete(key);
    });
    this.#outgoing.set(key, opening);
    return opening;
  }

  probe(): void {
    // nothing is kept up here: a peer is connected to when there is something to send
  }

  async #connect(address: string, port: number, forget: () => void): Promise<StreamFlow> {
    const { signal } = this.#aborter;
    try {
      const socket = await connectStream({ address, port }, { timeout: CONNECT_TIMEOUT, signal });
      const flow = new StreamFlow(socket, 'TCP', this.#streamEvents(forget));
      this.#flows.add(flow);
      return flow;
    } catch (error) {
      forget();
      throw error;
    }
  }

  #accept(socket: net.Socket): void {
    const remote = plainAddress(socket.remoteAddress);
    const ofOne = [...this.#flows].filter((flow) => flow.remote.address === remote).length;
    if (!this.#events || this.#flows.size >= CONNECTIONS_MAXIMUM || ofOne >= CONNECTIONS_OF_ONE) {
      socket.on('error', () => {}).destroy();
      return;
    }
    this.#flows.add(new StreamFlow(socket, 'TCP', this.#streamEvents()));
  }

  #streamEvents(forget?: () => void): StreamFlowEvents {
    return {
      message: (flow, head, body) => this.#events?.message(flow, head, body),
      oversized: (flow, head) => this.#events?.oversized(flow, head),
      closed: (flow, error) => {
        this.#flows.delete(flow);
        forget?.();
        this.#events?.flowBroken(flow, error);
      },
    };
  }

  #datagramFlow(address: string, port: number): Flow {
    const socket = this.#datagrams;
    return {
      protocol: 'UDP',
      local: { address: this.#host, port: this.#port },
      remote: { address, port },
      open: socket !== undefined && socket === this.#datagrams,
      send: (bytes) =>
        new Promise((resolve, reject) => {
          if (!socket || socket !== this.#datagrams) return reject(new Error('socket is closed'));
          socket.send(bytes, port, address, (error) => (error ? reject(error) : resolve()));
        }),
    };
  }

  #down(error: Error): void {
    const events = this.#events;
    void this.close();
    events?.down(error);
  }
}

const listenTcp = (host: string, port: number, accept: (socket: net.Socket) => void): Promise<net.Server> =>
  new Promise((resolve, reject) => {
    const server = net.createServer(accept);
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.removeListener('error', reject);
      resolve(server);
    });
  });

const listenUdp = (host: string, port: number): Promise<dgram.Socket> =>
  new Promise((resolve, reject) => {
    const socket = dgram.createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', recvBufferSize: 1_048_576 });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind(port, host, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
