import { afterEach, expect, test } from 'vitest';
import { draft } from '../../sip/kit.ts';
import { restoreCampus, user } from '../campus.ts';
import { baresip } from './baresip.ts';
import { online } from './kit.ts';

afterEach(restoreCampus);

/** baresip 1.0.0 stands on libre, a SIP stack that has nothing in common with ours. */
test.each(['udp', 'tcp'] as const)('texts go to and come from baresip over %s', async (transport) => {
  const alice = await online('alice', { transport });
  const bob = await baresip('bob', 'alice', transport);

  const theirs = ['one', 'reunião 🎓 "quoted"', 'three'];
  for (const text of theirs) await bob.say(text);
  expect((await alice.texts(theirs.length)).map(({ text }) => text)).toEqual(theirs);
  expect(alice.received.map(({ peer }) => peer)).toEqual(theirs.map(() => user('bob').sip));

  // it takes no CPIM, and so gets them plain
  const ours = ['hello', 'zażółć gęślą jaźń 🎓', 'x'.repeat(100)];
  const sent = ours.map((text) => alice.set('messaging').send(user('bob').sip, draft(text)));
  expect(await Promise.all(sent.map(({ outcome }) => outcome))).toEqual(ours.map(() => ({ state: 'sent' })));
  expect(await bob.shown(ours.length)).toEqual(ours);
});
