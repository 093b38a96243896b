import { ProviderError } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import type { Candidate } from '../locating/server-locator.ts';
import { connectStream } from './connect-stream.ts';
import type { Flow, Network, NetworkEvents, Target } from './network.ts';
import { type KeepAlive, StreamFlow, type StreamFlowEvents } from './stream-flow.ts';
import type { TlsTrust } from './tls-trust.ts';
import { UdpFlow } from './udp-flow.ts';

export interface ServerNetworkOptions {
  /** Addresses to try, best first. Rejects with a `ProviderError`. */
  locate(): Promise<readonly Candidate[]>;
  trust: TlsTrust;
  onStep(step: 'locating' | 'connecting' | 'securing'): void;
  /** ms for TCP and TLS of one candidate together. */
  connectTimeout?: number;
  keepAlive?: KeepAlive;
  /** Asks the server something it has to answer; false: it did not. For servers that know no keep-alive. */
  ask?: () => Promise<boolean>;
}

/** RFC 3261 §18.1.1: larger requests must not go over UDP when the path's packet size is not known. */
const UDP_MAXIMUM = 1300;
/** After a sleep a dead line is usual, and a person waits for the answer. */
const PROBE_WITHIN = 3_000;
const CONNECT_TIMEOUT = 10_000;
/** However often a server wants to hear from us. */
const SHORTEST_INTERVAL = 5_000;
const KEEP_ALIVE: KeepAlive = { interval: 30_000, pongWithin: 10_000 };

/**
 * One server: all requests go there over one flow. Candidates are tried in order, and one that failed after it was
 * connected (`avoidCurrent`) goes to the end of the next round (RFC 3263 §4.3).
 */
export class ServerNetwork implements Network {
  readonly #options: ServerNetworkOptions;
  #events: NetworkEvents | undefined;
  #flow: StreamFlow | UdpFlow | undefined;
  /** For requests too big for UDP. */
  #large: Promise<StreamFlow> | undefined;
  #aborter = new AbortController();
  #current: Candidate | undefined;
  /** What was found last. */
  #located: readonly Candidate[] = [];
  readonly #avoided = new Set<string>();
  #isAsking = false;
  /** Nobody answered when we connected for a large request. */
  #isTcpSilent = false;

  constructor(options: ServerNetworkOptions) {
    this.#options = options;
  }

  get local(): Network['local'] {
    const flow = this.#flow;
    return flow ? { protocol: flow.protocol, ...flow.local } : undefined;
  }

