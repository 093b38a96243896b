import { describe, expect, test } from 'vitest';
import {
  type FileDates,
  type FileRange,
  formatCidUrl,
  formatFileDate,
  formatFileRange,
  isToken,
  parseCidUrl,
  parseFileDate,
  parseFileRange,
} from '../../../../protocols/sip/file-transfer/description/file-attributes.ts';

describe('file-date', () => {
  const pairs: [string, FileDates][] = [
    ['creation:"Mon, 15 May 2006 12:01:31 +0000"', { createdAt: Date.UTC(2006, 4, 15, 12, 1, 31) }],
    [
      'creation:"Thu, 01 Jan 1970 00:00:00 +0000" modification:"Sun, 29 Feb 2032 23:59:59 +0000" read:"Sat, 31 Dec 2033 00:00:00 +0000"',
      { createdAt: 0, modifiedAt: Date.UTC(2032, 1, 29, 23, 59, 59), readAt: Date.UTC(2033, 11, 31) },
    ],
  ];
  test.each(pairs)('%s is read and written', (text, dates) => {
    expect(parseFileDate(text)).toEqual(dates);
    expect(formatFileDate(dates)).toBe(text);
  });
  test('no dates are no attribute', () => expect(formatFileDate({})).toBeUndefined());
  test('a zone is taken away: the example of RFC 5547', () => {
    expect(parseFileDate('creation:"Mon, 15 May 2006 15:01:31 +0300"')).toEqual({
      createdAt: Date.UTC(2006, 4, 15, 12, 1, 31),
    });
    expect(parseFileDate('read:"15 May 2006 15:01 -0330"').readAt).toBe(Date.UTC(2006, 4, 15, 18, 31));
  });
  test('what cannot be read is left out and the rest kept', () => {
    expect(
      parseFileDate('creation:"yesterday" modification:"Mon, 15 Mai 2006 15:01:31 +0300" read:"1 Jan 2000 00:00 GMT"'),
    ).toEqual({ readAt: Date.UTC(2000, 0, 1) });
  });
  test('the first of two of a kind counts', () => {
    expect(parseFileDate('read:"1 Jan 2000 00:00 GMT" read:"1 Jan 2001 00:00 GMT"').readAt).toBe(Date.UTC(2000, 0, 1));
  });
});

describe('file-range', () => {
  const pairs: [string, FileRange][] = [
    ['1-32349', { start: 1, stop: 32349 }],
    ['4097-*', { start: 4097 }],
    ['5-4', { start: 5, stop: 4 }],
  ];
  test.each(pairs)('%s is read and written', (text, range) => {
    expect(parseFileRange(text)).toEqual(range);
    expect(formatFileRange(range)).toBe(text);
  });
  test.each(['0-5', '5-3', '-5', '5', '*-5', '1-9007199254740993', 'a-b', ''])('%s is no range', (text) => {
    expect(parseFileRange(text)).toBeUndefined();
  });
});

describe('file-icon', () => {
  test.each([
    ['cid:id2@alicepc.example.com', 'id2@alicepc.example.com'],
    ['cid:a%2Fb@c', 'a/b@c'],
  ])('%s names the part', (url, id) => {
    expect(parseCidUrl(url)).toBe(id);
    expect(formatCidUrl(id)).toBe(url);
  });
  test.each(['http://example.com/x.png', 'cid:', 'cid:a b', 'cid:%zz'])('%s names none', (url) => {
    expect(parseCidUrl(url)).toBeUndefined();
  });
});

test('a token has no space, quote or separator', () => {
  expect(isToken('17f0aa06-cee9-47cc-95e5-7269d5d60ddc')).toBe(true);
  for (const text of ['', 'a b', 'a"b', 'a:b', 'a\r\nb', 'ü']) expect(isToken(text)).toBe(false);
});
