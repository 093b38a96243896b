import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { TestProfile, turn } from '../support/core.ts';

const SENT = { state: 'sent' } as const;
const failed = (code: ProviderError['code'], retryable: boolean, retryAfter?: number) =>
  ({ state: 'failed', error: new ProviderError(code, { retryable, retryAfter }) }) as const;
const HALF_HOUR = 30 * 60_000;

async function ready() {
  const profile = new TestProfile();
  await profile.start();
  return { profile, ...(await profile.withTalk()) };
}
const texts = (handed: readonly { draft: { text: string } }[]) => handed.map(({ draft }) => draft.text);
const stateOf = async (profile: TestProfile, talkId: string) =>
  (await profile.call('messages.page', { talkId, limit: 50 })).messages.map(({ text, state }) => `${text}: ${state}`);

describe('the outbox', () => {
  it('has a text on disk before it answers, and hands it over under the same id', async () => {
    const { profile, provider, talk } = await ready();
    const message = await profile.call('messages.send', { talkId: talk.id, text: 'Olá' });
    expect(message).toMatchObject({ state: 'queued', direction: 'outgoing', text: 'Olá', route: talk.route });
    expect(provider.messaging.handed).toMatchObject([
      { to: 'test:rui@campus.test', draft: { id: message.id, text: 'Olá', composedAt: message.at } },
    ]);
    await turn();
    provider.messaging.handed[0]?.settle(SENT);
    await turn();
    expect(profile.told('messages').flatMap(({ changed }) => changed.map(({ state }) => state))).toEqual([
      'queued',
      'sent',
    ]);
    expect(profile.told('talks').at(-1)?.changed[0]?.last?.state).toBe('sent');
  });

  it('hands texts for one peer over one after the other, in the order they were written', async () => {
    const { profile, provider, talk } = await ready();
    for (const text of ['one', 'two', 'three']) await profile.call('messages.send', { talkId: talk.id, text });
    expect(texts(provider.messaging.handed)).toEqual(['one']);
    provider.messaging.handed[0]?.settle(SENT);
    await turn();
    expect(texts(provider.messaging.handed)).toEqual(['one', 'two']);
    provider.messaging.handed[1]?.settle({ state: 'waiting' });
    await turn();
    expect(texts(provider.messaging.handed)).toEqual(['one', 'two', 'three']);
    expect(await stateOf(profile, talk.id)).toEqual(['one: sent', 'two: waiting', 'three: queued']);
  });

  it('does not let one peer wait for another', async () => {
    const { profile, provider, talk, account } = await ready();
    const other = await profile.call('talks.openAddress', { accountId: account.id, address: 'eva@campus.test' });
    await profile.call('messages.send', { talkId: talk.id, text: 'to Rui' });
    await profile.call('messages.send', { talkId: other.id, text: 'to Eva' });
    expect(texts(provider.messaging.handed)).toEqual(['to Rui', 'to Eva']);
  });

  it('does nothing the second time the same call comes', async () => {
    const { profile, provider, talk } = await ready();
    const messageId = randomUUID();
    const first = await profile.call('messages.send', { talkId: talk.id, text: 'once', messageId });
    provider.messaging.handed[0]?.settle(SENT);
    await turn();
    const second = await profile.call('messages.send', { talkId: talk.id, text: 'once', messageId });
    expect(second).toEqual({ ...first, state: 'sent' });
    expect(provider.messaging.handed).toHaveLength(1);
    expect(await profile.refused('messages.send', { talkId: talk.id, text: 'other', messageId })).toBe(
      'already-exists',
    );
  });

  it('keeps texts while the account is away and sends them in order when it is back', async () => {
    const { profile, provider, talk } = await ready();
    provider.lost();
    for (const text of ['one', 'two']) await profile.call('messages.send', { talkId: talk.id, text });
    profile.clock.advance(HALF_HOUR);
    expect(provider.messaging.handed).toEqual([]);
    provider.messaging.automatic = SENT;
    provider.online();
    await turn();
    expect(texts(provider.messaging.handed)).toEqual(['one', 'two']);
    expect(await stateOf(profile, talk.id)).toEqual(['one: sent', 'two: sent']);
  });

  it('sends what the connection took with it again, under the same id, and keeps the order', async () => {
    const { profile, provider, talk } = await ready();
    for (const text of ['one', 'two']) await profile.call('messages.send', { talkId: talk.id, text });
    provider.lost();
    provider.messaging.handed[0]?.settle(failed('network', true));
    await turn();
    expect(await stateOf(profile, talk.id)).toEqual(['one: queued', 'two: queued']);
    provider.messaging.automatic = SENT;
    provider.online();
    await turn();
    expect(texts(provider.messaging.handed)).toEqual(['one', 'one', 'two']);
    expect(provider.messaging.handed[0]?.draft.id).toBe(provider.messaging.handed[1]?.draft.id);
  });

  it('lets the others go first when the account is lost over one text again and again, and fails that one in the end', async () => {
    const { profile, provider, talk, account } = await ready();
    const other = await profile.call('talks.openAddress', { accountId: account.id, address: 'eva@campus.test' });
    await profile.call('messages.send', { talkId: talk.id, text: 'poison' });
    const handed = (text: string) => provider.messaging.handed.filter(({ draft }) => draft.text === text);
    const losesTheAccount = async () => {
      provider.lost();
      handed('poison').at(-1)?.settle(failed('network', true));
      await turn();
      provider.online();
      await turn();
    };
    for (const times of [1, 2, 3]) {
      expect(handed('poison')).toHaveLength(times);
      await losesTheAccount();
    }
    // now the account lives on without it
    expect(handed('poison')).toHaveLength(3);
    await profile.call('messages.send', { talkId: other.id, text: 'to Eva' });
    handed('to Eva').at(-1)?.settle(SENT);
    await turn();
    expect(await stateOf(profile, other.id)).toEqual(['to Eva: sent']);
    for (const times of [4, 5, 6]) {
      profile.clock.advance(HALF_HOUR);
      await turn();
      expect(handed('poison')).toHaveLength(times);
      await losesTheAccount();
    }
    expect(await stateOf(profile, talk.id)).toEqual(['poison: failed']);
  });

  it('finds what was not settled after a restart, and sends it under the same id', async () => {
    const { profile, provider, talk } = await ready();
    for (const text of ['one', 'two']) await profile.call('messages.send', { talkId: talk.id, text });
    const before = provider.messaging.handed[0]?.draft;
    await profile.restart();
    await turn();
    const { handed } = profile.protocol.last.messaging;
    expect(handed[0]?.draft).toEqual(before);
    handed[0]?.settle(SENT);
    await turn();
    expect(texts(handed)).toEqual(['one', 'two']);
    expect(await stateOf(profile, talk.id)).toEqual(['one: sent', 'two: queued']);
  });

  it('never sends again what has a definite outcome, also over a restart', async () => {
    const { profile, provider, talk } = await ready();
    provider.messaging.automatic = failed('blocked', false);
    await profile.call('messages.send', { talkId: talk.id, text: 'no' });
    provider.messaging.automatic = SENT;
    await turn();
    await profile.call('messages.send', { talkId: talk.id, text: 'yes' });
    await turn();
    expect(await stateOf(profile, talk.id)).toEqual(['no: failed', 'yes: sent']);
    const [message] = (await profile.call('messages.page', { talkId: talk.id, limit: 1, before: 2 })).messages;
    expect(message?.fault).toEqual({ code: 'blocked', retryable: false });
    await profile.restart();
    await turn();
    expect(profile.protocol.last.messaging.handed).toEqual([]);
  });

  it('tries again after growing pauses while online, and gives up where a person should see it', async () => {
    const { profile, provider, talk } = await ready();
    provider.messaging.automatic = failed('server-unavailable', true);
    await profile.call('messages.send', { talkId: talk.id, text: 'busy' });
    for (let attempt = 1; attempt < 6; attempt++) {
      await turn();
      expect(provider.messaging.handed).toHaveLength(attempt);
      expect(await stateOf(profile, talk.id)).toEqual(['busy: queued']);
      profile.clock.advance(60_000);
    }
    await turn();
    const [message] = (await profile.call('messages.page', { talkId: talk.id, limit: 1 })).messages;
    expect(message).toMatchObject({ state: 'failed', fault: { code: 'server-unavailable', retryable: true } });
    profile.clock.advance(HALF_HOUR);
    await turn();
    expect(provider.messaging.handed).toHaveLength(6);
  });

  it('waits as long as the other side asked for', async () => {
    const { profile, provider, talk } = await ready();
    provider.messaging.automatic = failed('server-unavailable', true, 90);
    await profile.call('messages.send', { talkId: talk.id, text: 'later' });
    await turn();
    profile.clock.advance(89_000);
    await turn();
    expect(provider.messaging.handed).toHaveLength(1);
    profile.clock.advance(1_000);
    await turn();
    expect(provider.messaging.handed).toHaveLength(2);
  });

  it('keeps a text for somebody absent, and sends it when they are back', async () => {
    const { profile, provider, talk } = await ready();
    provider.presence.tell('test:rui@campus.test', { state: 'offline' });
    provider.messaging.automatic = failed('peer-offline', true);
    await profile.call('messages.send', { talkId: talk.id, text: 'for later' });
    await turn();
    expect(await stateOf(profile, talk.id)).toEqual(['for later: waiting']);
    provider.messaging.automatic = SENT;
    provider.presence.tell('test:rui@campus.test', { state: 'available' });
    await turn();
    expect(provider.messaging.handed).toHaveLength(2);
    expect(await stateOf(profile, talk.id)).toEqual(['for later: sent']);
  });

  it('sends it also when they only come back into the list, without a word on their presence', async () => {
    const { profile, provider, talk } = await ready();
    const address = 'test:rui@campus.test';
    const contacts = [{ address, name: 'Rui', groups: [], subscription: 'mutual' as const }];
    provider.presence.known.set(address, { state: 'available' });
    provider.contactList.set(contacts);
    await turn();
    provider.presence.known.set(address, { state: 'unknown' });
    provider.contactList.set([]);
    provider.messaging.automatic = failed('peer-offline', true);
    await profile.call('messages.send', { talkId: talk.id, text: 'for later' });
    await turn();
    provider.messaging.automatic = SENT;
    provider.presence.known.set(address, { state: 'available' });
    provider.contactList.set(contacts);
    await turn();
    expect(await stateOf(profile, talk.id)).toEqual(['for later: sent']);
  });

  it('tries somebody absent now and then although nobody said they are back, also after a restart', async () => {
    const { profile, provider, talk } = await ready();
    provider.messaging.automatic = failed('peer-offline', true);
    await profile.call('messages.send', { talkId: talk.id, text: 'for later' });
    await turn();
    profile.clock.advance(HALF_HOUR);
    await turn();
    expect(provider.messaging.handed.length).toBeGreaterThan(1);
    await profile.restart();
    await turn();
    expect(texts(profile.protocol.last.messaging.handed)).toEqual(['for later']);
  });

  it('sends a failed text again when it is asked to, and only then', async () => {
    const { profile, provider, talk } = await ready();
    const { id } = await profile.call('messages.send', { talkId: talk.id, text: 'again' });
    expect(await profile.refused('messages.retry', { messageId: id })).toBe('wrong-state');
    provider.messaging.handed[0]?.settle(failed('peer-unknown', false));
    await turn();
    provider.messaging.automatic = SENT;
    await profile.call('messages.retry', { messageId: id });
    await turn();
    expect(provider.messaging.handed.map(({ draft }) => draft.id)).toEqual([id, id]);
    expect(await stateOf(profile, talk.id)).toEqual(['again: sent']);
    expect(await profile.refused('messages.retry', { messageId: id })).toBe('wrong-state');
    expect(await profile.refused('messages.retry', { messageId: 'nothing' })).toBe('not-found');
    await profile.call('talks.remove', { talkId: talk.id });
    expect(await profile.refused('messages.retry', { messageId: id })).toBe('not-found');
  });

  it('refuses a text that the route does not take, counted in bytes, and keeps nothing of it', async () => {
    const { profile, provider, talk } = await ready();
    provider.messaging.maximumBytes = 10;
    expect(await profile.refused('messages.send', { talkId: talk.id, text: 'reuniões!!' })).toBe('too-big');
    expect(await profile.refused('messages.send', { talkId: talk.id, text: 'a'.repeat(1_000_000) })).toBe('too-big');
    expect(await stateOf(profile, talk.id)).toEqual([]);
    await profile.call('messages.send', { talkId: talk.id, text: 'reunião!' });
  });

  it('fails a text that waited for a route which turns out too small, and goes on with the next', async () => {
    const { profile, provider, talk } = await ready();
    provider.lost();
    await profile.call('messages.send', { talkId: talk.id, text: 'a long text' });
    await profile.call('messages.send', { talkId: talk.id, text: 'short' });
    provider.messaging.maximumBytes = 5;
    provider.messaging.automatic = SENT;
    provider.online();
    await turn();
    expect(await stateOf(profile, talk.id)).toEqual(['a long text: failed', 'short: sent']);
  });

  it('refuses an empty text, a talk that is not there and a route that is gone', async () => {
    const { profile, talk, account } = await ready();
    expect(await profile.refused('messages.send', { talkId: talk.id, text: '' })).toBe('command-invalid');
    expect(await profile.refused('messages.send', { talkId: talk.id, text: ' \n' })).toBe('command-invalid');
    expect(await profile.refused('messages.send', { talkId: 'none', text: 'x' })).toBe('not-found');
    await profile.call('accounts.remove', { accountId: account.id });
    expect(await profile.refused('messages.send', { talkId: talk.id, text: 'x' })).toBe('not-available-here');
  });

  it('fails what still waited when its account is removed; the text stays to be seen', async () => {
    const { profile, provider, talk, account } = await ready();
    provider.lost();
    await profile.call('messages.send', { talkId: talk.id, text: 'never' });
    await profile.call('accounts.remove', { accountId: account.id });
    expect(await stateOf(profile, talk.id)).toEqual(['never: failed']);
  });

  it('is not confused by a receipt that is faster than the outcome', async () => {
    const { profile, provider, talk } = await ready();
    const { id } = await profile.call('messages.send', { talkId: talk.id, text: 'fast' });
    provider.messaging.marks.emit({ peer: 'test:rui@campus.test', id, mark: 'delivered', at: 1 });
    provider.messaging.handed[0]?.settle(SENT);
    await turn();
    expect(await stateOf(profile, talk.id)).toEqual(['fast: delivered']);
    await profile.restart();
    await turn();
    expect(profile.protocol.last.messaging.handed).toEqual([]);
  });

  it('clears the draft with the text that was made of it', async () => {
    const { profile, talk } = await ready();
    await profile.call('talks.setDraft', { talkId: talk.id, draft: 'half' });
    await profile.call('messages.send', { talkId: talk.id, text: 'half and whole' });
    expect((await profile.snapshot()).talks[0]?.draft).toBe('');
  });
});

