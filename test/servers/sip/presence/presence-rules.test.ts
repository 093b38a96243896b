import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Contact, ContactPermissions, ContactSubscription } from '../../../../protocols/contract/index.ts';
import { memoryStorage, next, type Person } from '../../../sip/kit.ts';
import { campus, kamailio, restoreCampus, user } from '../../campus.ts';
import { online } from '../kit.ts';

beforeEach(() => kamailio.restart({ presenceRules: true }));
afterEach(restoreCampus);

// over datagrams there are no lists: everybody is asked for alone
const settings = { options: { xcapRoot: campus().xcapRoot }, transport: 'udp' } as const;
const listed = { ...settings, transport: 'tcp' } as const;
const carolAddress = user('carol').sip;
const daveAddress = user('dave').sip;

const permissionsOf = (person: Person): ContactPermissions => {
  const { permissions } = person.set('contactList');
  if (!permissions) throw new Error('no permissions');
  return permissions;
};

const subscriptionBecomes = async (person: Person, ...wanted: ContactSubscription[]): Promise<void> => {
  const list = person.set('contactList');
  const fits = (contacts: readonly Contact[]): boolean =>
    contacts[0] !== undefined && wanted.includes(contacts[0].subscription);
  if (!fits(list.contacts)) await next(list.onChange, fits);
};

const requestOf = async (person: Person, address: string): Promise<void> => {
  const list = person.set('contactList');
  if (list.requests.some((each) => each.address === address)) return;
  await next(list.onRequests, (requests) => requests.some((each) => each.address === address));
};

const noRequests = async (person: Person): Promise<void> => {
  const list = person.set('contactList');
  if (list.requests.length > 0) await next(list.onRequests, (requests) => requests.length === 0);
};

const forget = async (person: Person, address: string): Promise<void> => {
  await permissionsOf(person).set(address, 'ask');
  const list = person.set('contactList');
  // whoever other tests left there, too
  for (const contact of list.contacts) await list.remove(contact.address);
};

/** Carol is there and has said nothing of dave, who wants to see her. */
const asked = async (storage = memoryStorage(), settingsOfDave: typeof settings | typeof listed = settings) => {
  const carol = await online('carol', settings, { storage });
  await forget(carol, daveAddress);
  // only then: Kamailio goes on refusing a watcher whom it has seen lose a permission
  const dave = await online('dave', settingsOfDave);
  await forget(dave, carolAddress);
  await carol.set('presence').publish({ state: 'busy', note: 'in class' });
  await dave.set('contactList').put({ address: carolAddress, name: 'Carol', groups: [] });
  await requestOf(carol, daveAddress);
  return { carol, dave, storage };
};

test('who asks is shown; accepting lets them see us and puts them on the list', async () => {
  const { carol, dave } = await asked();
  await subscriptionBecomes(dave, 'pending');
  expect(dave.set('presence').presenceOf(carolAddress)).toEqual({ state: 'unknown' });
  await carol.set('contactList').answerRequest(daveAddress, 'accept');
  await dave.sees(carolAddress, ({ state, note }) => state === 'busy' && note === 'in class');
  await noRequests(carol);
  expect(permissionsOf(carol).of(daveAddress)).toBe('allow');
  expect(carol.set('contactList').contacts).toMatchObject([{ address: daveAddress, name: 'dave' }]);
  // and dave is asked in turn
  await requestOf(dave, carolAddress);
  await dave.set('contactList').answerRequest(carolAddress, 'accept');
  await Promise.all([subscriptionBecomes(carol, 'mutual'), subscriptionBecomes(dave, 'mutual')]);
});

test('declining keeps them from seeing us and from asking again', async () => {
  const { carol, dave } = await asked();
  await carol.set('contactList').answerRequest(daveAddress, 'decline');
  await noRequests(carol);
  await subscriptionBecomes(dave, 'none', 'incoming');
  expect(permissionsOf(carol).of(daveAddress)).toBe('block');
  await dave.provider.stop();
  const again = await online('dave', settings);
  await subscriptionBecomes(again, 'none', 'incoming');
  expect(carol.set('contactList').requests).toEqual([]);
});

test.each([
  ['alone', settings],
  ['by their list', listed],
])('allow, appear offline, block and allow again are each seen by the other, who asks %s', async (_how, theirs) => {
  const { carol, dave } = await asked(memoryStorage(), theirs);
  const permissions = permissionsOf(carol);
  let told = 0;
  permissions.onChange(() => {
    told += 1;
  });
  await permissions.set(daveAddress, 'allow');
  await dave.sees(carolAddress, ({ state }) => state === 'busy');
  await permissions.set(daveAddress, 'polite-block');
  await dave.sees(carolAddress, ({ state }) => state === 'offline');
  await permissions.set(daveAddress, 'block');
  await dave.sees(carolAddress, ({ state }) => state === 'unknown');
  await permissions.set(daveAddress, 'allow');
  expect([permissions.of(daveAddress), told]).toEqual(['allow', 4]);
  // who was refused asks again at the next login
  await dave.provider.stop();
  const again = await online('dave', theirs);
  await again.sees(carolAddress, ({ state }) => state === 'busy');
});

test('an answer given on one device holds on another, and who asked while nobody was there is shown at login', async () => {
  const { carol, dave, storage } = await asked();
  await carol.provider.stop();
  const elsewhere = await online('carol', settings);
  await requestOf(elsewhere, daveAddress);
  await elsewhere.set('contactList').answerRequest(daveAddress, 'accept');
  const back = await online('carol', settings, { storage });
  await elsewhere.set('presence').publish({ state: 'away' });
  await dave.sees(carolAddress, ({ state }) => state === 'away');
  if (permissionsOf(back).of(daveAddress) !== 'allow') await next(permissionsOf(back).onChange);
  expect([permissionsOf(back).of(daveAddress), back.set('contactList').requests]).toEqual(['allow', []]);
});

test('who is removed sees us no longer, and is shown as one who asks only when they come anew', async () => {
  const { carol, dave } = await asked();
  const lab = await online('carol', settings);
  await carol.set('contactList').answerRequest(daveAddress, 'accept');
  await dave.sees(carolAddress, ({ state }) => state === 'busy');
  await subscriptionBecomes(lab, 'incoming', 'mutual', 'pending');
  const told: string[] = [];
  for (const device of [carol, lab])
    device.set('contactList').onRequests((requests) => told.push(...requests.map(({ address }) => address)));
  await carol.set('contactList').remove(daveAddress);
  await dave.sees(carolAddress, ({ state }) => state === 'unknown');
  if (permissionsOf(lab).of(daveAddress) !== 'ask') await next(permissionsOf(lab).onChange);
  await dave.provider.stop();
  expect([told, permissionsOf(carol).of(daveAddress)]).toEqual([[], 'ask']);
  const again = await online('dave', settings);
  await Promise.all([requestOf(carol, daveAddress), requestOf(lab, daveAddress)]);
  await carol.set('contactList').answerRequest(daveAddress, 'accept');
  await again.sees(carolAddress, ({ state }) => state === 'busy');
});
