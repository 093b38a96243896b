/**
 * What a person typed as a query of FTS5: every word must be there, as a beginning of one. Nothing typed is ever an
 * operator. Undefined when there is no word in it.
 *
 * @example searchQuery('reunião "OR') // '"reunião"* "OR"*'
 */
export function searchQuery(typed: string): string | undefined {
  // the index splits at everything that is neither letter, digit nor mark; a phrase of nothing would be an error
  const words = typed.match(/[\p{L}\p{N}\p{M}\p{Co}]+/gu) ?? [];
  return words.length === 0 ? undefined : words.map((word) => `"${word}"*`).join(' ');
}

/** Scripts that put no space between words, and pictures: the index has whole runs of the first and none of the second. */
const UNSPACED = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Thai}\p{Extended_Pictographic}]/u;

/**
 * What was typed in two: `parts` are found anywhere in a text, as patterns of LIKE; `words` by the index.
 *
 * @example searchParts('Ana 喜歡') // { words: 'Ana', parts: ['%喜歡%'] }
 */
export function searchParts(typed: string): { words: string; parts: string[] } {
  const pieces = typed.split(/\s+/).filter(Boolean);
  // every part costs time for each message
  const parts = pieces.filter((piece) => UNSPACED.test(piece)).slice(0, 10);
  return {
    words: pieces.filter((piece) => !UNSPACED.test(piece)).join(' '),
    parts: parts.map((part) => `%${part.replace(/[\\%_]/g, '\\$&')}%`),
  };
}
