import { describe, expect, it } from 'vitest';
import { MsrpError, parseByteRange } from '../../../msrp/index.ts';

describe('a Byte-Range', () => {
  it.each([
    ['1-10/20', { start: 1, end: 10, total: 20 }],
    ['11-*/20', { start: 11, end: undefined, total: 20 }],
    ['1-*/*', { start: 1, end: undefined, total: undefined }],
    ['1-0/0', { start: 1, end: 0, total: 0 }],
    [' 007-9/9007199254740991 ', { start: 7, end: 9, total: 9_007_199_254_740_991 }],
  ])('may be %s', (text, expected) => {
    expect(parseByteRange(text)).toEqual(expected);
  });

  it.each([
    '',
    '1',
    '1-',
    '1-5',
    '1/5',
    '-5/5',
    '*-5/5',
    '0-5/5',
    '1-5/',
    '1-/5',
    '1-**/5',
    '1-5/5/5',
    '1--5/5',
    '+1-5/5',
    '1 -5/5',
    '1-5/5x',
    '１-5/5',
    '1-5/9007199254740992',
    '1-5/9999999999999999',
    '1-5/12345678901234567',
  ])('is not %j', (text) => {
    expect(() => parseByteRange(text)).toThrow(expect.objectContaining({ code: 'invalid-header' }));
    expect(() => parseByteRange(text)).toThrow(MsrpError);
  });
});
