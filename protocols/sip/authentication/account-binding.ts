/** What a challenge asks for, apart from its nonce. */
export interface DigestKind {
  realm: string;
  /** Algorithm without `-sess`, as RFC 8760 names it. */
  algorithm: string;
  /** Whether a qop was offered: without one the answer carries no nonce of ours (RFC 7616 §5.8). */
  qop: boolean;
}

export interface BindingRules {
  /** What was kept from an earlier login, as `text` gave it. */
  stored?: string | undefined;
  /** MD5 without qop, which a word list opens at once, is answered too. */
  withoutQop?: boolean;
  /** Nonces out of any answer are taken. A peer that makes one up then gets a digest of the password to try words on. */
  anyNonce?: boolean;
}

/** Weakest first. */
const STRENGTH: readonly string[] = ['MD5', 'SHA-256', 'SHA-512-256'];

/**
 * What the credentials of one account are made for: the realms its registrar took the password for, each with the strongest
 * algorithm and the qop it asked for then. Nothing weaker is answered later (RFC 3261 §22, RFC 7616 §5.8, RFC 8760 §2.4), and
 * no other realm: a client cannot see who wrote a challenge.
 *
 * @example
 * const binding = new AccountBinding({ stored: storage.get('digest') });
 * if (binding.allows(kind)) answer();
 */
export class AccountBinding {
  /** Nonces out of any answer are taken, not only out of those to REGISTER and to requests to the domain. */
  readonly anyNonce: boolean;
  readonly #withoutQop: boolean;
  readonly #kinds: Map<string, DigestKind>;

  constructor({ stored, withoutQop = false, anyNonce = false }: BindingRules = {}) {
    this.anyNonce = anyNonce;
    this.#withoutQop = withoutQop;
    this.#kinds = new Map(parse(stored).map((kind) => [kind.realm, kind]));
  }

  /** What is kept with the account; neither password nor hash. */
  get text(): string {
    return JSON.stringify([...this.#kinds.values()]);
  }

  /** Whether a challenge of this kind may be answered. Before the first login every realm may. */
  allows(kind: DigestKind): boolean {
    if (!kind.qop && kind.algorithm === 'MD5' && !this.#withoutQop) return false;
    if (this.#kinds.size === 0) return true;
    const bound = this.#kinds.get(kind.realm);
    if (!bound) return false;
    return STRENGTH.indexOf(kind.algorithm) >= STRENGTH.indexOf(bound.algorithm) && (kind.qop || !bound.qop);
  }

  /** The registrar took the password for these. */
  bind(kinds: readonly DigestKind[]): void {
    for (const kind of kinds.filter((each) => this.allows(each))) this.#kinds.set(kind.realm, kind);
  }
}

const parse = (text: string | undefined): DigestKind[] => {
  try {
    const all: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(all) ? all.filter(isKind) : [];
  } catch {
    return [];
  }
};

const isKind = (value: unknown): value is DigestKind =>
  typeof value === 'object' &&
  value !== null &&
  'realm' in value &&
  typeof value.realm === 'string' &&
  'algorithm' in value &&
  typeof value.algorithm === 'string' &&
  'qop' in value &&
  typeof value.qop === 'boolean';
