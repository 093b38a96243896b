import { createHash, getHashes, randomBytes } from 'node:crypto';
import type { AccountBinding, ConsentNeeded, DigestKind } from './account-binding.ts';
import { type Challenge, parseChallenges } from './challenges.ts';

/** Strongest first (RFC 8760 §2.3). */
const ALGORITHMS: readonly { name: string; hash: string }[] = [
  { name: 'SHA-512-256', hash: 'sha512-256' },
  { name: 'SHA-256', hash: 'sha256' },
  { name: 'MD5', hash: 'md5' },
].filter(({ hash }) => getHashes().includes(hash));

export interface DigestRequest {
  method: string;
  /** Request-URI as it goes on the wire. */
  uri: string;
  body: string;
}

/** One header value that answers one realm. */
export interface DigestAnswer {
  realm: string;
  /** The server said our nonce was only too old (RFC 7616 §3.3), so the password is not in question. */
  stale: boolean;
  value: string;
  challenge: Challenge;
}

/** A challenge we can answer, and how. */
interface Chosen {
  challenge: Challenge;
  realm: string;
  nonce: string;
  /** Algorithm as the server wrote it, in upper case. */
  wanted: string;
  /** In `ALGORITHMS`; lower is stronger. */
  rank: number;
  hash: string;
  qop: 'auth' | 'auth-int' | 'none';
}

const NONCES_MAXIMUM = 50;
/** A registrar and the proxies before it; more is no server's need. */
const REALMS_MAXIMUM = 4;

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

/**
 * Digest access authentication (RFC 7616, for SIP RFC 8760): MD5, SHA-256, SHA-512-256 and their `-sess` forms; `auth`,
 * `auth-int` and the old form without qop. Of several challenges for one realm the strongest is answered; other realms
 * get answers of their own (RFC 3261 §22.3).
 */
export class DigestClient {
  /** The server has taken this password before: a refusal may be about the nonce. */
  accepted = false;
  readonly #username: string;
  readonly #password: string;
  readonly #clientNonce: () => string;
  /** The last challenges answered, by what they were for and by realm: the next request need not be refused first. */
  readonly #known = new Map<string, Map<string, Challenge>>();
  /** How often each nonce was used; servers may refuse a count they have seen. */
  readonly #counts = new Map<string, number>();
  readonly #binding: AccountBinding | undefined;
  /** By realm: the last challenge that came from the account's own server. */
  readonly #own = new Map<string, Challenge>();

  /** Without a binding every realm and every nonce is answered. */
  constructor(
    username: string,
    password: string,
    clientNonce: () => string = () => randomBytes(12).toString('base64url'),
    binding?: AccountBinding,
  ) {
    this.#username = username;
    this.#password = password;
    this.#clientNonce = clientNonce;
    this.#binding = binding;
  }

  /** Credentials are made only from nonces that the account's own server gave. */
  get ownNoncesOnly(): boolean {
    return this.#binding !== undefined && !this.#binding.anyNonce;
  }

