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

const KEY = 'sip.read-requests';
const MAXIMUM = 200;

/** Remembers, over restarts, the last 200 texts whose senders want to know when they are read. */
export class ReadRequests {
  readonly #storage: ProviderStorage;
  #requests: ReadRequest[];

  constructor(storage: ProviderStorage) {
    this.#storage = storage;
    this.#requests = parse(storage.get(KEY));
  }

  add(request: ReadRequest): void {
    if (this.#requests.some(({ id, peer }) => id === request.id && peer === request.peer)) return;
    this.#requests = [...this.#requests, request].slice(-MAXIMUM);
    this.#save();
  }

  /** The request for that text, forgotten with this call; undefined when nobody asked. */
  take(peer: Address, id: string): ReadRequest | undefined {
    const found = this.#requests.find((request) => request.id === id && request.peer === peer);
    if (found) {
      this.#requests = this.#requests.filter((request) => request !== found);
      this.#save();
    }
    return found;
  }

  markRead(peer: Address, id: string): void {
    const found = this.#requests.find((request) => request.id === id && request.peer === peer);
    if (!found) return;
    found.read = true;
    this.#save();
  }

  /** Texts read while we were offline. */
  get unsent(): readonly ReadRequest[] {
    return this.#requests.filter(({ read }) => read === true);
  }

  #save(): void {
    this.#storage.put(KEY, JSON.stringify(this.#requests));
  }
}

const parse = (text: string | undefined): ReadRequest[] => {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(value)) return [];
    return value.filter(
      (each): each is ReadRequest =>
        typeof each === 'object' &&
        each !== null &&
        typeof each.id === 'string' &&
        typeof each.peer === 'string' &&
        typeof each.writtenAt === 'number',
    );
  } catch {
    return [];
  }
};
