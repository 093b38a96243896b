import { expect, it } from 'vitest';
import { TestProfile, turn } from '../support/core.ts';

const BOB = 'test:bob@local.test';
const OTHER = 'test:other@local.test';
const called = (address: string, name: string) => ({ address, name, groups: [], subscription: 'mutual' as const });

async function network() {
  const profile = new TestProfile();
  profile.protocol.keys = true;
  await profile.start();
  const { account, provider } = await profile.signIn();
  provider.contactList.kept = 'discovered';
  provider.contactList.set([called(BOB, 'Bob')]);
  await turn();
  const personAt = async (address: string) =>
    (await profile.snapshot()).people.find(({ addresses }) => addresses.some((one) => one.address === address));
  return { profile, provider, route: { accountId: account.id, address: BOB }, personAt };
}

it('a name is unverified until the codes were compared, and stays verified after a restart of the window', async () => {
  const { profile, route, personAt } = await network();
  expect(await personAt(BOB)).toMatchObject({ verified: false, addresses: [{ key: 'unverified' }] });
  const { code } = await profile.call('people.verificationCode', route);
  expect(code).toMatch(/^\d{60}$/);
  await profile.call('people.confirmCode', { route, code });
  await turn();
  expect(await personAt(BOB)).toMatchObject({ name: 'Bob', verified: true, addresses: [{ key: 'verified' }] });
  expect(profile.told('people').at(-1)?.changed).toMatchObject([{ verified: true }]);
});

it('another code than the one that was shown confirms nothing', async () => {
  const { profile, route, personAt } = await network();
  expect(await profile.refused('people.confirmCode', { route, code: '0'.repeat(60) })).toBe('policy');
  expect(await profile.refused('people.confirmCode', { route, code: '1' })).toBe('command-invalid');
  expect(await personAt(BOB)).toMatchObject({ verified: false });
});

it('somebody else with the name of somebody verified is told apart, plainly', async () => {
  const { profile, provider, route, personAt } = await network();
  await profile.call('people.confirmCode', { route, code: '12345'.repeat(12) });
  provider.contactList.set([called(BOB, 'Bob'), called(OTHER, ' BOB ')]);
  await turn();
  expect(await personAt(OTHER)).toMatchObject({ verified: false, addresses: [{ key: 'other' }] });
  expect(await personAt(BOB)).toMatchObject({ verified: true, addresses: [{ key: 'verified' }] });
});

it('where a server vouches for addresses there is no code', async () => {
  const profile = new TestProfile();
  await profile.start();
  const { account, provider } = await profile.signIn();
  provider.contactList.set([called(BOB, 'Bob')]);
  await turn();
  expect((await profile.snapshot()).people[0]?.addresses[0]?.key).toBeUndefined();
  const route = { accountId: account.id, address: BOB };
  expect(await profile.refused('people.verificationCode', route)).toBe('not-available-here');
  expect(await profile.refused('people.verificationCode', { ...route, accountId: 'none' })).toBe('not-found');
});
