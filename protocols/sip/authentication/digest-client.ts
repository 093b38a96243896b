import { createHash, getHashes, randomBytes } from 'node:crypto';
import type { Challenge } from './challenges.ts';

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

const NONCES_MAXIMUM = 50;

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
  /** The last challenges answered, by what they were for: the next request need not be refused first. */
  readonly #known = new Map<string, Challenge>();
  /** How often each nonce was used; servers may refuse a count they have seen. */
  readonly #counts = new Map<string, number>();

  constructor(username: string, password: string, clientNonce: () => string = () => randomBytes(12).toString('hex')) {
    this.#username = username;
    this.#password = password;
    this.#clientNonce = clientNonce;
  }

  /** One answer per realm we can serve; empty when no challenge is of a kind we know. */
  answer(challenges: readonly Challenge[], request: DigestRequest): DigestAnswer[] {
    const answers = new Map<string, { rank: number; answer: DigestAnswer }>();
    for (const challenge of challenges) {
      const { scheme, parameters } = challenge;
      const realm = parameters.get('realm');
      const nonce = parameters.get('nonce');
      if (scheme.toLowerCase() !== 'digest' || realm === undefined || nonce === undefined) continue;
      const wanted = (parameters.get('algorithm') ?? 'MD5').toUpperCase();
      const rank = ALGORITHMS.findIndex(({ name }) => name === wanted.replace(/-SESS$/, ''));
      const qop = chooseQop(parameters.get('qop'));
      const best = answers.get(realm);
      if (rank === -1 || qop === undefined || (best && best.rank <= rank)) continue;
      const stale = parameters.get('stale')?.toLowerCase() === 'true';
      const value = this.#respond(
        parameters,
        { realm, nonce, wanted, hash: ALGORITHMS[rank]?.hash ?? 'md5', qop },
        request,
      );
      answers.set(realm, { rank, answer: { realm, stale, value, challenge } });
    }
    return [...answers.values()].map(({ answer }) => answer);
  }

  /** Keeps the challenges that were answered, for `preempt`. `scope` tells kinds of requests apart. */
  remember(scope: string, answers: readonly DigestAnswer[]): void {
    for (const { realm, challenge } of answers) this.#known.set(`${scope}\n${realm}`, challenge);
  }

  /** Answers to what requests of this scope were challenged with before (RFC 7616 §3.6). */
  preempt(scope: string, request: DigestRequest): DigestAnswer[] {
    const known = [...this.#known].filter(([key]) => key.startsWith(`${scope}\n`));
    return this.answer(
      known.map(([, challenge]) => challenge),
      request,
    );
  }

  #respond(
    parameters: ReadonlyMap<string, string>,
    chosen: { realm: string; nonce: string; wanted: string; hash: string; qop: 'auth' | 'auth-int' | 'none' },
    request: DigestRequest,
  ): string {
    const { realm, nonce, wanted, qop } = chosen;
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

/** Undefined: only kinds we don't know. */
const chooseQop = (offered: string | undefined): 'auth' | 'auth-int' | 'none' | undefined => {
  if (offered === undefined || offered.trim() === '') return 'none';
  const kinds = offered.toLowerCase().split(/[\s,]+/);
  return kinds.includes('auth') ? 'auth' : kinds.includes('auth-int') ? 'auth-int' : undefined;
};
