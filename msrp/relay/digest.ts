import { createHash } from 'node:crypto';
import { MsrpError } from '../errors.ts';
import type { Headers } from '../grammar/headers.ts';

/** What a relay wants to be answered (RFC 7616 §3.3, RFC 4976 §9.1). */
export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: 'SHA-256' | 'MD5';
}

/** What tells a challenge from a weaker or a foreign one. */
export type ChallengeKind = Pick<Challenge, 'realm' | 'algorithm'>;

/** Name and password at a relay. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The answer to a challenge. */
export interface Authorization {
  /** The value of the header field. */
  readonly value: string;
  /** What only a relay that knows the password can say in return (`rspauth`, RFC 7616 §3.5). */
  readonly confirmation: string;
}

/** The parameters of a challenge, a credential or an Authentication-Info, by their names in lower case. */
export function parameters(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = '', quoted, token] of text.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    found.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token ?? '');
  }
  return found;
}

/**
 * The strongest challenge of a 401 that can and may be answered (RFC 7616 §3.7).
 *
 * @throws MsrpError `relay-failed` when there is none: no Basic, no MD5-sess, no auth-int (RFC 4976 §9.1)
 */
export function chooseChallenge(
  headers: Headers,
  mayAnswer: (asked: ChallengeKind) => boolean = () => true,
): Challenge {
  const challenges: Challenge[] = [];
  for (const [name, value] of headers) {
    if (name !== 'WWW-Authenticate' || !/^digest\s/i.test(value)) continue;
    const given = parameters(value.slice(7));
    const algorithm = (given.get('algorithm') ?? 'MD5').toUpperCase();
    const qop = (given.get('qop') ?? 'auth').split(',').map((part) => part.trim());
    const [realm, nonce] = [given.get('realm'), given.get('nonce')];
    if (realm === undefined || nonce === undefined || !qop.includes('auth')) continue;
    if (algorithm === 'SHA-256' || algorithm === 'MD5')
      challenges.push({ realm, nonce, opaque: given.get('opaque'), algorithm });
  }
  const byStrength = ['SHA-256', 'MD5'].flatMap((name) => challenges.filter(({ algorithm }) => algorithm === name));
  const chosen = byStrength.find(({ realm, algorithm }) => mayAnswer({ realm, algorithm }));
  if (chosen === undefined)
    throw new MsrpError('relay-failed', 'The relay asks for what cannot be answered', { status: 401 });
  return chosen;
}

/**
 * What goes into Authorization of an AUTH request.
 *
 * @param uri the rightmost URI of To-Path, which RFC 4976 §9.1 takes for the request URI
 * @param named whether the value has `uri=`: RFC 7616 wants it, and there are relays that do not survive it
 */
export function authorize(
  challenge: Challenge,
  { username, password }: Credentials,
  { uri, cnonce, named }: { readonly uri: string; readonly cnonce: string; readonly named: boolean },
): Authorization {
  const hash = (text: string) =>
    createHash(challenge.algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  const { realm, nonce, opaque } = challenge;
  const secret = hash(`${username}:${realm}:${password}`);
  // each nonce is used once, so the count is always one
  const proof = (method: string) => hash(`${secret}:${nonce}:00000001:${cnonce}:auth:${hash(`${method}:${uri}`)}`);
  const quote = (text: string) => `"${text.replace(/(["\\])/g, '\\$1')}"`;
  const value = [
    `Digest username=${quote(username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    ...(named ? [`uri=${quote(uri)}`] : []),
    `response="${proof('AUTH')}"`,
    `algorithm=${challenge.algorithm}`,
    `cnonce="${cnonce}"`,
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
    'qop=auth',
    'nc=00000001',
  ].join(', ');
  return { value, confirmation: proof('') };
}
