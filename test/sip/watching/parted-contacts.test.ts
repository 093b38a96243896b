import { expect, test } from 'vitest';
import { PartedContacts } from '../../../protocols/sip/presence/parted-contacts.ts';
import { memoryStorage } from '../kit.ts';

const BOB = 'sip:bob@campus.test';
const asks = (id: string, { address = BOB, hasGivenUp = false } = {}) => ({ id, address, name: '', hasGivenUp });

test('who goes on in the subscription they had, or gives it up, has not come back; a new one says so', () => {
  const parted = new PartedContacts(memoryStorage());
  parted.add(BOB, new Set(['1']));
  parted.asking([asks('1'), asks('9', { address: 'sip:eve@campus.test' })]);
  parted.asking([]);
  parted.asking([asks('x', { hasGivenUp: true })]);
  expect(parted.has(BOB)).toBe(true);
  parted.asking([asks('1'), asks('2')]);
  expect(parted.has(BOB)).toBe(false);
});

test('who had no subscription when we parted comes back with their first', () => {
  const parted = new PartedContacts(memoryStorage());
  parted.add(BOB, new Set());
  parted.asking([asks('1')]);
  expect(parted.has(BOB)).toBe(false);
});

test('where the server had not told of any, those it tells of first are taken for old', () => {
  const parted = new PartedContacts(memoryStorage());
  parted.add(BOB, undefined);
  parted.asking([asks('1')]);
  expect(parted.has(BOB)).toBe(true);
  parted.asking([asks('2')]);
  expect(parted.has(BOB)).toBe(false);
});

test('it outlives the program, and what was damaged meanwhile is left out', () => {
  const content = new Map<string, string>();
  const before = new PartedContacts(memoryStorage(content));
  before.add(BOB, new Set(['1']));
  before.add('sip:eve@campus.test', undefined);
  before.add('sip:joe@campus.test', new Set());
  before.forget('sip:joe@campus.test');
  const after = new PartedContacts(memoryStorage(content));
  after.asking([asks('1'), asks('7', { address: 'sip:eve@campus.test' })]);
  expect([BOB, 'sip:eve@campus.test', 'sip:joe@campus.test'].map((each) => after.has(each))).toEqual([
    true,
    true,
    false,
  ]);
  const [key = ''] = content.keys();
  for (const damage of ['{', '{}', 'null']) {
    const damaged = new PartedContacts(memoryStorage(new Map([[key, damage]])));
    expect(damaged.has(BOB)).toBe(false);
  }
  const half = new PartedContacts(memoryStorage(new Map([[key, `[1, null, [], [7], ["${BOB}", 5]]`]])));
  expect(half.has(BOB)).toBe(true);
});

test('five hundred are remembered', () => {
  const parted = new PartedContacts(memoryStorage());
  for (let number = 0; number <= 500; number++) parted.add(`sip:s${number}@campus.test`, new Set());
  expect([0, 1, 500].map((number) => parted.has(`sip:s${number}@campus.test`))).toEqual([false, true, true]);
});
