import type { Address, PeerPresence } from '../../../contract/index.ts';
import { unawaited } from '../../../contract/unawaited.ts';
import type { SipUserAgent } from '../../user-agent.ts';
import { PIDF_TYPE, parsePidf } from '../pidf.ts';
import { EventSubscription } from './event-subscription.ts';
import type { Watched } from './list-watching.ts';

export interface IndividualWatchingOptions {
  agent: SipUserAgent;
  random: () => number;
  /** BCP 47 tag of the language notes are read in. */
  language: () => string;
  /** Something is known of somebody that was not. */
  onChange: (address: Address) => void;
}

/** So many requests wait for an answer at once: a long list must not flood a server, or a slow line. */
export const AT_ONCE = 10;
const UNKNOWN: PeerPresence = { state: 'unknown' };

interface Single {
  subscription: EventSubscription;
  presence: PeerPresence;
}

/** People by one subscription each (RFC 3856), a few at a time. */
export class IndividualWatching {
  readonly #options: IndividualWatchingOptions;
  readonly #watched = new Map<Address, Single>();
  /** What is still to be sent, each resolving when it is answered. */
  readonly #queue: (() => Promise<void>)[] = [];
  #running = 0;
  #isLive = false;

  constructor(options: IndividualWatchingOptions) {
    this.#options = options;
  }

  has(address: Address): boolean {
    return this.#watched.has(address);
  }

  of(address: Address): Watched | undefined {
    const single = this.#watched.get(address);
    return single && { state: single.subscription.state, presence: single.presence };
  }

  /** Watches exactly these from now on. */
  want(addresses: ReadonlySet<Address>): void {
    for (const [address, { subscription }] of this.#watched) {
      if (addresses.has(address)) continue;
      this.#watched.delete(address);
      if (subscription.state !== 'idle') this.#enqueue(() => subscription.stop());
    }
    for (const address of addresses) {
      if (this.#watched.has(address)) continue;
      const single = this.#make(address);
      this.#watched.set(address, single);
      if (this.#isLive) this.#enqueue(() => this.#start(address, single));
    }
  }

  /** Asks somebody again who has refused us. */
  askAgain(address: Address): void {
    const single = this.#watched.get(address);
    if (single?.subscription.state === 'refused') this.#enqueue(() => this.#start(address, single));
  }

  restore(): void {
    this.#isLive = true;
    for (const [address, single] of this.#watched) this.#enqueue(() => this.#start(address, single));
  }

  suspend(): void {
    this.#isLive = false;
    this.#queue.length = 0;
    for (const single of this.#watched.values()) {
      single.subscription.suspend();
      single.presence = UNKNOWN;
    }
  }

  /** Takes all subscriptions back. Never rejects. */
  async stop(): Promise<void> {
    this.#isLive = false;
    this.#queue.length = 0;
    // whatever waits for an answer makes room
    for (const { subscription } of this.#watched.values()) subscription.suspend();
    const stopped = [...this.#watched.values()].map(
      ({ subscription }) =>
        new Promise<void>((resolve) => {
          this.#enqueue(() => subscription.stop().finally(resolve));
        }),
    );
    await Promise.all(stopped);
  }

  /** Unless it was given up while it waited for its turn. */
  #start(address: Address, single: Single): Promise<void> {
    return this.#watched.get(address) === single && this.#isLive ? single.subscription.start() : Promise.resolve();
  }

  #enqueue(send: () => Promise<void>): void {
    this.#queue.push(send);
    this.#next();
  }

  #next(): void {
    while (this.#running < AT_ONCE) {
      const send = this.#queue.shift();
      if (!send) return;
      this.#running += 1;
      unawaited(
        send().finally(() => {
          this.#running -= 1;
          this.#next();
        }),
      );
    }
  }

  #make(address: Address): Single {
    const { agent, random, language, onChange } = this.#options;
    const subscription = new EventSubscription({
      agent,
      to: address,
      event: 'presence',
      accept: [PIDF_TYPE],
      random,
      onState: (state) => {
        if (state !== 'active' && state !== 'asked') single.presence = UNKNOWN;
        onChange(address);
      },
      onBody: (body) => {
        if (subscription.state !== 'active') return;
        // a server that knows of no publication sends no body: nobody is there
        single.presence = body === undefined ? { state: 'offline' } : (parsePidf(body, language()) ?? UNKNOWN);
        onChange(address);
      },
    });
    const single: Single = { subscription, presence: UNKNOWN };
    return single;
  }
}
