const MAXIMUM = 200;

/**
 * A name or note from outside as it may stand in a list: one line, no control or direction-changing characters, and
 * no longer than anybody reads.
 */
export const shortText = (text: string): string =>
  text
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim()
    .slice(0, MAXIMUM)
    // not half of a character
    .replace(/[\ud800-\udbff]$/, '');
