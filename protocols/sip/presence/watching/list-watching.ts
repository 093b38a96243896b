import type { Address, PeerPresence } from '../../../contract/index.ts';
import { unawaited } from '../../../contract/unawaited.ts';
import type { SipUserAgent } from '../../user-agent.ts';
import { mostReachable, PIDF_TYPE } from '../pidf.ts';
import { EventSubscription, type SubscriptionState } from './event-subscription.ts';
import { LIST_TYPES, parseListNotice, type ResourceInstance } from './rlmi.ts';

/** What is known of one who is watched. */
export interface Watched {
  state: SubscriptionState;
  presence: PeerPresence;
}

export interface ListWatchingOptions {
  agent: SipUserAgent;
  /** URI of the list's service. */
  service: Address;
  random: () => number;
  /** BCP 47 tag of the language notes are read in. */
  language: () => string;
  /** Something is known now that was not. */
  onChange: () => void;
  /** The server told everything again without being asked: the list itself may have changed. */
  onListChanged: () => void;
}

const UNKNOWN: PeerPresence = { state: 'unknown' };
/** Milliseconds until the server must have told who is on the list; and from then on until who it says nothing of is silent. */
const GRACE = 5_000;
/** The same from the last notice on, with a server that says of those who are away, too, that they are. */
const SHORT_GRACE = 2_000;
/** Seconds until the server is asked to try again for somebody it has lost (RFC 6665 §4.1.3). */
const SOON = 5;
const LATER = 120;
const FOR_GOOD = new Set(['rejected', 'noresource', 'invariant']);

/** Everybody on a list by one subscription (RFC 4662). */
export class ListWatching {
  readonly #options: ListWatchingOptions;
  readonly #subscription: EventSubscription;
  readonly #resources = new Map<Address, Map<string, ResourceInstance>>();
  /** Of the last notice; undefined: the next must tell everything. */
  #version: number | undefined;
  /** Everything was asked for and has not come yet. */
  #isAsked = true;
  #timer: NodeJS.Timeout | undefined;
  /** How often in a row the whole was asked for because somebody had ended. */
  #triedAgain = 0;
  #grace: NodeJS.Timeout | undefined;
  #isGraceOver = false;
  #isSilenceAbsence = true;
  #isLate = false;
  #isUseless = false;

