import type { Address, ProviderStorage } from '../../contract/index.ts';
import type { AskingWatcher } from './watcher-info.ts';

const KEY = 'sip.parted';
const REMEMBERED = 500;

/**
 * Who saw us and was taken off the list. That their program goes on trying in the subscription it had, or gives that up, is
 * no question of theirs; a new subscription is. Outlives the program.
 */
export class PartedContacts {
  readonly #storage: ProviderStorage;
  /** Their subscriptions when we parted; undefined: not known yet. */
  readonly #parted: Map<Address, ReadonlySet<string> | undefined>;

  constructor(storage: ProviderStorage) {
    this.#storage = storage;
    this.#parted = new Map(parse(storage.get(KEY)));
  }

  has(address: Address): boolean {
    return this.#parted.has(address);
  }

  add(address: Address, subscriptions: ReadonlySet<string> | undefined): void {
    this.#parted.delete(address);
    this.#parted.set(address, subscriptions);
    const [oldest] = this.#parted.keys();
    if (this.#parted.size > REMEMBERED && oldest !== undefined) this.#parted.delete(oldest);
    this.#save();
  }

  forget(address: Address): void {
    if (this.#parted.delete(address)) this.#save();
  }

  /** All who ask now: whoever does so in a new subscription has come back. */
  asking(watchers: readonly AskingWatcher[]): void {
    for (const [address, known] of this.#parted) {
      // Kamailio 5.6 gives who gave up another id, one for all their subscriptions
      const live = watchers.filter((each) => each.address === address && !each.hasGivenUp).map(({ id }) => id);
      if (live.length === 0) continue;
      if (known === undefined) this.add(address, new Set(live));
      else if (!live.every((id) => known.has(id))) this.forget(address);
    }
  }

  #save(): void {
    const entries = [...this.#parted].map(([address, known]) => [address, ...(known ? [[...known]] : [])]);
    this.#storage.put(KEY, JSON.stringify(entries));
  }
}

const parse = (text: string | undefined): [Address, ReadonlySet<string> | undefined][] => {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return (Array.isArray(value) ? value : []).flatMap(
      (entry: unknown): [Address, ReadonlySet<string> | undefined][] => {
        const [address, known] = Array.isArray(entry) ? (entry as unknown[]) : [];
        if (typeof address !== 'string') return [];
        return [[address, Array.isArray(known) ? new Set(known.map(String)) : undefined]];
      },
    );
  } catch {
    return [];
  }
};
