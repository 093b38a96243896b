import { randomUUID } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { Messaging } from '../../../protocols/xmpp/messaging/messaging.ts';
import { NS } from '../../../protocols/xmpp/namespaces.ts';
import { xml } from '../../../protocols/xmpp/stream/xml.ts';
import { draft, everybodyLeaves, next } from '../../xmpp/support/kit.ts';
import { user } from '../campus.ts';
import { befriend, member, online } from './kit.ts';

const address = (name: string): string => `xmpp:${user(name).jid}`;

afterEach(everybodyLeaves);

it('carries texts both ways in order, with every kind of letter', async () => {
  const [alice, bob] = await Promise.all([online('alice'), online('bob')]);
  const lines = ['reunião 😀 日本 <&>"\'', 'a\nb', ...Array.from({ length: 300 }, (_, index) => `line ${index}`)];
  const drafts = lines.map((line) => draft(line));
  const sent = drafts.map((each) => alice.set('messaging').send(address('bob'), each).outcome);
  expect(new Set((await Promise.all(sent)).map(({ state }) => state))).toEqual(new Set(['sent']));
  // what else is in the archive comes in between
  await bob.text(drafts.at(-1)?.id ?? '');
  const ids = new Set(drafts.map(({ id }) => id));
  const texts = bob.received.filter(({ id }) => ids.has(id));
  expect(texts.map(({ text }) => text)).toEqual(lines);
  expect(
    texts.every(({ peer, direction, archiveId }) => peer === address('alice') && direction === 'incoming' && archiveId),
  ).toBe(true);
  const back = draft('olá');
  expect(await bob.set('messaging').send(address('alice'), back).outcome).toEqual({ state: 'sent' });
});

it('tells delivered, then read', async () => {
  const [alice, bob] = await Promise.all([online('alice'), online('bob')]);
  await befriend(alice, bob);
  const text = draft('did you get this?');
  const delivered = next(alice.set('messaging').onMark, ({ id, mark }) => id === text.id && mark === 'delivered');
  alice.set('messaging').send(address('bob'), text);
  expect(await delivered).toMatchObject({ peer: address('bob') });
  const read = next(alice.set('messaging').onMark, ({ id, mark }) => id === text.id && mark === 'read');
  bob.set('messaging').sendRead(address('alice'), text.id);
  expect(await read).toMatchObject({ peer: address('bob') });
});

it('tells that somebody types, and that they stopped', async () => {
  const [alice, bob] = await Promise.all([online('alice'), online('bob')]);
  await befriend(alice, bob);
  // whoever is known to be away is not told
  await alice.sees(address('bob'), ({ state }) => state !== 'offline');
  const typing = next(bob.set('messaging').onTyping);
  alice.set('messaging').sendTyping(address('bob'), 'composing');
  expect(await typing).toEqual({ peer: address('alice'), state: 'composing' });
  const paused = next(bob.set('messaging').onTyping);
  alice.set('messaging').sendTyping(address('bob'), 'paused');
  expect(await paused).toEqual({ peer: address('alice'), state: 'paused' });
});

it('fails a text to somebody who does not exist', async () => {
  const alice = await online('alice');
  const outcome = await alice.set('messaging').send('xmpp:nobody@campus.test', draft('hello?')).outcome;
  expect(outcome).toMatchObject({
    state: 'failed',
    error: { code: 'peer-offline', protocolCode: 'service-unavailable' },
  });
});

it('counts as past what another device of ours got before the first login here, and not what waits for us', async () => {
  const [bob, erin] = await Promise.all([online('bob'), online('erin')]);
  const [seen, missed] = [draft('seen elsewhere'), draft('missed')];
  await bob.set('messaging').send(address('erin'), seen).outcome;
  await erin.text(seen.id);
  await erin.provider.stop();
  await bob.set('messaging').send(address('erin'), missed).outcome;
  const here = await online('erin');
  expect((await here.text(missed.id)).isPast).toBeUndefined();
  expect((await here.text(seen.id)).isPast).toBe(true);
});

it('brings a text sent in absence exactly once, though the server has it twice', async () => {
  const alice = await online('alice');
  const bob = await online('dave');
  await befriend(alice, bob);
  await bob.provider.stop();
  const text = draft('while you were away');
  await alice.set('messaging').send(address('dave'), text).outcome;
  const again = member('dave', { storage: bob.storage });
  const calls: string[] = [];
  again.set('messaging').receiver = (message) => {
    calls.push(message.text);
    return 'stored';
  };
  const delivered = next(alice.set('messaging').onMark, ({ id, mark }) => id === text.id && mark === 'delivered');
  again.provider.start();
  await delivered;
  // a text sent now comes after everything that was kept
  await alice.sees(address('dave'), ({ state }) => state !== 'offline');
  const last = next(again.set('messaging').onTyping);
  alice.set('messaging').sendTyping(address('dave'), 'composing');
  await last;
  expect(calls.filter((line) => line === text.text)).toHaveLength(1);
});

it('says what came and cannot be shown, live and out of the archive', async () => {
  const [alice, erin] = await Promise.all([online('alice'), online('erin')]);
  const messaging = alice.provider.operationSet('messaging');
  if (!(messaging instanceof Messaging)) throw new Error('no messaging');
  const say = async (): Promise<string> => {
    const id = randomUUID();
    const payload = xml('encrypted', 'eu.siacs.conversations.axolotl', xml('payload', {}, 'AAAA'));
    const peer = user('erin').jid;
    const stanza = xml('message', { type: 'chat', to: peer, id }, payload, xml('store', NS.hints));
    expect(await messaging.sendStanza(stanza, { id, peer, composedAt: Date.now(), text: '' })).toMatchObject({
      state: expect.stringMatching(/sent|waiting/),
    });
    return id;
  };
  expect(await erin.text(await say())).toMatchObject({ peer: address('alice'), text: '', unshown: 'omemo' });
  await erin.provider.stop();
  const missed = await say();
  const again = await online('erin', { storage: erin.storage });
  expect(await again.text(missed)).toMatchObject({ peer: address('alice'), unshown: 'omemo' });
});
