import { expect, test } from 'vitest';
import { ReadRequests } from '../../../protocols/sip/messaging/read-requests.ts';
import { memoryStorage } from '../kit.ts';

const PEER = 'sip:bob@campus.test';
const text = (nth: number) => ({ id: `text ${nth}`, peer: PEER, writtenAt: nth });

test('the last 200 texts are remembered over a restart, each by one small write', () => {
  const storage = memoryStorage();
  const written: string[] = [];
  const counting = {
    ...storage,
    put: (key: string, value: string) => {
      written.push(value);
      storage.put(key, value);
    },
  };
  const before = new ReadRequests(counting);
  for (let nth = 0; nth < 250; nth++) before.add(text(nth));
  before.add(text(249));
  expect(written.length).toBe(250);
  expect(Math.max(...written.map((value) => value.length))).toBeLessThan(200);
  const after = new ReadRequests(storage);
  expect(after.take(PEER, 'text 49')).toBeUndefined();
  expect(after.take('sip:eve@campus.test', 'text 50')).toBeUndefined();
  expect(after.take(PEER, 'text 50')).toMatchObject(text(50));
  expect(after.take(PEER, 'text 50')).toBeUndefined();
  // there is one place, then the oldest of the life before goes
  after.add(text(300));
  after.add(text(301));
  const again = new ReadRequests(storage);
  expect(again.take(PEER, 'text 51')).toBeUndefined();
  for (const nth of [52, 249, 300, 301]) expect(again.take(PEER, `text ${nth}`)).toMatchObject(text(nth));
});

test('what was read while offline is told from the storage, and what else lies there is passed over', () => {
  const storage = memoryStorage();
  const before = new ReadRequests(storage);
  for (const nth of [1, 2, 3]) before.add(text(nth));
  before.markRead(PEER, 'text 2');
  before.markRead(PEER, 'text 9');
  for (const [slot, value] of [
    'null',
    '7',
    '{',
    '{"id":1}',
    '{"id":"x","peer":"y","writtenAt":"z","order":1}',
  ].entries())
    storage.put(`sip.read-request.${slot + 10}`, value);
  const after = new ReadRequests(storage);
  expect(after.unsent).toMatchObject([{ ...text(2), read: true }]);
  for (let nth = 4; nth <= 200; nth++) after.add(text(nth));
  expect(after.take(PEER, 'text 1')).toMatchObject(text(1));
});