  constructor(options: ListWatchingOptions) {
    this.#options = options;
    this.#subscription = new EventSubscription({
      agent: options.agent,
      to: options.service,
      event: 'presence',
      accept: [PIDF_TYPE, ...LIST_TYPES],
      random: options.random,
      onState: (state) => {
        if (state !== 'active') this.#forget();
        options.onChange();
      },
      onBody: (body, contentType) => this.#take(body, contentType),
    });
  }

  /** `active`: it serves; `asked`: nobody knows yet; all else: it does not. */
  get state(): 'asked' | 'active' | 'failed' {
    if (this.#version !== undefined) return 'active';
    const isComing = ['asked', 'active'].includes(this.#subscription.state);
    return isComing && !this.#isUseless && !this.#isLate ? 'asked' : 'failed';
  }

  /**
   * On the list, and the server has nothing to say of them. Kamailio 5.6 as it comes says nothing of who is not there, and of
   * who has not allowed us to see them.
   */
  isSilent(address: Address): boolean {
    return this.#isGraceOver && this.#resources.get(address)?.size === 0;
  }

  /**
   * Silence is how this server says that somebody is away. Not where it has said so of others, and something of most: then a
   * notice was lost (Kamailio 5.6 loses some that come while it puts together those before).
   */
  get isSilenceAbsence(): boolean {
    return this.#isSilenceAbsence;
  }

  /** Undefined: not on the list as the server has it. */
  of(address: Address): Watched | undefined {
    const instances = this.#resources.get(address);
    if (!instances) return undefined;
    const all = [...instances.values()];
    const active = all.filter(({ state }) => state === 'active');
    if (active.length > 0)
      return {
        state: 'active',
        presence: mostReachable(active.map(({ presence }) => presence ?? { state: 'offline' })),
      };
    const state = all.some((each) => each.state === 'pending') ? 'pending' : endOf(all);
    return { state, presence: UNKNOWN };
  }

  /** After a new connection too: Kamailio 5.6 answers a refresh neither with everything nor at our new address. */
  start(): void {
    this.#forget();
    this.#isLate = false;
    unawaited(this.#subscription.start(true));
    this.#wait(GRACE, () => {
      this.#isLate = true;
    });
  }

  suspend(): void {
    this.#subscription.suspend();
    this.#forget();
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    this.#forget();
    await this.#subscription.stop();
  }

  #forget(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#grace);
    this.#isGraceOver = false;
    this.#version = undefined;
    this.#isAsked = true;
    this.#resources.clear();
  }

  #take(body: string | undefined, contentType: string): void {
    const notice = body === undefined ? undefined : parseListNotice(contentType, body, this.#options.language());
    if (!notice) {
      // a server may send an empty first NOTIFY; anything else is presence of a person who happens to have this address
      if (body !== undefined) this.#isUseless = true;
      this.#options.onChange();
      return;
    }
    this.#isUseless = false;
    const { version, isFull, resources } = notice;
    const last = this.#version;
    if (isFull) {
      if (!this.#isAsked) this.#options.onListChanged();
      this.#isAsked = false;
      this.#resources.clear();
      this.#isLate = false;
      if (last === undefined) this.#waitForRest(GRACE);
    } else if (last === undefined || version > last + 1) {
      // RFC 4662 §5.2: a notice is missing
      this.#askAgain();
      if (last === undefined) return;
    } else if (version <= last) return;
    // Kamailio 5.6 tells everything again in partial notices
    else this.#isAsked = false;
    this.#version = version;
    for (const [address, instances] of resources) this.#merge(address, instances);
    if (!this.#isGraceOver && this.#saysWhoIsAway()) this.#waitForRest(SHORT_GRACE);
    this.#retryEnded();
    this.#options.onChange();
  }

  #wait(milliseconds: number, then: () => void): void {
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => {
      then();
      this.#options.onChange();
    }, milliseconds);
  }

  #waitForRest(milliseconds: number): void {
    this.#wait(milliseconds, () => {
      this.#isGraceOver = true;
      const silent = [...this.#resources.values()].filter(({ size }) => size === 0).length;
      this.#isSilenceAbsence = !this.#saysWhoIsAway() || silent * 2 > this.#resources.size;
    });
  }

  #saysWhoIsAway(): boolean {
    return [...this.#resources.values()].some((instances) =>
      [...instances.values()].some(({ presence }) => presence?.state === 'offline'),
    );
  }

  #merge(address: Address, instances: readonly ResourceInstance[]): void {
    const known = this.#resources.get(address) ?? new Map<string, ResourceInstance>();
    this.#resources.set(address, known);
    // a new subscription of the server replaces one that ended
    if (instances.length > 0) for (const [id, { state }] of known) if (state === 'terminated') known.delete(id);
    for (const each of instances) known.set(each.id, each);
  }

  #askAgain(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#subscription.refresh();
  }

  /** RFC 6665 §4.1.3: who ended for a passing reason is asked for again, by a refresh of the whole. */
  #retryEnded(): void {
    const ended = [...this.#resources.values()].flatMap((instances) =>
      [...instances.values()].filter(({ state, reason }) => state === 'terminated' && !FOR_GOOD.has(reason ?? '')),
    );
    clearTimeout(this.#timer);
    if (ended.length === 0) {
      this.#triedAgain = 0;
      return;
    }
    const isSoon = ended.some(({ reason }) => reason === 'deactivated' || reason === 'timeout');
    // the whole list comes again each time: more and more seldom for somebody who stays away from it
    const seconds = isSoon ? Math.min(SOON * 2 ** this.#triedAgain, LATER) : LATER;
    this.#timer = setTimeout(() => {
      this.#triedAgain += 1;
      this.#askAgain();
    }, seconds * 1000);
  }
}

const endOf = (instances: readonly ResourceInstance[]): SubscriptionState => {
  if (instances.length === 0) return 'asked';
  return instances.every(({ reason }) => FOR_GOOD.has(reason ?? '')) ? 'refused' : 'waiting';
};
