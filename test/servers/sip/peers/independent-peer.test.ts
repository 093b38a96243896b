import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { draft } from '../../../sip/kit.ts';
import { restoreCampus, user } from '../../campus.ts';
import { online } from '../kit.ts';
import { baresip } from './baresip.ts';

afterEach(restoreCampus);

/** baresip 1.0.0 stands on libre, a SIP stack that has nothing in common with ours. */
test.each(['udp', 'tcp'] as const)('texts go to and come from baresip over %s', async (transport) => {
  const alice = await online('alice', { transport });
  const bob = await baresip('bob', 'alice', transport);

  // what other tests left at the server for either of them comes now, too
  const mark = randomUUID();
  const marked = (text: string): string => `${text} ${mark}`;
  const theirs = ['one', 'reunião 🎓 "quoted"', 'three'].map(marked);
  const received = () => alice.received.filter(({ text }) => text.endsWith(mark));
  for (const [index, text] of theirs.entries()) {
    await bob.say(text);
    // baresip does not wait for the answer to one before it sends the next, and Kamailio's workers run side by side
    await expect.poll(() => received().length, { timeout: 20_000 }).toBe(index + 1);
  }
  expect(received().map(({ text }) => text)).toEqual(theirs);
  expect(received().map(({ peer }) => peer)).toEqual(theirs.map(() => user('bob').sip));

  // it takes no CPIM, and so gets them plain
  const answers = ['hello', 'zażółć gęślą jaźń 🎓', 'x'.repeat(100)].map(marked);
  const sent = answers.map((text) => alice.set('messaging').send(user('bob').sip, draft(text)));
  expect(await Promise.all(sent.map(({ outcome }) => outcome))).toEqual(answers.map(() => ({ state: 'sent' })));
  expect(await bob.shown(answers)).toEqual(answers);
});
