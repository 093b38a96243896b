import type { Address, ProviderStorage } from '../../contract/index.ts';

/** A received text whose sender wants to know when it is read. */
export interface ReadRequest {
  id: string;
  peer: Address;
  /** When the text was written, ms since the epoch: the notification repeats it. */
  writtenAt: number;
  /** It was read while we were offline: to be told at the next connection. */
  read?: boolean;
}

interface Kept extends ReadRequest {
  /** Place in the storage, below `MAXIMUM`. */
  slot: number;
  /** The later it came the higher. */
  order: number;
}

const MAXIMUM = 200;
const keyOf = (slot: number): string => `sip.read-request.${slot}`;
const nameOf = (peer: Address, id: string): string => `${peer} ${id}`;

/**
 * Remembers, over restarts, the last 200 texts whose senders want to know when they are read. Each has a place of its own in the
 * storage, so that a text costs one small write however many wait.
 */
export class ReadRequests {
  readonly #storage: ProviderStorage;
  /** Oldest first. */
  readonly #requests = new Map<string, Kept>();
  readonly #free: number[] = [];
  #last = 0;

  constructor(storage: ProviderStorage) {
    this.#storage = storage;
    const found: Kept[] = [];
    for (let slot = MAXIMUM - 1; slot >= 0; slot--) {
      const kept = parse(storage.get(keyOf(slot)), slot);
      if (kept) found.push(kept);
      else this.#free.push(slot);
    }
    for (const kept of found.sort((one, other) => one.order - other.order)) {
      this.#requests.set(nameOf(kept.peer, kept.id), kept);
      this.#last = kept.order;
    }
  }

  add(request: ReadRequest): void {
    const name = nameOf(request.peer, request.id);
    if (this.#requests.has(name)) return;
    const [oldest] = this.#requests.values();
    if (this.#free.length === 0 && oldest) this.#forget(oldest);
    const slot = this.#free.pop();
    if (slot === undefined) return;
    const kept: Kept = { ...request, slot, order: ++this.#last };
    this.#requests.set(name, kept);
    this.#save(kept);
  }

  /** The request for that text; undefined when its sender did not ask. */
  find(peer: Address, id: string): ReadRequest | undefined {
    return this.#requests.get(nameOf(peer, id));
  }

  /** The same, forgotten with this call. */
  take(peer: Address, id: string): ReadRequest | undefined {
    const found = this.#requests.get(nameOf(peer, id));
    if (found) {
      this.#forget(found);
      this.#storage.delete(keyOf(found.slot));
    }
    return found;
  }

  markRead(peer: Address, id: string): void {
    const found = this.#requests.get(nameOf(peer, id));
    if (!found) return;
    found.read = true;
    this.#save(found);
  }

  /** Texts read while we were offline. */
  get unsent(): readonly ReadRequest[] {
    return [...this.#requests.values()].filter(({ read }) => read === true);
  }

  #forget({ peer, id, slot }: Kept): void {
    this.#requests.delete(nameOf(peer, id));
    this.#free.push(slot);
  }

  #save({ slot, ...request }: Kept): void {
    this.#storage.put(keyOf(slot), JSON.stringify(request));
  }
}

const parse = (text: string | undefined, slot: number): Kept | undefined => {
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Kept> | null;
    const { id, peer, writtenAt, order, read } = value ?? {};
    return typeof id === 'string' &&
      typeof peer === 'string' &&
      typeof writtenAt === 'number' &&
      typeof order === 'number'
      ? { id, peer, writtenAt, order, slot, ...(read === true ? { read } : {}) }
      : undefined;
  } catch {
    return undefined;
  }
};
