import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type FileSelector,
  formatFileSelector,
  parseFileSelector,
} from '../../../../protocols/sip/file-transfer/description/file-selector.ts';
import { sample } from '../../../extent.ts';

const SHA1 = '72245fe8653ddaf371362f86d471913ee4a2ce2e';
const SHA1_TEXT = '72:24:5F:E8:65:3D:DA:F3:71:36:2F:86:D4:71:91:3E:E4:A2:CE:2E';
const SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const SHA256_TEXT = (SHA256.toUpperCase().match(/../g) ?? []).join(':');

const pairs: [string, string, FileSelector][] = [
  [
    'the example of RFC 5547 §6',
    `name:"My cool picture.jpg" type:image/jpeg size:32349 hash:sha-1:${SHA1_TEXT}`,
    {
      name: 'My cool picture.jpg',
      type: 'image/jpeg',
      size: 32349,
      hashes: [{ algorithm: 'sha-1', value: SHA1 }],
    },
  ],
  ['an empty selector, the question about capabilities', '', { hashes: [] }],
  ['an empty file', 'name:"a" size:0', { name: 'a', size: 0, hashes: [] }],
  [
    'a name with quotes, percent, line ends and slashes',
    'name:"100%25 %22sure%22%0D%0A..%2Fetc%5Cx.txt" size:1',
    { name: '100% "sure"\r\n../etc\\x.txt', size: 1, hashes: [] },
  ],
  [
    'a name beyond ASCII as it is written by Blink',
    'name:"payload ünï 😀.bin" size:204817',
    { name: 'payload ünï 😀.bin', size: 204817, hashes: [] },
  ],
  [
    'a type with a parameter in quotes',
    'type:text/plain;charset="utf-8" size:5',
    { type: 'text/plain; charset="utf-8"', size: 5, hashes: [] },
  ],
  [
    'several hashes, the older first',
    `size:1 hash:sha-1:${SHA1_TEXT} hash:sha-256:${SHA256_TEXT}`,
    {
      size: 1,
      hashes: [
        { algorithm: 'sha-1', value: SHA1 },
        { algorithm: 'sha-256', value: SHA256 },
      ],
    },
  ],
];

describe('a file-selector as text and as value', () => {
  test.each(pairs)('%s is read', (_, text, selector) => {
    expect(parseFileSelector(text)).toEqual(selector);
  });
  test.each(pairs)('%s is written', (_, text, selector) => {
    expect(formatFileSelector(selector)).toBe(text);
  });

  test('every name of letters of any kind comes back as it was', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 100, unit: 'grapheme' }), fc.nat(), (name, size) => {
        const text = formatFileSelector({ name, size, hashes: [] });
        expect(text).not.toMatch(/[\r\n\0]/);
        expect(parseFileSelector(text)).toEqual({ name, size, hashes: [] });
      }),
      sample(100),
    );
  });

  test('no text makes the reader throw', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: 'binary' }), (text) => {
        parseFileSelector(text);
        parseFileSelector(`name:"${text}" hash:sha-1:${text} type:${text}`);
      }),
      sample(100),
    );
  });
});

describe('what peers write otherwise', () => {
  test('a hash in lower case or without colons is the same hash', () => {
    expect(parseFileSelector(`hash:SHA-1:${SHA1_TEXT.toLowerCase()}`)?.hashes[0]?.value).toBe(SHA1);
    expect(parseFileSelector(`hash:sha-1:${SHA1}`)?.hashes[0]?.value).toBe(SHA1);
  });
  test('a hash that is said twice is said once', () => {
    const twice = `hash:sha-1:${SHA1_TEXT} hash:sha-1:${SHA1_TEXT.toLowerCase()}`;
    expect(parseFileSelector(twice)?.hashes).toHaveLength(1);
  });
  test('an unknown hash algorithm or selector is passed over', () => {
    expect(parseFileSelector('size:3 hash:md5:AA:BB colour:red')).toEqual({ size: 3, hashes: [] });
  });
  test.each([
    ['in the middle', 'name:"Ana "the boss" Sousa.pdf" type:application/pdf size:3', 'Ana "the boss" Sousa.pdf'],
    ['at the end, and nothing behind it', 'size:3 type:application/pdf name:"12" disk 8"', '12" disk 8'],
    ['before a space, more than once', 'name:"a" b  "c".txt" size:3 type:application/pdf', 'a" b  "c".txt'],
    ['before an unknown selector', 'type:application/pdf size:3 name:"say "hi"" colour:red', 'say "hi"'],
  ])('a quote that is not escaped belongs to the name: %s', (_, text, name) => {
    expect(parseFileSelector(text)).toEqual({ name, type: 'application/pdf', size: 3, hashes: [] });
  });
  test('what is a line end to some is escaped', () =>
    expect(formatFileSelector({ name: 'a\u2028b', hashes: [] })).toBe('name:"a%E2%80%A8b"'));
  test('a percent sign that begins no escape stays', () => {
    expect(parseFileSelector('name:"50% off.txt"')?.name).toBe('50% off.txt');
  });
  test('an escape that is no UTF-8 becomes the replacement character, not an error', () => {
    expect(parseFileSelector('name:"a%FF"')?.name).toBe('a\uFFFD');
  });
});

describe('a selector whose meaning cannot be trusted is refused', () => {
  test.each([
    ['a size that is no number', 'size:many'],
    ['a negative size', 'size:-1'],
    ['a size beyond what can be counted', 'size:9007199254740993'],
    ['two sizes', 'size:1 size:2'],
    ['two names', 'name:"a" name:"b"'],
    ['a name without quotes', 'name:a.txt'],
    ['a name left open', 'name:"a.txt'],
    ['a hash of the wrong length', 'hash:sha-1:AA:BB'],
    ['two different hashes of one algorithm', `hash:sha-1:${SHA1_TEXT} hash:sha-1:${SHA1_TEXT.replace('72', '73')}`],
    ['a type that is none', 'type:picture'],
    ['a text longer than any name', `name:"${'a'.repeat(5000)}"`],
  ])('%s', (_, text) => {
    expect(parseFileSelector(text)).toBeUndefined();
  });
});
