import dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import { ProviderError } from '../../contract/index.ts';
import type { Flow, FlowProtocol } from './network.ts';
import { FRAMER_LIMITS } from './wire/message-framer.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const CRLF = Buffer.from('\r\n');
/** Holds the binding in a NAT (RFC 5626 §4.4.2 has STUN for it; a CRLF is what servers ignore gladly). */
const HOLD_INTERVAL = 25_000;

/** Splits one datagram. Undefined when it is a keep-alive or no message. */
export const splitDatagram = (datagram: Buffer): { head: string; body: Buffer } | undefined => {
  const end = datagram.indexOf(HEAD_END);
  if (end <= 0 || end > FRAMER_LIMITS.headBytes) return undefined;
  const head = datagram.toString('utf8', 0, end);
  const length = /\r\n(?:content-length|l)[ \t]*:(?:[ \t]|\r\n[ \t])*(\d+)/i.exec(head)?.[1];
  const rest = datagram.subarray(end + 4);
  // RFC 3261 §18.3: what is beyond the body is discarded
  return { head, body: length === undefined ? rest : rest.subarray(0, Number(length)) };
};

export interface UdpFlowEvents {
  /** `flow` is another one when it came from elsewhere than we send to. */
  message(flow: Flow, head: string, body: Buffer): void;
  closed(flow: UdpFlow, error: Error): void;
}

/**
 * A UDP socket towards one server. It is connected, so that the system tells us when nobody listens there (ICMP). The nodes
 * of a cluster may answer from another address or port than was asked, which a connected socket never hears: a second
 * socket at the same local port does, and what comes there is marked as a stranger's.
 */
export class UdpFlow implements Flow {
  readonly protocol: FlowProtocol = 'UDP';
  readonly local: { address: string; port: number };
  readonly remote: { address: string; port: number };
  readonly #socket: dgram.Socket;
  readonly #events: UdpFlowEvents;
  #others: dgram.Socket | undefined;
  readonly #holdTimer: NodeJS.Timeout;
  #open = true;

  private constructor(socket: dgram.Socket, remote: { address: string; port: number }, events: UdpFlowEvents) {
    this.#socket = socket;
    this.#events = events;
    this.remote = remote;
    this.local = { address: socket.address().address, port: socket.address().port };
    socket.on('message', (datagram) => {
      const message = this.#open ? splitDatagram(datagram) : undefined;
      if (message) events.message(this, message.head, message.body);
    });
    socket.on('error', (error) => this.#fail(error));
    this.#holdTimer = setInterval(() => socket.send(CRLF, () => {}), HOLD_INTERVAL);
  }

  /** Rejects with `unreachable`. */
  static open(remote: { address: string; port: number }, events: UdpFlowEvents): Promise<UdpFlow> {
    return new Promise((resolve, reject) => {
      const socket = createSocket(remote.address);
      const refused = (error: NodeJS.ErrnoException): void => {
        socket.close();
        reject(new ProviderError('unreachable', { protocolCode: error.code, retryable: true, cause: error }));
      };
      socket.once('error', refused);
      socket.connect(remote.port, remote.address, () => {
        socket.removeListener('error', refused);
        const flow = new UdpFlow(socket, remote, events);
        flow.#listenToOthers(() => resolve(flow));
      });
    });
  }

  get open(): boolean {
    return this.#open;
  }

  send(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#open) return reject(new Error('socket is closed'));
      this.#socket.send(bytes, (error) => {
        if (!error) return resolve();
        reject(error);
        // the ICMP answer to an earlier datagram may come out here
        if ((error as NodeJS.ErrnoException).code !== 'EMSGSIZE') this.#fail(error);
      });
    });
  }

  close(): void {
    if (this.#open) this.#close();
  }

  /** Windows gives datagrams to either of two sockets at one port, whoever they come from: there the server alone is heard. */
  #listenToOthers(ready: () => void): void {
    if (process.platform === 'win32') {
      ready();
      return;
    }
    const others = createSocket(this.remote.address);
    this.#others = others;
    others.once('error', () => {
      // the port may be another program's too; the server itself is heard all the same
      this.#others = undefined;
      others.close();
      ready();
    });
    others.bind({ ...this.local, exclusive: true }, () => {
      others.removeAllListeners('error').on('error', () => {});
      ready();
    });
    others.on('message', (datagram, { address, port }) => {
      const message = this.#open ? splitDatagram(datagram) : undefined;
      if (message) this.#events.message(this.#flowTo(address, port), message.head, message.body);
    });
  }

  #flowTo(address: string, port: number): Flow {
    return {
      protocol: 'UDP',
      local: this.local,
      remote: { address, port },
      open: true,
      stranger: true,
      send: (bytes) =>
        new Promise((resolve, reject) => {
          if (!this.#open || !this.#others) return reject(new Error('socket is closed'));
          this.#others.send(bytes, port, address, (error) => (error ? reject(error) : resolve()));
        }),
    };
  }

  #fail(error: Error): void {
    if (!this.#open) return;
    this.#close();
    this.#events.closed(this, error);
  }

  #close(): void {
    this.#open = false;
    clearInterval(this.#holdTimer);
    this.#socket.close();
    this.#others?.close();
  }
}

/** A port that both sockets of a flow may have; on Linux a datagram from the server always goes to the connected one. */
const createSocket = (towards: string): dgram.Socket =>
  dgram.createSocket({
    type: isIPv6(towards) ? 'udp6' : 'udp4',
    recvBufferSize: 1_048_576,
    reuseAddr: process.platform !== 'win32',
  });