  /** One answer per realm we can serve, to the strongest of its challenges; empty when none is of a kind we know. */
  answer(challenges: readonly Challenge[], request: DigestRequest): DigestAnswer[] {
    return this.#best(challenges).map((chosen) => ({
      realm: chosen.realm,
      stale: chosen.challenge.parameters.get('stale')?.toLowerCase() === 'true',
      value: this.#respond(chosen, request),
      challenge: chosen.challenge,
    }));
  }

  /** The account's own server sent these, so that their nonces may be used for every request. */
  learn(challenges: readonly Challenge[]): void {
    for (const { realm, challenge } of this.#best(challenges)) {
      this.#own.delete(realm);
      this.#own.set(realm, challenge);
      for (const known of this.#known.values()) if (known.has(realm)) known.set(realm, challenge);
    }
    for (const realm of [...this.#own.keys()].slice(0, -REALMS_MAXIMUM)) this.#own.delete(realm);
  }

  /** What the account's own server last sent for the realms of these challenges; of these themselves nothing is taken. */
  ownFor(challenges: readonly Challenge[]): Challenge[] {
    const realms = new Set(challenges.map(({ parameters }) => parameters.get('realm')));
    return [...this.#own].filter(([realm]) => realms.has(realm)).map(([, challenge]) => challenge);
  }

  /** Whether it is known which realms are the account's. */
  get isBound(): boolean {
    return this.#binding?.isBound ?? true;
  }

  /** The password was taken for what these scopes were challenged with: nothing weaker and no other realm is answered any more. */
  bind(scopes: readonly string[]): void {
    const answered = scopes.flatMap((scope) => [...(this.#known.get(scope)?.values() ?? [])]);
    this.#binding?.bind(this.#best(answered).map(kindOf));
  }

  /** What has to be allowed before any of these is answered; undefined where nothing would help. */
  consentNeeded(challenges: readonly Challenge[]): ConsentNeeded | undefined {
    return this.#binding?.consentNeeded(challenges.flatMap((challenge) => choose(challenge) ?? []).map(kindOf));
  }

  #best(challenges: readonly Challenge[]): Chosen[] {
    const best = new Map<string, Chosen>();
    for (const challenge of challenges) {
      const chosen = choose(challenge);
      if (chosen && this.#binding?.allows(kindOf(chosen)) === false) continue;
      if (!chosen || (best.get(chosen.realm)?.rank ?? ALGORITHMS.length) <= chosen.rank) continue;
      if (best.has(chosen.realm) || best.size < REALMS_MAXIMUM) best.set(chosen.realm, chosen);
    }
    return [...best.values()];
  }

  /** Keeps the challenges that were answered, for `preempt`. `scope` tells kinds of requests apart. */
  remember(scope: string, answers: readonly DigestAnswer[]): void {
    const known = this.#known.get(scope) ?? new Map<string, Challenge>();
    this.#known.set(scope, known);
    for (const { realm, challenge } of answers) {
      known.delete(realm);
      known.set(realm, challenge);
    }
    // a server whose realm is another each time must not make our requests ever longer
    for (const realm of [...known.keys()].slice(0, -REALMS_MAXIMUM)) known.delete(realm);
  }

  /** Answers to what requests of this scope were challenged with before (RFC 7616 §3.6). */
  preempt(scope: string, request: DigestRequest): DigestAnswer[] {
    return this.answer([...(this.#known.get(scope)?.values() ?? [])], request);
  }

  /**
   * RFC 7616 §3.5: the nonce the server wants next time, in its Authentication-Info. It names no realm, so it is taken where
   * there is one only.
   */
  renew(scope: string, authenticationInfo: string): void {
    const known = [...(this.#known.get(scope) ?? [])];
    const [only] = known;
    // parameters as those of a challenge
    const nonce = parseChallenges(`Digest ${authenticationInfo}`)[0]?.parameters.get('nextnonce');
    if (!only || known.length > 1 || !nonce) return;
    const [realm, { scheme, parameters }] = only;
    const next = { scheme, parameters: new Map([...parameters, ['nonce', nonce]]) };
    this.#known.get(scope)?.set(realm, next);
    if (this.ownNoncesOnly) this.learn([next]);
  }

  #respond(chosen: Chosen, request: DigestRequest): string {
    const { realm, nonce, wanted, qop } = chosen;
    const { parameters } = chosen.challenge;
    const hash = (text: string): string => createHash(chosen.hash).update(text, 'utf8').digest('hex');
    const clientNonce = this.#clientNonce();
    const count = this.#count(nonce);
    const secret = hash(`${this.#username}:${realm}:${this.#password}`);
    const ha1 = wanted.endsWith('-SESS') ? hash(`${secret}:${nonce}:${clientNonce}`) : secret;
    const ha2 = hash(`${request.method}:${request.uri}${qop === 'auth-int' ? `:${hash(request.body)}` : ''}`);
    const response =
      qop === 'none' ? hash(`${ha1}:${nonce}:${ha2}`) : hash(`${ha1}:${nonce}:${count}:${clientNonce}:${qop}:${ha2}`);
    // RFC 7616 §3.4.4: the server may ask for the name in a hashed form
    const hidden = parameters.get('userhash')?.toLowerCase() === 'true';
    const opaque = parameters.get('opaque');
    return [
      `Digest username=${quoted(hidden ? hash(`${this.#username}:${realm}`) : this.#username)}`,
      `realm=${quoted(realm)}`,
      `nonce=${quoted(nonce)}`,
      `uri=${quoted(request.uri)}`,
      `response="${response}"`,
      ...(parameters.has('algorithm') ? [`algorithm=${parameters.get('algorithm')}`] : []),
      ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
      ...(qop === 'none' ? [] : [`qop=${qop}`, `nc=${count}`]),
      ...(qop !== 'none' || wanted.endsWith('-SESS') ? [`cnonce="${clientNonce}"`] : []),
      ...(hidden ? ['userhash=true'] : []),
    ].join(', ');
  }

  #count(nonce: string): string {
    const count = (this.#counts.get(nonce) ?? 0) + 1;
    this.#counts.delete(nonce);
    this.#counts.set(nonce, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > NONCES_MAXIMUM && oldest !== undefined) this.#counts.delete(oldest);
    return count.toString(16).padStart(8, '0');
  }
}

const kindOf = ({ realm, rank, qop }: Chosen): DigestKind => ({
  realm,
  algorithm: ALGORITHMS[rank]?.name ?? '',
  qop: qop !== 'none',
});

/** Undefined: of a kind we don't know. */
const choose = (challenge: Challenge): Chosen | undefined => {
  const { scheme, parameters } = challenge;
  const realm = parameters.get('realm');
  const nonce = parameters.get('nonce');
  const wanted = (parameters.get('algorithm') ?? 'MD5').toUpperCase();
  const rank = ALGORITHMS.findIndex(({ name }) => name === wanted.replace(/-SESS$/, ''));
  const hash = ALGORITHMS[rank]?.hash;
  const qop = chooseQop(parameters.get('qop'));
  if (scheme.toLowerCase() !== 'digest' || realm === undefined || nonce === undefined || !hash || !qop)
    return undefined;
  return { challenge, realm, nonce, wanted, rank, hash, qop };
};

const chooseQop = (offered: string | undefined): 'auth' | 'auth-int' | 'none' | undefined => {
  if (offered === undefined || offered.trim() === '') return 'none';
  const kinds = offered.toLowerCase().split(/[\s,]+/);
  return kinds.includes('auth') ? 'auth' : kinds.includes('auth-int') ? 'auth-int' : undefined;
};
