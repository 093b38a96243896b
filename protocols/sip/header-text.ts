/** Text that may stand in a header: no line ends, no control characters, no half surrogates, at most `maximum` characters. */
export const headerText = (text: string, maximum = 200): string =>
  wellFormed(text)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
    .replace(/[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g, ' ')
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
