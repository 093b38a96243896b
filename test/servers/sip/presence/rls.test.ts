import { afterEach, beforeEach, expect, test } from 'vitest';
import { memoryStorage } from '../../../sip/kit.ts';
import { campus, kamailio, logOf, restoreCampus, user } from '../../campus.ts';
import { Forwarder } from '../../forwarder.ts';
import { member, online } from '../kit.ts';

beforeEach(() => kamailio.restart());
afterEach(restoreCampus);

const settings = { options: { xcapRoot: campus().xcapRoot } };

/** What the server got of a user's program, by method and who it was for. */
const requestsOf = (name: string, since: number): string[] =>
  logOf('kamailio')
    .slice(since)
    .split('\n')
    .flatMap((line) => {
      const match = /SIPIN (\w+:\S+) (\w+) (\S+) from=(\S+) to=(\S+) ua=AIMS/.exec(line);
      return match?.[4] === user(name).sip ? [`${match[2]} ${match[5]}`] : [];
    });

/** The list, put there before, as the second login of a device finds it. */
const settled = async (names: readonly string[]) => {
  const storage = memoryStorage();
  const first = await online('dave', settings, { storage });
  const list = first.set('contactList');
  for (const { address } of list.contacts) await list.remove(address);
  for (const name of names) await list.put({ address: user(name).sip, name, groups: [] });
  for (const name of names) await first.sees(user(name).sip, ({ state }) => state !== 'unknown');
  await first.provider.stop();
  return storage;
};

test('one subscription brings the presence of everybody, and their leaving', async () => {
  const [carol, erin] = await Promise.all([online('carol', settings), online('erin', settings)]);
  await carol.set('presence').publish({ state: 'busy', note: 'in <class>' });
  await erin.set('presence').publish({ state: 'available' });
  const storage = await settled(['carol', 'erin', 'alice']);
  const since = logOf('kamailio').length;
  const dave = await online('dave', settings, { storage });
  await dave.sees(user('carol').sip, ({ state, note }) => state === 'busy' && note === 'in <class>');
  await dave.sees(user('erin').sip, ({ state }) => state === 'available');
  await dave.sees(user('alice').sip, ({ state }) => state === 'offline');
  expect(dave.set('contactList').contacts.map(({ subscription }) => subscription)).not.toContain('none');
  await carol.set('presence').publish({ state: 'away' });
  await dave.sees(user('carol').sip, ({ state }) => state === 'away');
  await erin.provider.stop();
  await dave.sees(user('erin').sip, ({ state }) => state === 'offline');
  const sent = requestsOf('dave', since);
  const others = sent.filter((each) => each.startsWith('SUBSCRIBE') && !each.endsWith(user('dave').sip));
  expect([...new Set(others)]).toEqual(['SUBSCRIBE sip:dave+contacts@campus.test']);
});

test('after a cut connection everybody on the list is seen again, by one subscription', async () => {
  const carol = await online('carol', settings);
  await carol.set('presence').publish({ state: 'busy' });
  const storage = await settled(['carol', 'alice']);
  const { host, ports } = campus();
  const forwarder = await Forwarder.open(ports.sip);
  const dave = await online('dave', { ...settings, server: { host, port: forwarder.port } }, { storage });
  await dave.sees(user('carol').sip, ({ state }) => state === 'busy');
  await dave.sees(user('alice').sip, ({ state }) => state === 'offline');
  const since = logOf('kamailio').length;
  forwarder.cut();
  await dave.sees(user('carol').sip, ({ state }) => state === 'unknown');
  await dave.sees(user('carol').sip, ({ state }) => state === 'busy');
  await dave.sees(user('alice').sip, ({ state }) => state === 'offline');
  await carol.set('presence').publish({ state: 'away' });
  await dave.sees(user('carol').sip, ({ state }) => state === 'away');
  expect(requestsOf('dave', since)).not.toContain(`SUBSCRIBE ${user('carol').sip}`);
});

test('five hundred people come by one subscription, and only whom it misses is asked for alone', async () => {
  const people = Array.from({ length: 500 }, (_, index) => `sip:student${index}@campus.test`);
  const storage = memoryStorage();
  // kept here as long as there was no server, and taken up to it in one piece
  const before = member('alice', { options: { xcapRoot: '' } }, { storage });
  for (const address of people) await before.set('contactList').put({ address, name: '', groups: ['Year 1'] });
  const erin = await online('erin', settings);
  await erin.set('presence').publish({ state: 'busy' });
  const since = logOf('kamailio').length;
  const alice = await online('alice', settings, { storage });
  const list = alice.set('contactList');
  for (const address of people) await alice.sees(address, ({ state }) => state === 'offline');
  expect(list.kept).toBe('server');
  expect(list.contacts.filter(({ groups }) => groups.includes('Year 1')).length).toBe(500);
  // Kamailio's list loses some of those who come while it writes a notice; all others cost nothing
  const alone = requestsOf('alice', since).filter((each) => each.startsWith('SUBSCRIBE sip:student'));
  expect(alone.length).toBeLessThan(100);
  // who comes on the list later is on it at once
  await list.put({ address: user('erin').sip, name: 'Erin', groups: [] });
  await alice.sees(user('erin').sip, ({ state }) => state === 'busy');
  await erin.set('presence').publish({ state: 'away' });
  await alice.sees(user('erin').sip, ({ state }) => state === 'away');
});
