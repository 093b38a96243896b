import { describe, expect, it } from 'vitest';
import { type Contact, ProviderError } from '../../../protocols/contract/index.ts';
import { TestProfile, turn } from '../support/core.ts';
import { TestPermissions } from '../support/test-protocol.ts';

const RUI = 'test:rui@campus.test';
const contact = (user: string, more: Partial<Contact> = {}): Contact => ({
  address: `test:${user}@campus.test`,
  name: user.toUpperCase(),
  groups: [],
  subscription: 'mutual',
  ...more,
});

async function ready() {
  const profile = new TestProfile();
  await profile.start();
  return { profile, ...(await profile.signIn()) };
}
const names = async (profile: TestProfile) => (await profile.snapshot()).people.map(({ name }) => name);

describe('people', () => {
  it('come from the contact list and are there before any server answers', async () => {
    const { profile, provider } = await ready();
    provider.contactList.set([contact('rui', { groups: ['Class'] }), contact('eva', { subscription: 'pending' })]);
    await turn();
    provider.presence.tell(RUI, { state: 'busy', note: 'in\u202e \u034fclass' });
    expect((await profile.snapshot()).people).toMatchObject([
      { name: 'RUI', verified: true, groups: ['Class'], presence: { state: 'busy', note: 'in class' } },
      { name: 'EVA', addresses: [{ subscription: 'pending', listed: true }], presence: { state: 'unknown' } },
    ]);
    const ids = (await profile.snapshot()).people.map(({ id }) => id);
    profile.protocol.onStart = () => undefined;
    await profile.restart();
    const { people } = await profile.snapshot();
    expect(people.map(({ id }) => id).sort()).toEqual(ids.sort());
    expect(people.every(({ presence }) => presence.state === 'unknown')).toBe(true);
  });

  it('with one address on two accounts are one person, as reachable as the best of them', async () => {
    const { profile, provider: first } = await ready();
    const { provider: second } = await profile.signIn('ana@other.test');
    first.contactList.set([contact('rui', { groups: ['Class'] })]);
    second.contactList.set([contact('rui', { groups: ['Class', 'Friends'] })]);
    await turn();
    first.presence.tell(RUI, { state: 'away' });
    second.presence.tell(RUI, { state: 'available' });
    const { people } = await profile.snapshot();
    expect(people).toHaveLength(1);
    expect(people[0]).toMatchObject({ groups: ['Class', 'Friends'], presence: { state: 'available' } });
    expect(people[0]?.addresses).toHaveLength(2);
    second.lost();
    expect((await profile.snapshot()).people[0]?.presence.state).toBe('away');
  });

  it('that a network without a server shows are called what they call themselves, unverified', async () => {
    const { profile, provider } = await ready();
    provider.contactList.kept = 'discovered';
    provider.contactList.set([contact('rui', { name: 'The Rector' })]);
    await turn();
    expect((await profile.snapshot()).people).toMatchObject([{ name: 'The Rector', verified: false }]);
    expect(await profile.refused('people.change', { personId: 'x', name: '', groups: [] })).toBe('not-found');
    const [person] = (await profile.snapshot()).people;
    expect(await profile.refused('people.remove', { personId: person?.id })).toBe('not-available-here');
    provider.contactList.set([]);
    await turn();
    expect(await names(profile)).toEqual([]);
  });

  it('have the name of the list before their own claim, and neither can leave its line', async () => {
    const { profile, provider } = await ready();
    provider.receive({ text: 'a', peerName: 'Rector\n\u202egpj.exe' });
    expect((await profile.snapshot()).people).toMatchObject([{ name: 'Rector gpj.exe', verified: false }]);
    provider.contactList.set([contact('rui', { name: `Rui ${'x'.repeat(500)}` })]);
    await turn();
    const [person] = (await profile.snapshot()).people;
    expect(person?.name).toHaveLength(200);
    expect(person).toMatchObject({ verified: true });
  });

  it.each([
    ['test:bob@evil.example', 'bob@evil.example', false],
    ['test:bob%40campus.test@evil.example', 'bob%40campus.test@evil.example', false],
    ['test:bob@campus.test.evil.example', 'bob@campus.test.evil.example', false],
    ['test:bob@campus.test', 'bob', true],
  ])('who writes from %s without a name is shown as %s', async (peer, name, verified) => {
    const { profile, provider } = await ready();
    provider.receive({ text: 'hello', peer });
    expect((await profile.snapshot()).people).toMatchObject([{ name, verified }]);
    await profile.restart();
    expect((await profile.snapshot()).people).toMatchObject([{ name, verified }]);
  });

  it('have no group without a name', async () => {
    const { profile, provider } = await ready();
    provider.contactList.set([contact('rui', { groups: ['', 'Class', ' \u200f', '\n', 'Class '] })]);
    await turn();
    expect((await profile.snapshot()).people).toMatchObject([{ groups: ['Class'] }]);
  });

  it('stay when they leave the list only if there is a talk', async () => {
    const { profile, provider } = await ready();
    provider.contactList.set([contact('rui', { groups: ['Class'] }), contact('eva')]);
    provider.receive({ text: 'hello' });
    await turn();
    const eva = (await profile.snapshot()).people.find(({ name }) => name === 'EVA');
    provider.contactList.set([]);
    await turn();
    expect((await profile.snapshot()).people).toMatchObject([
      { name: 'RUI', groups: [], addresses: [{ listed: false, subscription: 'none' }] },
    ]);
    expect(profile.told('people').at(-1)?.removed).toEqual([eva?.id]);
    await profile.restart();
    expect(await names(profile)).toEqual(['RUI']);
  });

  it('of a removed account stay only with a talk, without its address', async () => {
    const { profile, provider, account } = await ready();
    provider.contactList.set([contact('rui'), contact('eva')]);
    provider.receive({ text: 'hello' });
    await turn();
    await profile.call('accounts.remove', { accountId: account.id });
    expect((await profile.snapshot()).people).toMatchObject([{ name: 'RUI', addresses: [] }]);
    const again = await profile.signIn();
    expect(again.account.id).toBe(account.id);
    expect((await profile.snapshot()).people).toMatchObject([{ addresses: [{ address: RUI }] }]);
  });

  it('say why something cannot be done with them; a text that can wait is not off', async () => {
    const { profile, provider } = await ready();
    provider.contactList.set([contact('rui')]);
    await turn();
    const off = async () => {
      const [address] = (await profile.snapshot()).people[0]?.addresses ?? [];
      return [address?.messagingOff, address?.fileTransferOff];
    };
    expect(await off()).toEqual([null, null]);
    const tell = (code: ProviderError['code'], retryable: boolean) => {
      const no = { on: false, off: new ProviderError(code, { retryable }) } as const;
      provider.capabilityChanges.emit({ address: RUI, capabilities: { messaging: no, fileTransfer: no } });
    };
    tell('network', true);
    expect(await off()).toEqual([null, 'network']);
    tell('blocked', false);
    expect(await off()).toEqual(['blocked', 'blocked']);
  });

  it('say how the next text to them goes, where there is a choice', async () => {
    const { profile, provider } = await ready();
    provider.contactList.set([contact('rui')]);
    await turn();
    const mode = async () => (await profile.snapshot()).people[0]?.addresses[0]?.messagingMode;
    expect(await mode()).toBe(null);
    const fileTransfer = { on: true } as const;
    for (const told of ['page', 'session'] as const) {
      const messaging = { on: true, mode: told } as const;
      provider.capabilityChanges.emit({ address: RUI, capabilities: { messaging, fileTransfer } });
      expect(await mode()).toBe(told);
    }
  });

  it('500 of them coming online at once are one event, and a list that did not change is none', async () => {
    const { profile, provider } = await ready();
    const all = Array.from({ length: 500 }, (_, index) => contact(`p${index}`));
    provider.contactList.set(all);
    await turn();
    profile.batches.length = 0;
    for (const { address } of all) provider.presence.tell(address, { state: 'available' });
    await turn();
    expect(profile.batches).toHaveLength(1);
    expect(profile.told('people').at(-1)?.changed).toHaveLength(500);
    profile.batches.length = 0;
    provider.contactList.set([...all]);
    provider.presence.tell(all[0]?.address ?? '', { state: 'available' });
    await turn();
    expect(profile.batches).toEqual([]);
    provider.contactList.set([contact('p0', { name: 'Other' }), ...all.slice(1)]);
    await turn();
    expect(
      profile
        .told('people')
        .at(-1)
        ?.changed.map(({ name }) => name),
    ).toEqual(['Other']);
  });
});