describe('marks', () => {
  it('only go forward', async () => {
    const { profile, provider, talk } = await ready();
    provider.messaging.automatic = SENT;
    const { id } = await profile.call('messages.send', { talkId: talk.id, text: 'x' });
    await turn();
    const mark = (kind: 'delivered' | 'read' | 'failed') =>
      provider.messaging.marks.emit({
        peer: 'test:rui@campus.test',
        id,
        mark: kind,
        at: 1,
        ...(kind === 'failed' && { error: new ProviderError('peer-offline') }),
      });
    mark('read');
    mark('delivered');
    mark('failed');
    expect(await stateOf(profile, talk.id)).toEqual(['x: read']);
  });

  it('of failure carry their cause, and a late proof of arrival is believed', async () => {
    const { profile, provider, talk } = await ready();
    provider.messaging.automatic = SENT;
    const { id } = await profile.call('messages.send', { talkId: talk.id, text: 'x' });
    await turn();
    const peer = 'test:rui@campus.test';
    provider.messaging.marks.emit({ peer, id, mark: 'failed', at: 1, error: new ProviderError('peer-unknown') });
    const [message] = (await profile.call('messages.page', { talkId: talk.id, limit: 1 })).messages;
    expect(message).toMatchObject({ state: 'failed', fault: { code: 'peer-unknown' } });
    provider.messaging.marks.emit({ peer, id, mark: 'delivered', at: 2 });
    const [after] = (await profile.call('messages.page', { talkId: talk.id, limit: 1 })).messages;
    expect(after).toMatchObject({ state: 'delivered', fault: null });
  });

  it('from somebody else change nothing', async () => {
    const { profile, provider, talk } = await ready();
    provider.messaging.automatic = SENT;
    const { id } = await profile.call('messages.send', { talkId: talk.id, text: 'x' });
    await turn();
    provider.messaging.marks.emit({ peer: 'test:mallory@campus.test', id, mark: 'read', at: 1 });
    expect(await stateOf(profile, talk.id)).toEqual(['x: sent']);
  });

  it('of reading cover what the peer had before, but not what never arrived', async () => {
    const { profile, provider, talk } = await ready();
    provider.messaging.automatic = SENT;
    const ids: string[] = [];
    for (const text of ['arrived', 'lost', 'last']) {
      ids.push((await profile.call('messages.send', { talkId: talk.id, text })).id);
      await turn();
    }
    const peer = 'test:rui@campus.test';
    provider.messaging.marks.emit({ peer, id: ids[0] ?? '', mark: 'delivered', at: 1 });
    provider.messaging.marks.emit({ peer, id: ids[2] ?? '', mark: 'read', at: 1 });
    expect(await stateOf(profile, talk.id)).toEqual(['arrived: read', 'lost: sent', 'last: read']);
  });
});
