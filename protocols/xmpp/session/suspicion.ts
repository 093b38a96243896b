import type { ProviderStorage } from '../../contract/index.ts';

const KEY = 'session.suspect';
/** So often in a row a stanza may be the first that the server did not take when it closed the stream with an error. */
const STREAM_ERRORS = 3;
/** The same for a connection that only fell: networks do that by themselves, and never so often over one stanza. */
const CUTS = 8;
/** So many stanzas are sent one by one after a stream error, because one among them may be the reason. */
const CAREFUL = 50;

interface Suspect {
  key: string;
  errors: number;
  cuts: number;
}

const isSuspect = (value: unknown): value is Suspect =>
  typeof value === 'object' && value !== null && 'key' in value && 'errors' in value && 'cuts' in value;

const read = (stored: string | undefined): Suspect | undefined => {
  if (stored === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(stored);
    return isSuspect(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Finds the stanza over which the server ends every connection: what is sent again at each login until the server has it
 * would otherwise hold up all the others for ever. On disk, because it is sent again after a restart too.
 */
export class Suspicion {
  readonly #storage: ProviderStorage;
  #suspect: Suspect | undefined;
  #careful: number;

  constructor(storage: ProviderStorage) {
    this.#storage = storage;
    this.#suspect = read(storage.get(KEY));
    this.#careful = this.#suspect ? CAREFUL : 0;
  }

  /** True while stanzas should go one by one, so that the first that was not taken is the one to blame. */
  get isCareful(): boolean {
    return this.#careful > 0;
  }

  /** A connection ended while this stanza was the first on its way. True when it must not be sent again. */
  blame(key: string, how: 'error' | 'cut'): boolean {
    const known = this.#suspect?.key === key ? this.#suspect : { key, errors: 0, cuts: 0 };
    const now = how === 'error' ? { ...known, errors: known.errors + 1 } : { ...known, cuts: known.cuts + 1 };
    if (how === 'error' || now.cuts > 1) this.#careful = CAREFUL;
    const guilty = now.errors >= STREAM_ERRORS || now.cuts >= CUTS;
    this.#keep(guilty ? undefined : now);
    return guilty;
  }

  /** The server has it. */
  clear(key: string): void {
    if (this.#careful > 0) this.#careful -= 1;
    if (this.#suspect?.key === key) this.#keep(undefined);
  }

  #keep(suspect: Suspect | undefined): void {
    this.#suspect = suspect;
    if (suspect) this.#storage.put(KEY, JSON.stringify(suspect));
    else this.#storage.delete(KEY);
  }
}
