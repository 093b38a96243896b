import type { Address, ProviderStorage } from '../../contract/index.ts';

/** What we keep of a contact ourselves. */
export interface StoredContact {
  address: Address;
  name: string;
  groups: readonly string[];
}

const KEY = 'sip.contacts';

const collator = new Intl.Collator();

/** In the order of names; of addresses where those are alike. */
export const byName = (a: StoredContact, b: StoredContact): number =>
  collator.compare(a.name, b.name) || (a.address < b.address ? -1 : 1);

/**
 * What a contact becomes who is wanted so, was so when that was said, and is so now, by another device: what was not meant
 * to change stays as it is there. Who is not there any more comes back.
 */
export const mergedContact = (
  wanted: StoredContact,
  before: StoredContact | undefined,
  there: StoredContact | undefined,
): StoredContact => {
  if (!there) return wanted;
  const left = new Set(before?.groups.filter((group) => !wanted.groups.includes(group)));
  const groups = [...there.groups, ...wanted.groups.filter((group) => !before?.groups.includes(group))];
  return {
    address: wanted.address,
    name: wanted.name === before?.name ? there.name : wanted.name,
    groups: [...new Set(groups)].filter((group) => !left.has(group)).sort((a, b) => a.localeCompare(b)),
  };
};

/** The contact list on disk, for accounts whose server keeps none. */
export class StoredContacts {
  readonly #storage: ProviderStorage;
  readonly #contacts: Map<Address, StoredContact>;

  constructor(storage: ProviderStorage) {
    this.#storage = storage;
    this.#contacts = new Map(parse(storage.get(KEY)).map((contact) => [contact.address, contact]));
  }

  /** By name. */
  get all(): readonly StoredContact[] {
    return [...this.#contacts.values()].sort(byName);
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

/** Whether it is one, as read from disk. */
export const isContact = (each: unknown): each is StoredContact => {
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
