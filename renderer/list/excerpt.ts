/** Characters before the hit: more, and the end of a narrow row would cut the hit off. */
const BEFORE = 12;
const LENGTH = 180;
const WORD_PART = /[\p{L}\p{N}\p{M}\p{Co}]/u;

const folded = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/**
 * The part of a text in which what was searched for is, near its beginning. Letters are compared as the search does:
 * without case and marks, each word as the beginning of one, and where none begins so, anywhere.
 *
 * @example excerpt(`${'x '.repeat(99)}a reunião`, 'REUNIAO') // '…x x x x x a reunião'
 */
export function excerpt(text: string, query: string): string {
  const words = (query.match(/[\p{L}\p{N}\p{M}\p{Co}]+/gu) ?? [query.trim()]).map(folded).filter(Boolean);
  const at = placeOf(text, words);
  if (at <= BEFORE) return cut(text, 0);
  const from = text.slice(0, at).lastIndexOf(' ', at - 2);
  // a word before it is worth more than a part of one
  return `…${cut(text, from >= at - BEFORE ? from + 1 : at)}`;
}

/** Never a half of a pair of surrogates at the end. */
const cut = (text: string, from: number): string =>
  text.slice(from, from + LENGTH).replace(/[\u{D800}-\u{DBFF}]$/u, '');

function placeOf(text: string, words: readonly string[]): number {
  let plain = '';
  const places: number[] = [];
  let inWord = false;
  const beginnings = new Set<number>();
  let at = 0;
  for (const letter of text) {
    const part = folded(letter);
    const isPart = WORD_PART.test(letter);
    if (isPart && !inWord) beginnings.add(plain.length);
    inWord = isPart;
    for (let unit = 0; unit < part.length; unit++) places.push(at);
    plain += part;
    at += letter.length;
  }
  let anywhere: number | undefined;
  for (const word of words) {
    for (let found = plain.indexOf(word); found >= 0; found = plain.indexOf(word, found + 1)) {
      if (beginnings.has(found)) return places[found] ?? 0;
      anywhere ??= places[found];
    }
  }
  return anywhere ?? 0;
}
