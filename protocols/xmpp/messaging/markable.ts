import type { ProviderStorage } from '../../contract/index.ts';
import { Recent } from './recent.ts';

const KEY = 'messaging.markable';
const LIMIT = 200;

/**
 * Texts whose sender asked to know when they are read (XEP-0333 §4.1) and that are not read yet. On disk, because a text
 * that came before a restart is read after it.
 */
export class Markable {
  readonly #storage: ProviderStorage;
  readonly #ids = new Recent(LIMIT);

  constructor(storage: ProviderStorage) {
    this.#storage = storage;
    for (const entry of storage.get(KEY)?.split('\n') ?? []) this.#ids.add(entry);
  }

  /** False for one that was there already. It is written all the same: a database may have taken back the last time. */
  add(peer: string, id: string): boolean {
    const isNew = !this.has(peer, id);
    if (isNew) this.#ids.add(`${peer} ${id}`);
    this.#save();
    return isNew;
  }

  has(peer: string, id: string): boolean {
    return this.#ids.has(`${peer} ${id}`);
  }

  /** True once for each text that asked. */
  take(peer: string, id: string): boolean {
    const asked = this.#ids.delete(`${peer} ${id}`);
    if (asked) this.#save();
    return asked;
  }

  #save(): void {
    this.#storage.put(KEY, this.#ids.values.join('\n'));
  }
}
