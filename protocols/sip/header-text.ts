/** Text that may stand in a header: no line ends, no control characters, no half surrogates, at most `maximum` characters. */
export const headerText = (text: string, maximum = 200): string =>
  wellFormed(text)
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, maximum);

/**
 * A display name for sip.js, which puts quotes around it but escapes nothing itself (RFC 3261 §25.1 quoted-string).
 *
 * @example displayName('Ana "the boss"') // 'Ana \\"the boss\\"'
 */
export const displayName = (name: string): string => wellFormed(headerText(name, 100)).replace(/[\\"]/g, '\\$&');

/** Half surrogates replaced by U+FFFD: sip.js throws on them when it counts bytes. (String.toWellFormed is not in Node 18.) */
export const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

/** A display name as sip.js hands it over, its escapes undone and made safe to show. */
export const shownName = (name: string | undefined): string | undefined =>
  headerText((name ?? '').replace(/\\(.)/g, '$1')) || undefined;