describe('the contact list', () => {
  it('is changed where it is kept', async () => {
    const { profile, provider, account } = await ready();
    const { personId } = await profile.call('people.add', {
      accountId: account.id,
      address: 'Rui@campus.test',
      name: 'Rui',
      groups: ['Class'],
    });
    expect(provider.contactList.contacts).toMatchObject([{ address: RUI, name: 'Rui', groups: ['Class'] }]);
    await profile.call('people.change', { personId, name: 'Rui P.', groups: [] });
    expect((await profile.snapshot()).people).toMatchObject([{ id: personId, name: 'Rui P.', groups: [] }]);
    await profile.call('people.remove', { personId });
    expect(provider.contactList.contacts).toEqual([]);
    expect(await names(profile)).toEqual([]);
  });

  it('refuses with the server’s own reason, and with one of its own where there is no list to change', async () => {
    const { profile, provider, account } = await ready();
    const add = (address: string, accountId = account.id) =>
      profile.refused('people.add', { accountId, address, name: '', groups: [] });
    expect(await add('not an address')).toBe('address-invalid');
    expect(await add('rui@campus.test', 'nobody')).toBe('not-found');
    provider.contactList.refusal = new ProviderError('policy');
    expect(await add('rui@campus.test')).toBe('policy');
    provider.contactList.kept = 'discovered';
    expect(await add('rui@campus.test')).toBe('not-available-here');
    await profile.call('accounts.change', { accountId: account.id, enabled: false });
    expect(await add('rui@campus.test')).toBe('network');
    expect(await profile.refused('people.remove', { personId: 'nobody' })).toBe('not-found');
  });

  it('shows who asks to see us, and takes the answer', async () => {
    const { profile, provider, account } = await ready();
    provider.contactList.requests = [{ address: RUI, name: 'Rui', note: 'Hi\u202e' }];
    provider.contactList.asked.emit(provider.contactList.requests);
    await turn();
    expect(profile.told('requests').at(-1)?.requests).toEqual([
      { accountId: account.id, address: RUI, name: 'Rui', note: 'Hi' },
    ]);
    await profile.call('requests.answer', { accountId: account.id, address: RUI, answer: 'accept' });
    expect(provider.contactList.answers).toEqual([{ address: RUI, answer: 'accept' }]);
    expect((await profile.snapshot()).requests).toEqual([]);
    expect(await profile.refused('requests.answer', { accountId: 'nobody', address: RUI, answer: 'accept' })).toBe(
      'not-found',
    );
  });

  it('who is allowed to see us becomes somebody we ask to see, under a name that is still only their own word', async () => {
    const { profile, provider, account } = await ready();
    provider.contactList.requests = [{ address: RUI, name: 'The Rector' }];
    await profile.call('requests.answer', { accountId: account.id, address: RUI, answer: 'accept' });
    expect(provider.contactList.contacts).toEqual([{ address: RUI, name: '', groups: [], subscription: 'mutual' }]);
    expect((await profile.snapshot()).people).toMatchObject([
      { name: 'The Rector', verified: false, addresses: [{ listed: true }] },
    ]);
  });

  it('who is allowed and was in the list keeps name and groups, and is asked only where that is not done already', async () => {
    const { profile, provider, account } = await ready();
    provider.contactList.set([contact('rui', { groups: ['Class'], subscription: 'incoming' })]);
    const allow = () => profile.call('requests.answer', { accountId: account.id, address: RUI, answer: 'accept' });
    await allow();
    const asked = { address: RUI, name: 'RUI', groups: ['Class'], subscription: 'mutual' };
    expect(provider.contactList.contacts).toEqual([asked]);
    provider.contactList.set([{ ...asked, subscription: 'pending' }]);
    await allow();
    expect(provider.contactList.contacts).toEqual([{ ...asked, subscription: 'pending' }]);
    await profile.call('requests.answer', { accountId: account.id, address: 'test:eve@x', answer: 'decline' });
    expect(provider.contactList.contacts).toHaveLength(1);
  });

  it('are not one’s own: who has themselves on the list is not asked about themselves', async () => {
    const { profile, provider } = await ready();
    provider.contactList.requests = [{ address: provider.address, name: 'Ana' }];
    provider.contactList.asked.emit(provider.contactList.requests);
    expect((await profile.snapshot()).requests).toEqual([]);
    expect(provider.contactList.answers).toEqual([{ address: provider.address, answer: 'accept' }]);
  });

  it('says what somebody may see of us, and changes it where a server keeps that', async () => {
    const { profile, provider } = await ready();
    provider.contactList.set([contact('rui')]);
    await turn();
    const person = async () => (await profile.snapshot()).people[0];
    const personId = (await person())?.id ?? '';
    expect((await person())?.addresses[0]).not.toHaveProperty('permission');
    const set = { personId, permission: 'block' } as const;
    expect(await profile.refused('people.setPermission', set)).toBe('not-available-here');
    expect(await profile.refused('people.setPermission', { ...set, personId: 'nobody' })).toBe('not-found');
    // the server was found to keep rules
    const permissions = new TestPermissions();
    provider.contactList.permissions = permissions;
    provider.contactList.set([contact('rui')]);
    await turn();
    expect((await person())?.addresses[0]?.permission).toBe('ask');
    await profile.call('people.setPermission', set);
    expect((await person())?.addresses[0]?.permission).toBe('block');
    // another device
    await permissions.set(RUI, 'polite-block');
    await turn();
    expect(profile.told('people').at(-1)?.changed[0]?.addresses[0]?.permission).toBe('polite-block');
    provider.contactList.permissions = undefined;
    provider.contactList.set([contact('rui')]);
    await turn();
    expect((await person())?.addresses[0]).not.toHaveProperty('permission');
    expect(permissions.changes.size).toBe(0);
  });

  it('tells where the list is kept when that changes', async () => {
    const { profile, provider } = await ready();
    provider.contactList.kept = 'local';
    provider.contactList.set([]);
    await turn();
    expect(profile.told('accounts').at(-1)?.accounts[0]?.contactList).toBe('local');
  });
});
