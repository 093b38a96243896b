import type { Address, ProviderStorage } from '../../contract/index.ts';

/** What we keep of a contact ourselves. */
export interface StoredContact {
  address: Address;
  name: string;
  groups: readonly string[];
}

const KEY = 'sip.contacts';

/** The contact list on disk: SIP servers keep none that every client understands. */
export class StoredContacts {
  readonly #storage: ProviderStorage;
  readonly #contacts: Map<Address, StoredContact>;

  constructor(storage: ProviderStorage) {
    this.#storage = storage;
    this.#contacts = new Map(parse(storage.get(KEY)).map((contact) => [contact.address, contact]));
  }

  /** By name. */
  get all(): readonly StoredContact[] {
    return [...this.#contacts.values()].sort(
      (a, b) => a.name.localeCompare(b.name) || (a.address < b.address ? -1 : 1),
    );
  }

  put(contact: StoredContact): void {
    this.#contacts.set(contact.address, contact);
    this.#save();
  }

  /** False when there was none. */
  remove(address: Address): boolean {
    const removed = this.#contacts.delete(address);
    if (removed) this.#save();
    return removed;
  }

  #save(): void {
    this.#storage.put(KEY, JSON.stringify([...this.#contacts.values()]));
  }
}

const isContact = (each: unknown): each is StoredContact => {
  if (typeof each !== 'object' || each === null) return false;
  const { address, name, groups } = each as Partial<StoredContact>;
  return (
    typeof address === 'string' &&
    typeof name === 'string' &&
    Array.isArray(groups) &&
    groups.every((group) => typeof group === 'string')
  );
};

const parse = (text: string | undefined): StoredContact[] => {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter(isContact) : [];
  } catch {
    return [];
  }
};
