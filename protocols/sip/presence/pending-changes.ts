import type { Address, ProviderStorage } from '../../contract/index.ts';
import { isContact, mergedContact, type StoredContact } from './stored-contacts.ts';

/** One change to the list on the server that was meant here. */
export interface PendingChange {
  address: Address;
  /** As the contact was when that was said; absent: on no list. */
  before?: StoredContact | undefined;
  /** Absent: off the list. */
  wanted?: StoredContact | undefined;
  /** The list has it; what they may see of us is still to be taken back. */
  isWritten?: boolean;
}

const KEY = 'sip.pending';

/**
 * Changes the server does not have yet, in the order they were made. On disk before anything is sent, so that a program that
 * ends in the middle, or is ended, loses none; making one twice does no harm.
 */
export class PendingChanges {
  readonly #storage: ProviderStorage;
  #all: readonly PendingChange[];

  constructor(storage: ProviderStorage) {
    this.#storage = storage;
    this.#all = parse(storage.get(KEY));
  }

  get all(): readonly PendingChange[] {
    return this.#all;
  }

  add(...changes: readonly PendingChange[]): void {
    this.#keep([...this.#all, ...changes]);
  }

  /** The server has them: who was taken off the list stays until `drop`. */
  written(changes: readonly PendingChange[]): void {
    this.#keep(
      this.#all.flatMap((each) => {
        if (!changes.includes(each)) return [each];
        return each.wanted ? [] : [{ address: each.address, isWritten: true }];
      }),
    );
  }

  drop(change: PendingChange): void {
    this.#keep(this.#all.filter((each) => each !== change));
  }

  #keep(changes: readonly PendingChange[]): void {
    // first on disk, which may be full
    if (changes.length > 0) this.#storage.put(KEY, JSON.stringify(changes));
    else this.#storage.delete(KEY);
    this.#all = changes;
  }
}

/** What a list becomes by changes made one after the other. */
export const afterChanges = (
  contacts: readonly StoredContact[],
  changes: readonly PendingChange[],
): ReadonlyMap<Address, StoredContact> => {
  const list = new Map(contacts.map((contact) => [contact.address, contact]));
  for (const { address, before, wanted, isWritten } of changes) {
    if (isWritten) continue;
    if (wanted) list.set(address, mergedContact(wanted, before, list.get(address)));
    else list.delete(address);
  }
  return list;
};

const isChange = (each: unknown): each is PendingChange => {
  if (typeof each !== 'object' || each === null) return false;
  const { address, before, wanted, isWritten } = each as Partial<PendingChange>;
  return (
    typeof address === 'string' &&
    (before === undefined || isContact(before)) &&
    (wanted === undefined || isContact(wanted)) &&
    (isWritten === undefined || typeof isWritten === 'boolean')
  );
};

const parse = (text: string | undefined): PendingChange[] => {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter(isChange) : [];
  } catch {
    return [];
  }
};
