/** What a challenge asks for, apart from its nonce. */
export interface DigestKind {
  realm: string;
  /** Algorithm without `-sess`, as RFC 8760 names it. */
  algorithm: string;
  /** Whether a qop was offered: without one the answer carries no nonce of ours (RFC 7616 §5.8). */
  qop: boolean;
}

/** Why a challenge is not answered although it could be. */
export interface ConsentNeeded {
  /** `authentication-changed`: of another realm. */
  code: 'authentication-weaker' | 'authentication-changed';
  /** What a person or a policy would have to allow (`BindingRules.allowed`); absent: only an administrator can, by `withoutQop`. */
  allow?: string;
}

export interface BindingRules {
  /** What was kept from an earlier login, as `text` gave it. */
  stored?: string | undefined;
  /** MD5 without qop, which a word list opens at once, is answered too. */
  withoutQop?: boolean;
  /** Nonces out of any answer are taken. A peer that makes one up then gets a digest of the password to try words on. */
  anyNonce?: boolean;
  /** What a person or a policy has allowed although it is weaker or of another realm, as `ConsentNeeded.allow` named it. */
  allowed?: string;
}

/** As many consents are kept; a registrar that asks in another name each time needs no more. */
const CONSENTS_MAXIMUM = 8;
/** Nothing longer is put before a person. */
const REALM_MAXIMUM = 200;

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
  readonly #allowed: readonly string[];

  constructor({ stored, withoutQop = false, anyNonce = false, allowed = '' }: BindingRules = {}) {
    this.#allowed = allowed.split(' ').filter((name) => name !== '');
    this.anyNonce = anyNonce;
    this.#withoutQop = withoutQop;
    this.#kinds = new Map(parse(stored).map((kind) => [kind.realm, kind]));
  }

  /** What is kept with the account; neither password nor hash. */
  get text(): string {
    return JSON.stringify([...this.#kinds.values()]);
  }

  /** Whether the registrar has taken the password before. */
  get isBound(): boolean {
    return this.#kinds.size > 0;
  }

  /** Whether a challenge of this kind may be answered. Before the first login every realm may. */
  allows(kind: DigestKind): boolean {
    if (this.#isForAdministrators(kind)) return false;
    if (this.#allowed.includes(nameOf(kind))) return true;
    if (this.#kinds.size === 0) return true;
    const bound = this.#kinds.get(kind.realm);
    if (!bound) return false;
    return STRENGTH.indexOf(kind.algorithm) >= STRENGTH.indexOf(bound.algorithm) && (kind.qop || !bound.qop);
  }

  /** What has to be allowed before one of these is answered: the strongest of each realm, and what is allowed already. */
  consentNeeded(kinds: readonly DigestKind[]): ConsentNeeded | undefined {
    const best = new Map<string, DigestKind>();
    for (const kind of kinds) {
      const before = best.get(kind.realm);
      if (!before || strengthOf(kind) > strengthOf(before)) best.set(kind.realm, kind);
    }
    const refused = [...best.values()].filter((kind) => !this.allows(kind));
    if (refused.length === 0) return undefined;
    // a weaker way in the known name is one question, another name is another: they are not allowed by the same word
    const known = refused.filter(({ realm }) => this.#kinds.has(realm));
    const isOther = this.isBound && known.length === 0;
    const names = (known.length > 0 ? known : refused)
      .filter((kind) => !this.#isForAdministrators(kind) && kind.realm.length <= REALM_MAXIMUM)
      .map(nameOf);
    return {
      code: isOther ? 'authentication-changed' : 'authentication-weaker',
      ...(names.length > 0 && { allow: [...this.#allowed, ...names].slice(-CONSENTS_MAXIMUM).join(' ') }),
    };
  }

  /** MD5 without qop is opened by a word list at once, so that a person is not asked. */
  #isForAdministrators({ algorithm, qop }: DigestKind): boolean {
    return !qop && algorithm === 'MD5' && !this.#withoutQop;
  }

  /** The registrar took the password for these. */
  bind(kinds: readonly DigestKind[]): void {
    for (const kind of kinds.filter((each) => this.allows(each))) this.#kinds.set(kind.realm, kind);
  }
}

/** As a consent names it: `MD5:campus.test`, `SHA-256-without-qop:campus.test`; no blank is in it. */
const nameOf = ({ algorithm, qop, realm }: DigestKind): string =>
  `${algorithm}${qop ? '' : '-without-qop'}:${encodeURIComponent(realm)}`;

const strengthOf = ({ algorithm, qop }: DigestKind): number => STRENGTH.indexOf(algorithm) * 2 + (qop ? 1 : 0);

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
