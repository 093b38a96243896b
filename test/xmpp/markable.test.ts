import { expect, it } from 'vitest';
import { Markable } from '../../protocols/xmpp/messaging/markable.ts';
import { memoryStorage } from './support/kit.ts';

it('who asked to know is on disk also when the database took it back the first time', () => {
  const storage = memoryStorage();
  const markable = new Markable(storage);
  expect(markable.add('bob@campus.test', 'a')).toBe(true);
  // the transaction of the texts it came with failed
  storage.content.clear();
  expect(markable.add('bob@campus.test', 'a')).toBe(false);
  expect(new Markable(storage).has('bob@campus.test', 'a')).toBe(true);
});
