import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Contact } from '../../../../protocols/contract/index.ts';
import { DigestClient } from '../../../../protocols/sip/authentication/digest-client.ts';
import { XcapClient } from '../../../../protocols/sip/xcap/xcap-client.ts';
import { memoryStorage, next, type Person } from '../../../sip/kit.ts';
import { campus, kamailio, restoreCampus, user } from '../../campus.ts';
import { online } from '../kit.ts';

afterEach(restoreCampus);

const settings = { options: { xcapRoot: campus().xcapRoot } };
const LISTS = 'application/resource-lists+xml';
const listOf = (...inside: string[]): string =>
  `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists" xmlns:x="urn:x">${inside.join('')}</resource-lists>`;

/** Another device of bob's, of another maker. */
const other = (): XcapClient => {
  const digest = new DigestClient('bob', user('bob').password);
  return new XcapClient({
    root: new URL(`${campus().xcapRoot}/`),
    owner: user('bob').sip,
    trust: { certificateAuthorities: [], trustedFingerprints: [] },
    names: [],
    credentials: async () => digest,
  });
};

const textOf = async (): Promise<string> => {
  const document = await other().get('resource-lists');
  return typeof document === 'object' ? document.text : '';
};

const becomes = (person: Person, fits: (contacts: readonly Contact[]) => boolean): Promise<unknown> => {
  const list = person.set('contactList');
  return fits(list.contacts) ? Promise.resolve() : next(list.onChange, fits);
};

const facts = (person: Person): unknown =>
  person.set('contactList').contacts.map(({ address, name, groups }) => [address, name, groups]);

beforeEach(async () => {
  await other().put('resource-lists', LISTS, listOf(), 'any');
});

test('names and groups are kept on the server, for a device that was never here', async () => {
  const desk = await online('bob', settings);
  const list = desk.set('contactList');
  expect(list.kept).toBe('server');
  await list.put({ address: user('carol').sip, name: 'Carol <&> "C" 😀', groups: ['Física', 'a/b & c'] });
  await list.put({ address: user('alice').sip, name: 'Alice', groups: [] });
  await list.put({ address: user('dave').sip, name: 'Dave', groups: ['Física'] });
  await list.remove(user('dave').sip);
  const lab = await online('bob', settings);
  await becomes(lab, (contacts) => contacts.length === 2);
  expect(facts(lab)).toEqual([
    [user('alice').sip, 'Alice', []],
    [user('carol').sip, 'Carol <&> "C" 😀', ['a/b & c', 'Física']],
  ]);
});

test('the first login takes up to the server what was kept here, and the server’s word goes before ours', async () => {
  const storage = memoryStorage();
  const before = await online('bob', { options: { xcapRoot: '' } }, { storage });
  await before.set('contactList').put({ address: user('carol').sip, name: 'Carol of old', groups: ['Old'] });
  await before.set('contactList').put({ address: user('dave').sip, name: 'Dave', groups: ['Lab'] });
  await before.provider.stop();
  await other().put(
    'resource-lists',
    LISTS,
    listOf('<list name="New"><entry uri="sip:carol@campus.test"><display-name>Carol</display-name></entry></list>'),
    'any',
  );
  const after = await online('bob', settings, { storage });
  await becomes(after, (contacts) => contacts.some(({ name }) => name === 'Carol'));
  expect(facts(after)).toEqual([
    [user('carol').sip, 'Carol', ['New']],
    [user('dave').sip, 'Dave', ['Lab']],
  ]);
  const elsewhere = await online('bob', settings);
  await becomes(elsewhere, (contacts) => contacts.length === 2);
  expect(facts(elsewhere)).toEqual(facts(after));
  // and they do not come back when they are removed elsewhere
  await elsewhere.set('contactList').remove(user('dave').sip);
  await after.provider.stop();
  const again = await online('bob', settings, { storage });
  await becomes(again, (contacts) => contacts.length === 1);
});

