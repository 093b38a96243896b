import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { draft, next, type Person } from '../../sip/kit.ts';
import { campus, kamailio, restoreCampus, user } from '../campus.ts';
import { Forwarder } from '../forwarder.ts';
import { logOutEverywhere, online, type Transport } from './kit.ts';

beforeEach(async () => {
  for (const name of ['alice', 'bob']) await logOutEverywhere(name);
});
afterEach(restoreCampus);

const modeOf = (person: Person, peer: string): string | undefined => {
  const { messaging } = person.provider.capabilitiesOf(user(peer).sip);
  return messaging.on ? messaging.mode : undefined;
};
const inMode = async (person: Person, peer: string, mode: 'page' | 'session'): Promise<void> => {
  if (modeOf(person, peer) === mode) return;
  await next(
    person.provider.onCapabilities,
    ({ address, capabilities: { messaging } }) => address === user(peer).sip && messaging.on && messaging.mode === mode,
  );
};
const say = async (person: Person, peer: string, text: string): Promise<string> => {
  const { id, outcome } = person.set('messaging').send(user(peer).sip, draft(text));
  expect(await outcome).toEqual({ state: 'sent' });
  return id;
};

/** Two in a lively talk, whose sessions go by this relay where there is one. */
const talking = async (
  transport: Transport,
  relay?: string,
  ofBob: string | undefined = relay,
): Promise<{ alice: Person; bob: Person }> => {
  const settings = (uri: string | undefined) => ({ transport, options: uri === undefined ? {} : { msrpRelay: uri } });
  const alice = await online('alice', settings(relay));
  const bob = await online('bob', settings(ofBob));
  const opened = [inMode(alice, 'bob', 'session'), inMode(bob, 'alice', 'session')];
  for (const text of ['one', 'two']) await say(alice, 'bob', text);
  await Promise.all(opened);
  return { alice, bob };
};

describe.each<{ transport: Transport }>([{ transport: 'udp' }, { transport: 'tcp' }, { transport: 'tls' }])(
  'over $transport',
  ({ transport }) => {
    test('a lively talk goes on in a session, both ways, with its marks and typing', async () => {
      const { alice, bob } = await talking(transport);
      const delivered = next(alice.set('messaging').onMark, ({ mark }) => mark === 'delivered');
      const text = draft('three, olá 🎓');
      const { outcome } = alice.set('messaging').send(user('bob').sip, text);
      expect(await outcome).toEqual({ state: 'sent' });
      expect(await delivered).toMatchObject({ id: text.id, peer: user('bob').sip });
      const read = next(alice.set('messaging').onMark, ({ mark }) => mark === 'read');
      bob.set('messaging').sendRead(user('alice').sip, text.id);
      expect(await read).toMatchObject({ id: text.id, peer: user('bob').sip });
      const composing = next(alice.set('messaging').onTyping);
      bob.set('messaging').sendTyping(user('alice').sip, 'composing');
      expect(await composing).toEqual({ peer: user('bob').sip, state: 'composing' });
      await say(bob, 'alice', 'back');
      expect((await bob.texts(3)).map((each) => each.text)).toEqual(['one', 'two', 'three, olá 🎓']);
      expect((await alice.texts(1)).map((each) => each.text)).toEqual(['back']);
      expect([modeOf(alice, 'bob'), modeOf(bob, 'alice')]).toEqual(['session', 'session']);
    });

    test('who leaves ends the session, and texts wait at the server as ever', async () => {
      const { alice, bob } = await talking(transport);
      const closed = inMode(alice, 'bob', 'page');
      await bob.provider.stop();
      await closed;
      const { outcome } = alice.set('messaging').send(user('bob').sip, draft('later'));
      expect(['waiting', 'sent']).toContain((await outcome).state);
      const again = await online('bob', { transport });
      await again.texts(1);
      expect(again.received.map(({ text }) => text)).toContain('later');
    });

    test('fifty texts each way at once arrive once and in order, whatever carries them', async () => {
      const alice = await online('alice', { transport });
      const bob = await online('bob', { transport });
      const texts = (name: string) => Array.from({ length: 50 }, (_, i) => `${name} ${i}`);
      await Promise.all([
        ...texts('a').map((text) => say(alice, 'bob', text)),
        ...texts('b').map((text) => say(bob, 'alice', text)),
      ]);
      expect((await bob.texts(50)).map(({ text }) => text)).toEqual(texts('a'));
      expect((await alice.texts(50)).map(({ text }) => text)).toEqual(texts('b'));
    });
  },
);

