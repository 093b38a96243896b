/**
 * What a person typed as a query of FTS5: every word must be there, as a beginning of one. Nothing typed is ever an
 * operator. Undefined when there is no word in it.
 *
 * @example searchQuery('reunião "OR') // '"reunião"* "OR"*'
 */
export function searchQuery(typed: string): string | undefined {
  // the index splits at everything that is neither letter, digit nor mark; a phrase of nothing would be an error
  const words = wordsOf(typed);
  return words.length === 0 ? undefined : words.map((word) => `"${word}"*`).join(' ');
}

const wordsOf = (text: string): string[] => text.match(/[\p{L}\p{N}\p{M}\p{Co}]+/gu) ?? [];
const folded = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** Whether a text has every word that was typed as the beginning of one of its own; case and marks do not count. */
export function hasWords(text: string, typed: string): boolean {
  const there = wordsOf(text).map(folded);
  return wordsOf(typed)
    .map(folded)
    .every((word) => there.some((one) => one.startsWith(word)));
}

/** Scripts that put no space between words, and pictures: the index has whole runs of the first and none of the second. */
const UNSPACED = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Thai}\p{Extended_Pictographic}]/u;

/**
 * What was typed in two: `parts` are found anywhere in a text, as patterns of LIKE; `words` by the index.
 *
 * `grams` is what a text with the parts has at least in the index of characters and pairs (a query of FTS5); undefined where
 * that index knows nothing of one of them.
 *
 * @example searchParts('Ana 喜歡') // { words: 'Ana', parts: ['%喜歡%'], grams: '("e5969ce6ada1") OR "long"' }
 */
export function searchParts(typed: string): { words: string; parts: string[]; grams: string | undefined } {
  const pieces = typed.split(/\s+/).filter(Boolean);
  // every part costs time for each message
  const parts = pieces.filter((piece) => UNSPACED.test(piece)).slice(0, 10);
  const indexed = parts.map(gramsOf);
  return {
    grams: indexed.every((one) => one.length > 0)
      ? `(${[...new Set(indexed.flat())].map((gram) => `"${gram}"`).join(' AND ')}) OR "long"`
      : undefined,
    words: pieces.filter((piece) => !UNSPACED.test(piece)).join(' '),
    parts: parts.map((part) => `%${part.replace(/[\\%_]/g, '\\$&')}%`),
  };
}

/** From here on the second index of the search has each character. The migration that made it says the same. */
const FIRST_INDEXED = 0x0e00;

/** Each pair of neighbours that the index has, or, where there is none, each character; as the index writes them. */
function gramsOf(part: string): string[] {
  const hex = (text: string): string => Buffer.from(text).toString('hex');
  const characters = Array.from(part, (character) =>
    (character.codePointAt(0) ?? 0) >= FIRST_INDEXED ? character : '',
  );
  const pairs = characters.flatMap((character, at) => {
    const next = characters[at + 1];
    return character && next ? [hex(character + next)] : [];
  });
  return pairs.length > 0 ? pairs : characters.filter(Boolean).map(hex);
}
