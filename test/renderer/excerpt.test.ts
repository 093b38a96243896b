import { expect, it } from 'vitest';
import { excerpt } from '../../renderer/list/excerpt.ts';

it('an excerpt has what was searched for near its beginning, wherever in the text it is', () => {
  for (const [hit, query] of [
    ['reunião', 'reuniao'],
    ['REUNIÃO', 'reunião'],
    ['reunia\u{303}o', 'REUNIÃO'],
    ['喜歡', '喜歡'],
    ['😀', '😀'],
    ['dez', 'nothing "dez'],
  ] as const) {
    for (const before of [0, 5, 13, 20, 39, 41, 300]) {
      for (const filler of ['x ', 'çã ', '我', '😀x ']) {
        const text = `${filler === '😀x ' && hit === '😀' ? 'x '.repeat(before) : filler.repeat(before)}${hit} and more ${'z'.repeat(400)}`;
        const shown = excerpt(text, query);
        expect([query, before, filler, shown.indexOf(hit) >= 0 && shown.indexOf(hit) < 40]).toEqual([
          query,
          before,
          filler,
          true,
        ]);
        // throws at half of a pair of surrogates
        expect(encodeURIComponent(shown)).not.toBe('');
      }
    }
  }
});

it('an excerpt begins where a word begins as searched for, rather than inside of another', () => {
  expect(excerpt(`${'carta '.repeat(20)}arte fim`, 'art')).toContain('arte');
});

it('an excerpt of a text without the words is its beginning', () => {
  expect(excerpt('short', 'nothing')).toBe('short');
  expect(excerpt('y'.repeat(500), '')).toBe('y'.repeat(180));
});
