import { afterEach, expect, it } from 'vitest';
import { draft, everybodyLeaves } from '../../xmpp/support/kit.ts';
import { prosody, restoreCampus, user } from '../campus.ts';
import { member, online } from './kit.ts';

const bob = (): string => `xmpp:${user('bob').jid}`;

afterEach(async () => {
  await everybodyLeaves();
  await restoreCampus();
});

it('fails a text above the limit of the server at once, and all others arrive, also after a restart', async () => {
  await prosody.restart({ stanzaBytes: 65_536 });
  const [alice, friend] = await Promise.all([online('alice'), online('bob')]);
  const big = draft('x'.repeat(80_000));
  const texts = [draft('before'), big, draft('after')];
  const [before, tooBig, after] = texts.map((text) => alice.set('messaging').send(bob(), text).outcome);
  expect(await tooBig).toMatchObject({ state: 'failed', error: { code: 'too-big', protocolCode: 'stanza-too-big' } });
  expect([await before, await after]).toEqual([{ state: 'sent' }, { state: 'sent' }]);
  await Promise.all([texts[0], texts[2]].map((text) => friend.text(text?.id ?? '')));
  await alice.provider.stop();
  const again = member('alice', { storage: alice.storage });
  again.provider.start();
  await again.reach('online');
  expect(await again.set('messaging').send(bob(), draft('and on')).outcome).toEqual({ state: 'sent' });
});
