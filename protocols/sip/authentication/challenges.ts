/** One challenge of a WWW-Authenticate or Proxy-Authenticate header (RFC 7616 §3.3). Parameter names in lower case. */
export interface Challenge {
  scheme: string;
  parameters: ReadonlyMap<string, string>;
}

const ITEM =
  /\s*(?:,\s*)*(?:([A-Za-z0-9\-!#$%&'*+.^_`|~]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|([A-Za-z0-9\-!#$%&'*+.^_`|~]+)(?=[\s,]|$))/gy;

/**
 * All challenges in one header value, which may hold several. Unknown schemes are given too; what can't be read ends the
 * list.
 *
 * @example parseChallenges('Digest realm="a", nonce="b", Digest realm="a", nonce="c", algorithm=SHA-256').length // 2
 */
export const parseChallenges = (value: string): Challenge[] => {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (const [, name, quoted, plain, scheme] of value.matchAll(ITEM)) {
    if (scheme !== undefined) challenges.push({ scheme, parameters: new Map() });
    else if (name !== undefined)
      challenges.at(-1)?.parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return challenges;
};
