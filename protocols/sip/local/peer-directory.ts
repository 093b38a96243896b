import { Emitter, type OwnPresence } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import { Allowance } from '../limits/allowance.ts';
import type { Announcement } from './announcement.ts';

/** Somebody on the network. */
export interface LocalPeer {
  id: string;
  host: string;
  port: number;
  name: string;
  presence: OwnPresence;
  /** Its program is from before ids were keys. */
  outdated?: true;
}

export interface PeerDirectoryOptions {
  now: () => number;
  /** Whether a program answers there, and has the key of the id unless outdated; `peer` may not be listed. Never rejects, and settles within seconds. */
  ping: (peer: LocalPeer) => Promise<boolean>;
}

/** More on one network are no people; who comes later is not shown. */
export const MAXIMUM_PEERS = 500;
/** More at one address are no people either: a computer many are logged in to has fewer. */
export const MAXIMUM_AT_HOST = 32;
/** How often one address may come, change and go, and all together: whoever shouts more is heard again later. */
const FROM_HOST = { burst: 80, every: 250 };
const FROM_ALL = { burst: 1_000, every: 50 };
const HOSTS_REMEMBERED = 1_000;
/** How many of those who fill the list are asked at a time whether they are there. */
const ASKED_FOR_ROOM = 4;
/** Whoever is there says so every 20 s (`HEARTBEAT` in local-provider.ts); after two misses we ask. */
export const SILENCE = 50_000;

/**
 * Who is there. Announcements add and change, goodbyes remove; whoever falls silent or cannot be reached is pinged, and
 * removed when it does not answer. An id stays with the host and port it was first seen at for as long as somebody answers
 * there, so that no program takes another's place by shouting its id. Only an outdated one, which can show no key, gives way to
 * who can; and never the other way round.
 */
export class PeerDirectory {
  readonly #options: PeerDirectoryOptions;
  readonly #peers = new Map<string, LocalPeer & { seenAt: number }>();
  readonly #fromAll: Allowance;
  readonly #fromHost = new Map<string, Allowance>();
  readonly #pinging = new Set<string>();
  /** Ids and the hosts that are asked for their keys. */
  readonly #proving = new Set<string>();
  /** Those who were there since we came. */
  readonly #left = new Set<string>();
  readonly #changed = new Emitter<{ peer: LocalPeer; present: boolean }>();
  readonly onChange = this.#changed.on;

  constructor(options: PeerDirectoryOptions) {
    this.#options = options;
    this.#fromAll = new Allowance(FROM_ALL, options.now);
  }

