import { createHash } from 'node:crypto';
import {
  type Address,
  Emitter,
  ProviderError,
  type ProviderStorage,
  type VerificationOperationSet,
} from '../../../contract/index.ts';
import { instanceOfAddress, instanceOfKey } from './instance.ts';

export interface KeyVerificationOptions {
  storage: ProviderStorage;
  /** Our own public key (DER). */
  ownKey: Uint8Array;
  /** The public key behind an id, once a connection has shown it. */
  keyOf: (id: string) => Uint8Array | undefined;
  /** Connects to a peer, so that its key is shown. Never rejects. */
  meet: (address: Address) => Promise<unknown>;
  /** What a peer calls itself now. */
  nameOf: (id: string) => string | undefined;
}

interface Verified {
  /** SHA-256 of the public key, hex. */
  key: string;
  /** The name when the codes were compared, and what the key itself has said since. */
  name: string;
}

const ROUNDS = 5_200;

/** Which keys a person has confirmed, and the code of two keys to compare. */
export class KeyVerification implements VerificationOperationSet {
  readonly #options: KeyVerificationOptions;
  readonly #known = new Map<string, Verified | undefined>();
  readonly #verified = new Emitter<Address>();
  readonly onVerified = this.#verified.on;

  constructor(options: KeyVerificationOptions) {
    this.#options = options;
  }

  isVerified(address: Address): boolean {
    const id = instanceOfAddress(address);
    const verified = id === undefined ? undefined : this.#read(id);
    const shown = id === undefined ? undefined : this.#options.keyOf(id);
    return verified !== undefined && (shown === undefined || printOf(shown) === verified.key);
  }

  /** The name of a verified peer: announcements, which any program can make, do not change it. */
  nameOf(id: string): string | undefined {
    return this.#read(id)?.name;
  }

  /** A peer has said its name over a connection with its key. */
  told(address: Address, name: string): void {
    const id = instanceOfAddress(address);
    const verified = id === undefined ? undefined : this.#read(id);
    if (id !== undefined && verified && name !== '' && verified.name !== name) this.#write(id, { ...verified, name });
  }

  async code(address: Address): Promise<string> {
    return safetyCode(this.#options.ownKey, await this.#key(address));
  }

  async confirm(address: Address, code: string): Promise<void> {
    const key = await this.#key(address);
    if (safetyCode(this.#options.ownKey, key) !== code) throw new ProviderError('policy');
    const id = instanceOfKey(key);
    this.#write(id, { key: printOf(key), name: this.#options.nameOf(id) ?? '' });
    this.#verified.emit(address);
  }

  async #key(address: Address): Promise<Uint8Array> {
    const { keyOf, meet } = this.#options;
    const id = instanceOfAddress(address) ?? '';
    if (!keyOf(id)) await meet(address);
    const key = keyOf(id);
    if (!key) throw new ProviderError('peer-offline', { retryable: true });
    return key;
  }

  #read(id: string): Verified | undefined {
    if (!this.#known.has(id)) this.#known.set(id, parse(this.#options.storage.get(storageKey(id))));
    return this.#known.get(id);
  }

  #write(id: string, verified: Verified): void {
    this.#options.storage.put(storageKey(id), JSON.stringify(verified));
    this.#known.set(id, verified);
  }
}

const storageKey = (id: string): string => `local.verified.${id}`;
const printOf = (key: Uint8Array): string => createHash('sha256').update(key).digest('hex');

function parse(stored: string | undefined): Verified | undefined {
  try {
    const { key, name } = JSON.parse(stored ?? 'null') as Partial<Verified>;
    return typeof key === 'string' && typeof name === 'string' ? { key, name } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * 60 digits of two public keys, the same whichever is ours: 30 of each, the smaller first. The many rounds make it dear to look for
 * a key whose digits resemble those of another.
 *
 * @example safetyCode(anasKey, bobsKey) === safetyCode(bobsKey, anasKey) // true
 */
export const safetyCode = (one: Uint8Array, other: Uint8Array): string =>
  [digitsOf(one), digitsOf(other)].sort().join('');

function digitsOf(key: Uint8Array): string {
  let hash: Uint8Array = Buffer.from('AIMS local key 1');
  for (let round = 0; round < ROUNDS; round++) hash = createHash('sha512').update(hash).update(key).digest();
  const bytes = Buffer.from(hash);
  return [0, 5, 10, 15, 20, 25].map((at) => String(bytes.readUIntBE(at, 5) % 100_000).padStart(5, '0')).join('');
}