test('two devices that change at once lose nothing of each other', async () => {
  const [desk, lab] = await Promise.all([online('bob', settings), online('bob', settings)]);
  await Promise.all([
    desk.set('contactList').put({ address: user('carol').sip, name: 'Carol', groups: [] }),
    lab.set('contactList').put({ address: user('dave').sip, name: 'Dave', groups: [] }),
    desk.set('contactList').put({ address: user('alice').sip, name: 'Alice', groups: ['A'] }),
    lab.set('contactList').put({ address: user('erin').sip, name: 'Erin', groups: ['A'] }),
  ]);
  const home = await online('bob', settings);
  await becomes(home, (contacts) => contacts.length === 4);
  expect(home.set('contactList').contacts.map(({ name }) => name)).toEqual(['Alice', 'Carol', 'Dave', 'Erin']);
});

test('what other programs keep in the document survives our changes', async () => {
  const theirs =
    '<list name="Theirs" x:colour="blue"><!-- kept --><entry uri="sip:carol%40home@campus.test"><x:pin/></entry><external anchor="http://x/"/></list><x:more>1</x:more>';
  await other().put('resource-lists', LISTS, listOf(theirs), 'any');
  const bob = await online('bob', settings);
  await bob.set('contactList').put({ address: user('dave').sip, name: 'Dave', groups: ['Lab'] });
  await bob.set('contactList').remove(user('dave').sip);
  await bob.set('contactList').put({ address: user('erin').sip, name: 'Erin', groups: ['Theirs'] });
  expect(bob.set('contactList').contacts.map(({ address }) => address)).toContain('sip:carol@home@campus.test');
  const text = await textOf();
  for (const piece of [
    'x:colour="blue"',
    '<!-- kept -->',
    '<x:pin/>',
    '<external anchor="http://x/"/>',
    '<x:more>1</x:more>',
  ])
    expect(text).toContain(piece);
});

test('a restart of the server keeps the list, and what changed meanwhile is read', async () => {
  const bob = await online('bob', settings);
  await bob.set('contactList').put({ address: user('carol').sip, name: 'Carol', groups: [] });
  await kamailio.restart();
  await bob.reach('waiting');
  await other().put('resource-lists', LISTS, listOf('<list><entry uri="sip:erin@campus.test"/></list>'), 'any');
  bob.provider.machineEvent('wake');
  await bob.reach('online');
  await becomes(bob, ([contact]) => contact?.address === user('erin').sip);
});

test('what two devices change while the server is down is on both when it is back, although one was ended', async () => {
  const memory = memoryStorage();
  const desk = await online('bob', settings, { storage: memory });
  const lab = await online('bob', settings);
  const [carol, dave, erin] = [user('carol').sip, user('dave').sip, user('erin').sip];
  const deskList = desk.set('contactList');
  await deskList.put({ address: carol, name: 'Carol', groups: ['Lab'] });
  await deskList.put({ address: dave, name: 'Dave', groups: [] });
  await becomes(lab, (contacts) => contacts.length === 2);
  await kamailio.kill();
  await Promise.all([desk.reach('waiting'), lab.reach('waiting')]);
  await deskList.put({ address: carol, name: 'Carolina', groups: ['Lab'] });
  await deskList.remove(dave);
  await lab.set('contactList').put({ address: carol, name: 'Carol', groups: ['Lab', 'Friends'] });
  await lab.set('contactList').put({ address: erin, name: 'Erin', groups: [] });
  expect([deskList.kept, lab.set('contactList').kept]).toEqual(['waiting', 'waiting']);
  // as it lies on disk: that program is ended and comes again
  const disk = new Map(memory.content);
  await desk.provider.stop();
  await kamailio.start();
  const again = await online('bob', settings, { storage: memoryStorage(disk) });
  lab.provider.machineEvent('wake');
  await lab.reach('online');
  const wanted = [
    [carol, 'Carolina', ['Friends', 'Lab']],
    [erin, 'Erin', []],
  ];
  for (const each of [again, lab]) {
    await becomes(each, () => JSON.stringify(facts(each)) === JSON.stringify(wanted));
    expect(each.set('contactList').kept).toBe('server');
  }
});