  get peers(): readonly LocalPeer[] {
    return [...this.#peers.values()];
  }

  find(id: string): LocalPeer | undefined {
    return this.#peers.get(id);
  }

  /** Whether it was there and is there no more. */
  hasLeft(id: string): boolean {
    return this.#left.has(id);
  }

  /** Resolves when it is there, or after so many milliseconds. */
  appearance(id: string, milliseconds: number): Promise<void> {
    if (this.#peers.has(id)) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(finish, milliseconds);
      const unsubscribe = this.#changed.on(({ peer, present }) => {
        if (present && peer.id === id) finish();
      });
    });
  }

  present(announcement: Announcement, host: string): void {
    const peer = { ...announcement, host };
    const known = this.#peers.get(peer.id);
    if (!known) {
      if (this.#isFull(host)) this.#makeRoom(host);
      else if (this.#isAllowed(host)) this.#put(peer);
    } else if (known.host === peer.host && known.port === peer.port && known.outdated === peer.outdated) {
      const same = known.name === peer.name && samePresence(known.presence, peer.presence);
      if (same) known.seenAt = this.#options.now();
      else if (this.#isAllowed(host)) this.#put(peer);
    } else if (known.outdated && !peer.outdated) {
      // any program can announce an id without a key, and only its owner with one: the new place decides
      if (this.#isAllowed(host)) unawaited(this.#prove(peer));
    } else if (known.outdated === peer.outdated) {
      // a restart, another network, or somebody else: the one we know decides by answering
      unawaited(
        this.#verify(known).then((alive) => {
          if (alive === false) this.#put(peer);
        }),
      );
    }
  }

  leaving(id: string, host: string): void {
    const known = this.#peers.get(id);
    if (known?.host === host && this.#isAllowed(host)) this.#remove(known);
  }

  /** Something sent there got no answer. */
  suspect(id: string): void {
    const known = this.#peers.get(id);
    if (known) unawaited(this.#verify(known));
  }

  /** Called now and then: asks those that have fallen silent. */
  check(): void {
    const { now } = this.#options;
    for (const peer of this.#peers.values()) {
      if (now() - peer.seenAt > SILENCE) unawaited(this.#verify(peer));
    }
  }

  /** We leave the network and know nothing of anybody any more. */
  clear(): void {
    const peers = this.peers;
    this.#peers.clear();
    this.#left.clear();
    for (const peer of peers) this.#changed.emit({ peer, present: false });
  }

  #isFull(host: string): boolean {
    return this.#peers.size >= MAXIMUM_PEERS || this.#at(host).length >= MAXIMUM_AT_HOST;
  }

  #at(host: string): (LocalPeer & { seenAt: number })[] {
    return [...this.#peers.values()].filter((peer) => peer.host === host);
  }

  /** Names without a program behind them give way to whoever comes next; who answers goes to the end of the queue. */
  #makeRoom(host: string): void {
    const those = this.#peers.size >= MAXIMUM_PEERS ? [...this.#peers.values()] : this.#at(host);
    for (const peer of those
      .filter(({ id }) => !this.#pinging.has(id))
      .slice(0, Math.max(0, ASKED_FOR_ROOM - this.#pinging.size))) {
      unawaited(
        this.#verify(peer).then((alive) => {
          const now = this.#peers.get(peer.id);
          if (!alive || !now) return;
          this.#peers.delete(peer.id);
          this.#peers.set(peer.id, now);
        }),
      );
    }
  }

  #isAllowed(host: string): boolean {
    const allowance = this.#fromHost.get(host) ?? new Allowance(FROM_HOST, this.#options.now);
    this.#fromHost.delete(host);
    this.#fromHost.set(host, allowance);
    const [oldest] = this.#fromHost.keys();
    if (this.#fromHost.size > HOSTS_REMEMBERED && oldest !== undefined) this.#fromHost.delete(oldest);
    return allowance.take() === 0 && this.#fromAll.take() === 0;
  }

  /** Pings; undefined when that is being done already or the answer comes too late to matter. */
  async #verify(peer: LocalPeer & { seenAt: number }): Promise<boolean | undefined> {
    if (this.#pinging.has(peer.id)) return undefined;
    this.#pinging.add(peer.id);
    const alive = await this.#options.ping(peer);
    this.#pinging.delete(peer.id);
    const now = this.#peers.get(peer.id);
    if (now?.host !== peer.host || now.port !== peer.port) return undefined;
    if (alive) now.seenAt = this.#options.now();
    else this.#remove(now);
    return alive;
  }

  /** Takes the place of an outdated program, once the key of the id was shown there. One host keeps no other from that. */
  async #prove(peer: LocalPeer): Promise<void> {
    const attempt = `${peer.id} ${peer.host}`;
    if (this.#proving.has(attempt)) return;
    this.#proving.add(attempt);
    const proven = await this.#options.ping(peer);
    this.#proving.delete(attempt);
    if (proven && this.#peers.get(peer.id)?.outdated) this.#put(peer);
  }

  #put(peer: LocalPeer): void {
    this.#left.delete(peer.id);
    this.#peers.set(peer.id, { ...peer, seenAt: this.#options.now() });
    this.#changed.emit({ peer, present: true });
  }

  #remove(peer: LocalPeer): void {
    if (!this.#peers.delete(peer.id)) return;
    if (this.#left.size < MAXIMUM_PEERS) this.#left.add(peer.id);
    this.#changed.emit({ peer, present: false });
  }
}

const samePresence = (a: OwnPresence, b: OwnPresence): boolean =>
  a.state === b.state && a.note === b.note && a.idleSince === b.idleSince;