  async open(events: NetworkEvents): Promise<void> {
    this.#shut();
    const aborter = new AbortController();
    this.#aborter = aborter;
    this.#events = events;
    this.#isTcpSilent = false;
    this.#options.onStep('locating');
    const located = await this.#locate();
    const ordered = [...located.filter((c) => !this.#isAvoided(c)), ...located.filter((c) => this.#isAvoided(c))];
    let failure = new ProviderError('host-unknown', { retryable: true });
    for (const candidate of ordered) {
      if (aborter.signal.aborted) throw new ProviderError('cancelled');
      this.#options.onStep('connecting');
      try {
        const flow = await this.#connect(candidate, aborter.signal);
        if (aborter.signal.aborted) {
          flow.close();
          throw new ProviderError('cancelled');
        }
        this.#flow = flow;
        this.#current = candidate;
        return;
      } catch (error) {
        failure = ProviderError.from(error);
        // a certificate that is not believed is for a person to judge; the next server would only hide it
        if (failure.code === 'tls-untrusted' || failure.code === 'cancelled') throw failure;
      }
    }
    throw failure;
  }

  async close(): Promise<void> {
    this.#shut();
  }

  /** While DNS is down the server may well be up: it is looked for where it was. */
  async #locate(): Promise<readonly Candidate[]> {
    try {
      this.#located = await this.#options.locate();
    } catch (error) {
      const isDnsDown = error instanceof ProviderError && error.code === 'unreachable';
      if (!isDnsDown || this.#located.length === 0) throw error;
    }
    return this.#located;
  }

  #shut(): void {
    this.#aborter.abort();
    this.#events = undefined;
    this.#flow?.close();
    this.#flow = undefined;
    const large = this.#large;
    this.#large = undefined;
    large?.then((flow) => flow.close()).catch(() => {});
  }

  /** The server answered that it can't serve us, or not at all: next time the others first. */
  avoidCurrent(): void {
    if (this.#current) this.#avoided.add(keyOf(this.#current));
  }

  /** The current server serves us: forget what failed before. */
  approveCurrent(): void {
    this.#avoided.clear();
  }

  async flowFor(_target: Target, bytes: number): Promise<Flow> {
    const flow = this.#flow;
    if (!flow?.open) throw new ProviderError('network', { retryable: true });
    if (flow.protocol !== 'UDP' || bytes <= UDP_MAXIMUM || !this.#current || this.#isTcpSilent) return flow;
    // RFC 3261 §18.1.1: TCP for large requests, and UDP after all when the server refuses TCP
    this.#large ??= this.#openLarge(this.#current);
    try {
      return await this.#large;
    } catch (error) {
      this.#large = undefined;
      // a firewall that says nothing makes every large request wait, for as long as we are here
      this.#isTcpSilent ||= ProviderError.from(error).code === 'timeout';
      return flow;
    }
  }

  probe(): void {
    if (this.#flow instanceof StreamFlow) this.#flow.ping(PROBE_WITHIN);
    this.#large?.then((flow) => flow.ping(PROBE_WITHIN)).catch(() => {});
  }

  /** RFC 5626 §4.4: the server wants to hear from us after so many ms of silence; sooner than that never harms. */
  keepAlive(interval: number): void {
    const { interval: usual } = this.#options.keepAlive ?? KEEP_ALIVE;
    if (this.#flow instanceof StreamFlow) this.#flow.pingEvery(Math.min(usual, Math.max(interval, SHORTEST_INTERVAL)));
  }

  /** There is another server that has not failed us. */
  get hasOther(): boolean {
    return this.#located.some((candidate) => !this.#isAvoided(candidate));
  }

  #isAvoided(candidate: Candidate): boolean {
    return this.#avoided.has(keyOf(candidate));
  }

  async #connect(candidate: Candidate, signal: AbortSignal): Promise<StreamFlow | UdpFlow> {
    const remote = { address: candidate.address, port: candidate.port };
    const events: StreamFlowEvents = {
      message: (flow, head, body) => this.#events?.message(flow, head, body),
      oversized: (flow, head) => this.#events?.oversized(flow, head),
      unanswered: (flow) => unawaited(this.#askOver(flow)),
      closed: (flow, error) => this.#onClosed(flow, error),
    };
    if (candidate.protocol === 'UDP') {
      return UdpFlow.open(remote, {
        message: (flow, head, body) => this.#events?.message(flow, head, body),
        closed: (flow, error) => this.#onClosed(flow, error),
      });
    }
    const trust = candidate.protocol === 'TLS' ? this.#options.trust : undefined;
    const timeout = this.#options.connectTimeout ?? CONNECT_TIMEOUT;
    const onSecuring = (): void => this.#options.onStep('securing');
    const socket = await connectStream({ ...remote, trust }, { timeout, signal, onSecuring });
    const flow = new StreamFlow(socket, candidate.protocol, events, {
      keepAlive: this.#options.keepAlive ?? KEEP_ALIVE,
    });
    // a connection that has ponged once is known to be dead by a missing pong, soon after a sleep; any other must be asked at length
    flow.ping();
    return flow;
  }

  async #openLarge(candidate: Candidate): Promise<StreamFlow> {
    const socket = await connectStream(
      { address: candidate.address, port: candidate.port },
      { timeout: this.#options.connectTimeout ?? CONNECT_TIMEOUT, signal: this.#aborter.signal },
    );
    const events: StreamFlowEvents = {
      message: (flow, head, body) => this.#events?.message(flow, head, body),
      oversized: (flow, head) => this.#events?.oversized(flow, head),
      closed: (flow, error) => {
        this.#large = undefined;
        this.#events?.flowBroken(flow, error);
      },
    };
    // one that is dead, or whose server knows no pong, is opened anew by the next large request
    return new StreamFlow(socket, 'TCP', events, { keepAlive: this.#options.keepAlive ?? KEEP_ALIVE });
  }

  async #askOver(flow: StreamFlow): Promise<void> {
    const { ask } = this.#options;
    if (this.#isAsking || !ask) return;
    this.#isAsking = true;
    const isAnswered = await ask();
    this.#isAsking = false;
    if (!isAnswered) flow.abandon(new Error('no answer'));
  }

  #onClosed(flow: Flow, error: Error): void {
    if (flow !== this.#flow) return;
    this.#flow = undefined;
    const events = this.#events;
    this.#shut();
    events?.down(error);
  }
}

const keyOf = (candidate: Candidate): string => `${candidate.protocol} ${candidate.address} ${candidate.port}`;