test.each([
  ['TLS', () => campus().msrpRelay],
  ['TCP', () => `msrp://${campus().host}:${campus().ports.msrp};tcp`],
] as const)(
  'a session goes through a relay over %s, and a text counts as sent when the far end has it',
  async (_, relay) => {
    const { alice, bob } = await talking('tls', relay());
    const texts = ['three', 'ł'.repeat(20_000), 'five'];
    for (const text of texts) {
      const id = await say(alice, 'bob', text);
      expect(bob.received.at(-1)).toMatchObject({ id, text });
    }
    await say(bob, 'alice', 'back');
    expect(alice.received.map(({ text }) => text)).toEqual(['back']);
    expect([modeOf(alice, 'bob'), modeOf(bob, 'alice')]).toEqual(['session', 'session']);
    expect([...alice.logs, ...bob.logs].join('\n')).not.toContain('relay-away');
  },
);

test('a session goes on when a connection to the relay is cut', async () => {
  const ways = await Promise.all([Forwarder.open(campus().ports.msrps), Forwarder.open(campus().ports.msrps)]);
  const { alice, bob } = await talking('tls', ...ways.map(({ uri }) => uri));
  for (const [way, one, peer] of [
    [ways[0], alice, 'bob'],
    [ways[1], bob, 'alice'],
  ] as const) {
    const moved = inMode(one, peer, 'page');
    way?.cut();
    await moved;
    await Promise.all([inMode(alice, 'bob', 'session'), inMode(bob, 'alice', 'session')]);
    await say(alice, 'bob', `to bob after ${peer}`);
    await say(bob, 'alice', `to alice after ${peer}`);
    expect([modeOf(alice, 'bob'), modeOf(bob, 'alice')]).toEqual(['session', 'session']);
  }
  expect(bob.received.map(({ text }) => text)).toEqual(['one', 'two', 'to bob after bob', 'to bob after alice']);
  expect(alice.received.map(({ text }) => text)).toEqual(['to alice after bob', 'to alice after alice']);
}, 60_000);

test.each([
  ['that was relay, too,', 'tls', true],
  ['in the middle of a session', 'tcp', false],
] as const)(
  'after a restart of the server %s texts arrive once and in order',
  async (_which, transport, relayed) => {
    const { alice, bob } = await talking(transport, relayed ? campus().msrpRelay : undefined);
    await kamailio.kill();
    await Promise.all([alice.reach('waiting'), bob.reach('waiting')]);
    await kamailio.start();
    await Promise.all([alice.reach('online'), bob.reach('online')]);
    await say(alice, 'bob', 'after the restart');
    await say(bob, 'alice', 'indeed');
    await Promise.all([bob.texts(3), alice.texts(1)]);
    // the server hands out again what it kept before it died
    const fresh = bob.received.filter(({ delayed }) => !delayed).map(({ text }) => text);
    expect(fresh).toEqual(['one', 'two', 'after the restart']);
    expect(alice.received.map(({ text }) => text)).toEqual(['indeed']);
  },
  120_000,
);

test('with somebody at two devices there is no session, and both get every text', async () => {
  const alice = await online('alice');
  const lab = await online('bob');
  const home = await online('bob', { transport: 'tls' });
  const texts = ['one', 'two', 'three', 'four'];
  for (const text of texts) await say(alice, 'bob', text);
  for (const device of [lab, home]) expect((await device.texts(4)).map(({ text }) => text)).toEqual(texts);
  expect(modeOf(alice, 'bob')).toBe('page');
});

test.each([
  ['the peer', 'bob'],
  ['oneself', 'alice'],
] as const)('a second device of %s ends the session as soon as it logs in', async (_, whose) => {
  const { alice, bob } = await talking('tcp');
  const ended = [inMode(alice, 'bob', 'page'), inMode(bob, 'alice', 'page')];
  const second = await online(whose, { transport: 'tls' });
  await Promise.all(ended);
  const [first, peer] = whose === 'bob' ? [bob, alice] : [alice, bob];
  const id = await say(peer, whose, 'to both');
  await Promise.all([second.texts(1), first.texts(whose === 'bob' ? 3 : 1)]);
  expect([second.received[0]?.id, first.received.at(-1)?.id]).toEqual([id, id]);
});
