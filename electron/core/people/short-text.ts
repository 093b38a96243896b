import { INVISIBLE, PILE_OF_MARKS } from '../invisible.ts';

const MAXIMUM = 200;
/** Line ends, tabs, and letters and signs without a shape: to the eye all of them are spaces. */
const BLANK = /[\s\p{Cc}\u115f\u1160\u2800\u3164\uffa0]+/gu;
/** Joiners and selectors where there is nothing to join or select. */
const LOOSE = /(?<=^|\s)(?:\u200c|\u200d|\ufe0e|\ufe0f)+|(?:\u200c|\u200d)+(?=$|\s)/gu;
/** Marks with no letter under them. */
const BARE_MARKS = /(^|\s)\p{M}+/gu;

/**
 * A name or note from outside as it may stand in a list: one line, nothing invisible, nothing that changes the reading direction,
 * no pile of marks that reaches into other lines, and no longer than anybody reads. Empty where there would be nothing to see.
 *
 * @example shortText('A\u034fna') // 'Ana'
 */
export function shortText(text: string): string {
  const shown = text
    // what is taken away below is not read without bound
    .slice(0, MAXIMUM * 10)
    .replace(BLANK, ' ')
    .replace(INVISIBLE, '')
    // only now: what is taken out may have kept a letter and its accent apart
    .normalize('NFC')
    .replace(LOOSE, '')
    .replace(BARE_MARKS, '$1')
    .replace(PILE_OF_MARKS, '$1')
    .trim()
    .slice(0, MAXIMUM)
    // not half of a character
    .replace(/[\ud800-\udbff]$/, '')
    .trim();
  return /[\p{L}\p{N}\p{P}\p{S}\p{Co}]/u.test(shown) ? shown : '';
}
