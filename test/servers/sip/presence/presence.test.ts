import { afterEach, expect, test } from 'vitest';
import type { OwnPresence } from '../../../../protocols/contract/index.ts';
import { memoryStorage, next, type Person } from '../../../sip/kit.ts';
import { kamailio, restoreCampus, user } from '../../campus.ts';
import { member, online } from '../kit.ts';

afterEach(restoreCampus);

const watch = (watcher: Person, name: string): Promise<void> =>
  watcher.set('contactList').put({ address: user(name).sip, name, groups: ['Lab'] });

for (const transport of ['udp', 'tcp', 'tls'] as const) {
  test(`every state is seen over ${transport}, with note and idle time`, async () => {
    const alice = await online('alice', { transport });
    const bob = await online('bob', { transport });
    await watch(bob, 'alice');
    await bob.sees(user('alice').sip, ({ state }) => state === 'offline');
    const idleSince = Date.now() - 600_000;
    const states: OwnPresence[] = [
      { state: 'available', note: 'in <the> lab & "here"' },
      { state: 'away', idleSince },
      { state: 'busy' },
      { state: 'do-not-disturb', note: 'exam' },
      { state: 'offline' },
    ];
    for (const presence of states) {
      await alice.set('presence').publish(presence);
      expect(await bob.sees(user('alice').sip, ({ state }) => state === presence.state)).toEqual(presence);
    }
  });
}

test('leaving is seen as offline', async () => {
  const alice = await online('alice');
  const bob = await online('bob');
  await watch(bob, 'alice');
  await alice.set('presence').publish({ state: 'available' });
  await bob.sees(user('alice').sip, ({ state }) => state === 'available');
  expect(bob.provider.capabilitiesOf(user('alice').sip).fileTransfer).toEqual({ on: true });
  const gone = bob.sees(user('alice').sip, ({ state }) => state === 'offline');
  const capabilities = next(bob.provider.onCapabilities, (each) => !each.capabilities.fileTransfer.on);
  await alice.provider.stop();
  await gone;
  expect((await capabilities).capabilities).toMatchObject({
    messaging: { on: true },
    fileTransfer: { on: false, off: { code: 'peer-offline' } },
  });
});

test('of two devices the more reachable one is seen, and one that leaves takes nothing from the other', async () => {
  const phone = await online('alice');
  const desk = await online('alice');
  const bob = await online('bob');
  await watch(bob, 'alice');
  const seen = (state: string): Promise<unknown> => bob.sees(user('alice').sip, (presence) => presence.state === state);
  await phone.set('presence').publish({ state: 'away', note: 'on the bus' });
  await seen('away');
  await desk.set('presence').publish({ state: 'busy', note: 'in the lab' });
  expect(await seen('busy')).toEqual({ state: 'busy', note: 'in the lab' });
  await desk.set('presence').publish({ state: 'offline' });
  expect(await seen('away')).toEqual({ state: 'away', note: 'on the bus' });
  await desk.set('presence').publish({ state: 'available' });
  await seen('available');
  const left: unknown[] = [];
  const stop = bob.set('presence').onPresence(({ presence }) => left.push(presence.state));
  await desk.provider.stop();
  await seen('away');
  stop();
  expect(left).toEqual(['away']);
  await phone.provider.stop();
  await seen('offline');
});

test('after a restart of the server presence is seen again without a word from anybody', async () => {
  const alice = await online('alice');
  const bob = await online('bob');
  await watch(bob, 'alice');
  await alice.set('presence').publish({ state: 'busy', note: 'still' });
  await bob.sees(user('alice').sip, ({ state }) => state === 'busy');
  await kamailio.kill();
  await Promise.all([alice.reach('waiting'), bob.reach('waiting')]);
  expect(bob.set('presence').presenceOf(user('alice').sip)).toEqual({ state: 'unknown' });
  await kamailio.start();
  for (const person of [alice, bob]) person.provider.machineEvent('wake');
  await Promise.all([alice.reach('online'), bob.reach('online')]);
  expect(await bob.sees(user('alice').sip, ({ state }) => state === 'busy')).toEqual({ state: 'busy', note: 'still' });
});

test('what is published before the account is online is seen when it is', async () => {
  const alice = member('alice');
  const published = alice.set('presence').publish({ state: 'away' });
  const bob = await online('bob');
  await watch(bob, 'alice');
  alice.provider.start();
  await published;
  await bob.sees(user('alice').sip, ({ state }) => state === 'away');
});

test('a crash leaves no second presence behind', async () => {
  const content = new Map<string, string>();
  const before = await online('erin', {}, { storage: memoryStorage(content) });
  await before.set('presence').publish({ state: 'available' });
  // as it lies on disk after the crash: the first life never says goodbye
  const after = await online('erin', {}, { storage: memoryStorage(new Map(content)) });
  await after.set('presence').publish({ state: 'busy' });
  const bob = await online('bob');
  await watch(bob, 'erin');
  await bob.sees(user('erin').sip, ({ state }) => state === 'busy');
  await after.provider.stop();
  expect(await bob.sees(user('erin').sip, ({ state }) => state === 'offline')).toEqual({ state: 'offline' });
});

test('the contact list is kept over restarts of the program, with names and groups', async () => {
  const storage = memoryStorage();
  const first = await online('bob', {}, { storage });
  const list = first.set('contactList');
  expect(list.kept).toBe('local');
  await list.put({ address: user('carol').sip, name: 'Carol', groups: ['A', 'B'] });
  await list.put({ address: user('alice').sip, name: 'Alice', groups: [] });
  await list.put({ address: user('dave').sip, name: 'Dave', groups: [] });
  await list.remove(user('dave').sip);
  await first.provider.stop();
  const second = member('bob', {}, { storage });
  expect(second.set('contactList').contacts.map(({ name, groups }) => [name, groups])).toEqual([
    ['Alice', []],
    ['Carol', ['A', 'B']],
  ]);
});

test('the list says who sees whom', async () => {
  // two whom no other test left watching each other
  const carol = await online('carol');
  const erin = await online('erin');
  const becomes = (person: Person, subscription: string): Promise<unknown> =>
    person.set('contactList').contacts[0]?.subscription === subscription
      ? Promise.resolve()
      : next(person.set('contactList').onChange, ([contact]) => contact?.subscription === subscription);
  await watch(carol, 'erin');
  await becomes(carol, 'outgoing');
  await watch(erin, 'carol');
  await Promise.all([becomes(carol, 'mutual'), becomes(erin, 'mutual')]);
  const alone = becomes(erin, 'outgoing');
  await carol.set('contactList').remove(user('erin').sip);
  await alone;
});

test('where presence rules hold, a stranger’s presence is pending and unknown', async () => {
  await kamailio.restart({ presenceRules: true });
  // two of whom no other test has made a rule
  const alice = await online('alice');
  const erin = await online('erin');
  await alice.set('presence').publish({ state: 'available' });
  const pending = next(erin.set('contactList').onChange, ([contact]) => contact?.subscription === 'pending');
  await watch(erin, 'alice');
  await pending;
  expect(erin.set('presence').presenceOf(user('alice').sip)).toEqual({ state: 'unknown' });
});
