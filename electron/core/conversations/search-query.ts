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
