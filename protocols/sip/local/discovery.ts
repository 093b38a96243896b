import { Server } from 'bonjour-service/dist/lib/mdns-server.js';
import { ProviderError, type ProviderLog } from '../../contract/index.ts';
import { type Announcement, type DnsRecord, readRecords, recordsOf, SERVICE } from './announcement.ts';
import { isOnLink } from './own-address.ts';

export interface DiscoveryOptions {
  /** Multicast stays on 127.0.0.1 and nothing from elsewhere is heard. */
  loopbackOnly: boolean;
  /** UDP port of multicast DNS; 5353 (RFC 6762 §3) but for tests. */
  port: number;
  log: ProviderLog;
  /** Somebody is there, at the address its packet came from. */
  onPresent: (announcement: Announcement, host: string) => void;
  /** Somebody at that address says goodbye. */
  onLeaving: (id: string, host: string) => void;
  /** Multicast does not work (any more). */
  onFault: (error: ProviderError) => void;
}

/** The part of multicast-dns below bonjour-service that is used; the package types it as `any`. */
interface MulticastDns {
  on(event: 'response', listener: (packet: Packet, from: { address: string; port: number }) => void): void;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): void;
  on(event: 'ready', listener: () => void): void;
  query(questions: { name: string; type: string }[]): void;
  respond(records: { answers: DnsRecord[] }, done: () => void): void;
  destroy(done: () => void): void;
}

interface Packet {
  answers?: DnsRecord[];
  additionals?: DnsRecord[];
}

/** Telling and asking again, so that one lost packet loses nobody (RFC 6762 §8.3). */
const REPEAT_AFTER = 1_000;
const ADDRESSES_MAXIMUM = 5_000;

/**
 * Tells the local network that we are here and hears who else is, by DNS-SD over multicast DNS (RFC 6763, RFC 6762).
 *
 * The publishing half of bonjour-service is not used: it cannot change a TXT record without a goodbye, and its browser
 * keeps whoever vanished without one. Its responder and socket are.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  #server: { responder: Server; multicast: MulticastDns } | undefined;
  #records: DnsRecord[] = [];
  #repeat: NodeJS.Timeout | undefined;
  /** Looked up for each address once between two signs of life of ours: a flood must cost little. */
  readonly #onLink = new Map<string, boolean>();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** Rejects with a retryable `ProviderError` when the port cannot be had. */
  async open(): Promise<void> {
    const { loopbackOnly, port, log, onFault } = this.#options;
    // bound to all addresses also on the loopback interface: a socket bound to 127.0.0.1 gets no multicast on Linux
    const socket = { port, bind: '0.0.0.0', ...(loopbackOnly ? { interface: '127.0.0.1' } : {}) };
    const responder = new Server(socket, (error: Error) => log('warn', 'local.multicast', { reason: error.message }));
    const multicast = responder.mdns as MulticastDns;
    await new Promise<void>((resolve, reject) => {
      multicast.on('ready', resolve);
      multicast.on('error', (cause) => {
        const error = new ProviderError('network', { protocolCode: cause.code, retryable: true, cause });
        reject(error);
        if (this.#server?.multicast === multicast) onFault(error);
      });
    });
    multicast.on('response', (packet, from) => this.#heard(packet, from));
    this.#server = { responder, multicast };
  }

  /** Says who we are, now and whenever somebody asks; called again when something changes. */
  announce(announcement: Announcement, address: string): void {
    const server = this.#server;
    if (!server) return;
    server.responder.unregister(this.#records as Parameters<Server['unregister']>[0]);
    this.#records = recordsOf(announcement, address);
    server.responder.register(this.#records as Parameters<Server['register']>[0]);
    this.#tell();
    clearTimeout(this.#repeat);
    this.#repeat = setTimeout(() => this.#tell(), REPEAT_AFTER);
  }

  /** Says once more what was announced last, as a sign of life. */
  repeat(): void {
    this.#onLink.clear();
    this.#tell();
  }

  /** Asks who is there. */
  ask(): void {
    this.#server?.multicast.query([{ name: SERVICE, type: 'PTR' }]);
  }

  /** Says goodbye and closes. Never rejects. */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    await new Promise<void>((resolve) => this.#goodbye(resolve));
    this.#server = undefined;
    await new Promise<void>((resolve) => server.multicast.destroy(() => resolve()));
  }

  #goodbye(done: () => void): void {
    const server = this.#server;
    clearTimeout(this.#repeat);
    if (!server || this.#records.length === 0) {
      done();
      return;
    }
    server.responder.unregister(this.#records as Parameters<Server['unregister']>[0]);
    // RFC 6762 §10.1: a life of zero; that there is such a service at all is not for us alone to take back
    const answers = this.#records.filter(({ data }) => data !== SERVICE).map((record) => ({ ...record, ttl: 0 }));
    this.#records = [];
    server.multicast.respond({ answers }, done);
  }

  #tell(): void {
    if (this.#records.length > 0) this.#server?.multicast.respond({ answers: this.#records }, () => {});
  }

  #isNeighbour(host: string): boolean {
    const known = this.#onLink.get(host) ?? isOnLink(host);
    if (this.#onLink.size >= ADDRESSES_MAXIMUM) this.#onLink.clear();
    this.#onLink.set(host, known);
    return known;
  }

  #heard(packet: Packet, { address: host, port }: { address: string; port: number }): void {
    const { loopbackOnly } = this.#options;
    if (!this.#server || (loopbackOnly && !host.startsWith('127.'))) return;
    // RFC 6762 §6, §11: from the port of multicast DNS, and from this link
    if (port !== this.#options.port || !this.#isNeighbour(host)) return;
    const { present, leaving } = readRecords([...(packet.answers ?? []), ...(packet.additionals ?? [])]);
    for (const id of leaving) this.#options.onLeaving(id, host);
    for (const announcement of present) this.#options.onPresent(announcement, host);
  }
}
