import { expect, it } from 'vitest';
import { shortText } from '../../../electron/core/people/short-text.ts';

const tags = (text: string): string =>
  Array.from(text, (letter) => String.fromCodePoint(0xe0000 + (letter.codePointAt(0) ?? 0))).join('');

it.each([
  ['a grapheme joiner', 'A\u034fna', 'Ana'],
  ['tag characters', `Ana${tags('not ana')}`, 'Ana'],
  ['a soft hyphen and a byte order mark', '\ufeffA\u00adna', 'Ana'],
  ['what turns the reading direction', '\u202eana\u202c', 'ana'],
  ['an invisible operator', 'An\u2063a', 'Ana'],
  ['a variation selector that selects nothing', 'An\ufe01a\u{e0101}', 'Ana'],
  ['lines and tabs', ' Ana\r\n\tSousa ', 'Ana Sousa'],
])('a name with %s is the name without it', (_what, name, shown) => {
  expect(shortText(name)).toBe(shown);
});

it.each([
  ['a Hangul filler', '\u3164'],
  ['a Braille blank', '\u2800\u2800'],
  ['joiners', '\u200d\u200c\u200d'],
  ['marks without a letter', '\u0301\u0301'],
  ['spaces of every width', '\u2003\u00a0\u3000'],
  ['tags', tags('ana')],
  ['selectors', '\ufe0f\ufe0e'],
])('a name of nothing but %s is none', (_what, name) => {
  expect(shortText(name)).toBe('');
});

it('no name reaches into other lines by a pile of marks', () => {
  const pile = '\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309'.repeat(20);
  const shown = shortText(`A${pile}n${pile}a`);
  expect(shown.match(/\p{M}/gu)?.length).toBeLessThanOrEqual(8);
  expect(shown.normalize('NFD').replace(/\p{M}/gu, '')).toBe('Ana');
});

it.each([
  'José Conceição',
  'Nguyễn Thị Ánh',
  'שָׁלוֹם',
  'می\u200cخواهم',
  'श्रीनिवास',
  'อภิสิทธิ์',
  '김민수',
  '喜歡',
  '👩\u200d👩\u200d👧 família',
  '❤\ufe0f Ana',
  'Ana (🇵🇹)',
])('a name that people have stays as it is: %s', (name) => {
  expect(shortText(name)).toBe(name.normalize('NFC'));
});

it('a name is cut where nobody reads on, and never within a character', () => {
  expect(shortText('a'.repeat(1_000_000))).toHaveLength(200);
  expect(shortText(`${'a'.repeat(199)}😀`)).toBe('a'.repeat(199));
});
