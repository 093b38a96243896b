import { afterEach, expect, it } from 'vitest';
import { everybodyLeaves, next, type Person } from '../../xmpp/support/kit.ts';
import { campus, prosody, restoreCampus, user } from '../campus.ts';
import { befriend, member, online } from './kit.ts';

const address = (name: string): string => `xmpp:${user(name).jid}`;

/** Forgets each other. */
const part = async (one: Person, other: Person): Promise<void> => {
  await one.set('contactList').remove(other.provider.address);
  await other.set('contactList').remove(one.provider.address);
};

afterEach(async () => {
  await everybodyLeaves();
  await restoreCampus();
});

it('asks to see somebody, is answered, and sees them come, change and go', async () => {
  const [alice, carol] = await Promise.all([online('alice'), online('carol')]);
  await part(alice, carol);
  await befriend(alice, carol);
  const contact = alice.set('contactList').contacts.find(({ address: of }) => of === address('carol'));
  expect(contact).toEqual({
    address: address('carol'),
    name: 'A friend',
    groups: ['Class', 'Olá'],
    subscription: 'mutual',
  });
  expect(carol.set('contactList').requests).toEqual([]);
  const idleSince = Date.parse('2026-01-02T03:04:05Z');
  for (const presence of [
    { state: 'away', note: 'lunch <&> 日本', idleSince },
    { state: 'busy' },
    { state: 'do-not-disturb', note: 'exam' },
    { state: 'available' },
  ] as const) {
    await carol.set('presence').publish(presence);
    expect(await alice.sees(address('carol'), ({ state }) => state === presence.state)).toEqual(presence);
  }
  await carol.provider.stop();
  expect(await alice.sees(address('carol'), ({ state }) => state === 'offline')).toEqual({ state: 'offline' });
  await part(alice, await online('carol'));
});

it('tells a refusal, and that somebody took their name off the list', async () => {
  const [alice, carol] = await Promise.all([online('alice'), online('carol')]);
  await part(alice, carol);
  const asked = next(carol.set('contactList').onRequests, (requests) => requests.length > 0);
  await alice.set('contactList').put({ address: address('carol'), name: '', groups: [] });
  expect(await asked).toEqual([{ address: address('alice') }]);
  expect(alice.set('contactList').contacts.find(({ address: of }) => of === address('carol'))?.subscription).toBe(
    'pending',
  );
  const refused = next(alice.set('contactList').onChange, (contacts) =>
    contacts.some(({ address: of, subscription }) => of === address('carol') && subscription === 'none'),
  );
  await carol.set('contactList').answerRequest(address('alice'), 'decline');
  await refused;
  const gone = next(alice.set('contactList').onChange, (contacts) =>
    contacts.every(({ address: of }) => of !== address('carol')),
  );
  await alice.set('contactList').remove(address('carol'));
  await gone;
});

it('says waiting for a text to a friend who is away, and delivered when they come', async () => {
  const [alice, carol] = await Promise.all([online('alice'), online('carol')]);
  await befriend(alice, carol);
  await carol.provider.stop();
  await alice.sees(address('carol'), ({ state }) => state === 'offline');
  const id = crypto.randomUUID();
  const outcome = await alice.set('messaging').send(address('carol'), { id, text: 'later', composedAt: Date.now() })
    .outcome;
  expect(outcome).toEqual({ state: 'waiting' });
  const delivered = next(alice.set('messaging').onMark, (mark) => mark.id === id && mark.mark === 'delivered');
  const back = await online('carol', { storage: carol.storage });
  await delivered;
  await part(alice, back);
});

it('keeps its copy of the list over a restart, and learns only what changed', async () => {
  const alice = await online('alice');
  await alice.set('contactList').put({ address: 'xmpp:someone@campus.test', name: 'Someone', groups: [] });
  await alice.provider.stop();
  const again = member('alice', { storage: alice.storage });
  expect(again.set('contactList').contacts.map(({ name }) => name)).toContain('Someone');
  again.provider.start();
  await again.reach('online');
  const gone = next(again.set('contactList').onChange, (contacts) => contacts.every(({ name }) => name !== 'Someone'));
  await again.set('contactList').remove('xmpp:someone@campus.test');
  await gone;
});

it('is back after a crash of the server, seen by friends, without anybody doing anything', async () => {
  const [alice, carol] = await Promise.all([online('alice'), online('carol')]);
  await befriend(alice, carol);
  await carol.set('presence').publish({ state: 'away', note: 'still here' });
  const waiting = alice.reach('waiting');
  await prosody.kill();
  expect((await waiting).cause.retryable).toBe(true);
  await prosody.start();
  await Promise.all([alice.reach('online'), carol.reach('online')]);
  expect(await alice.sees(address('carol'), ({ state }) => state === 'away')).toEqual({
    state: 'away',
    note: 'still here',
  });
  await part(alice, carol);
});

it('copies what one device sends and gets to the other', async () => {
  const [desk, laptop, bob] = await Promise.all([online('alice'), online('alice'), online('bob')]);
  const text = { id: crypto.randomUUID(), text: 'from the desk', composedAt: Date.now() };
  await desk.set('messaging').send(address('bob'), text).outcome;
  expect(await laptop.text(text.id)).toMatchObject({
    direction: 'outgoing',
    peer: address('bob'),
    id: text.id,
    text: text.text,
  });
  await bob.provider.stop();
});

it('logs in where TLS comes first', async () => {
  const server = { host: campus().host, port: campus().ports.c2sDirect };
  const alice = await online('alice', { settings: { server, options: { directTls: true } } });
  expect(alice.states.some((state) => state.state === 'waiting')).toBe(false);
});

it.each([
  ['wrong password', {}, 'nonsense', 'credentials-rejected'],
  ['certificate of an unknown authority', { certificateAuthorities: [] }, undefined, 'tls-untrusted'],
])('stops at a %s', async (_what, settings, password, code) => {
  const alice = member('alice', { settings, ...(password ? { password } : {}) });
  alice.provider.start();
  const { cause } = await alice.reach('stopped');
  expect(cause.code).toBe(code);
  const fingerprint = cause.certificate?.fingerprint;
  if (!fingerprint) return;
  const trusting = await online('alice', {
    settings: { certificateAuthorities: [], trustedFingerprints: [fingerprint] },
  });
  expect(trusting.provider.registration.state).toBe('online');
});
