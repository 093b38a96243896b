/** Escapes of RFC 3862 §2.3, the ones with a letter of their own. */
const LETTERS: readonly (readonly [character: string, sequence: string])[] = [
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\r', '\\r'],
];
const TO_ESCAPE = new Map(LETTERS);
const FROM_LETTER = new Map(LETTERS.map(([character, sequence]) => [sequence.slice(1), character]));

/** RFC 3862 §2.3.1: what must be escaped, and nothing else. */
export function escapeText(text: string): string {
  let escaped = '';
  for (const character of text) {
    const code = character.charCodeAt(0);
    const control = code < 0x20 || code === 0x7f;
    escaped += TO_ESCAPE.get(character) ?? (control ? `\\u${code.toString(16).padStart(4, '0')}` : character);
  }
  return escaped;
}

/** RFC 3862 §2.3.1: an unknown escape stands for its second character, a backslash at the end for nothing. */
export function unescapeText(text: string): string {
  return text.replace(
    /\\(?:u([0-9A-Fa-f]{4})|(.)|$)/gsu,
    (_all, hex: string | undefined, letter: string | undefined) =>
      hex === undefined
        ? (FROM_LETTER.get(letter ?? '') ?? letter ?? '')
        : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
