import { describe, expect, it } from 'vitest';
import { openStore } from '../../../electron/core/store/open-store.ts';
import { TestProfile, turn } from '../support/core.ts';

const RUI = 'test:rui@campus.test';

async function ready() {
  const profile = new TestProfile();
  await profile.start();
  return { profile, ...(await profile.withTalk()) };
}

describe('reading', () => {
  it('counts what is unread, tells the shell, and the peer once for each text', async () => {
    const { profile, provider, talk } = await ready();
    for (const text of ['one', 'two', 'three']) provider.receive({ text });
    await turn();
    expect(profile.shell.unread.at(-1)).toBe(3);
    const { messages } = await profile.call('messages.page', { talkId: talk.id, limit: 10 });
    await profile.call('talks.markRead', { talkId: talk.id, upTo: messages[1]?.sequence ?? 0 });
    await turn();
    expect(profile.shell.unread.at(-1)).toBe(1);
    expect(provider.messaging.read).toEqual([
      { to: RUI, id: 'wire-one' },
      { to: RUI, id: 'wire-two' },
    ]);
    await profile.call('talks.markRead', { talkId: talk.id, upTo: 1e9 });
    await profile.call('talks.markRead', { talkId: talk.id, upTo: 1e9 });
    await turn();
    expect(profile.shell.unread.at(-1)).toBe(0);
    expect(provider.messaging.read).toHaveLength(3);
  });

  it('tells nobody when that is switched off', async () => {
    const { profile, provider, talk } = await ready();
    await profile.call('settings.change', { sendRead: false });
    provider.receive({ text: 'one' });
    await profile.call('talks.markRead', { talkId: talk.id, upTo: 1e9 });
    expect(provider.messaging.read).toEqual([]);
    expect((await profile.snapshot()).talks[0]?.unread).toBe(0);
  });

  it('while away is told when the account is back, also after a restart', async () => {
    const { profile, provider, talk } = await ready();
    provider.receive({ text: 'one' });
    provider.lost();
    await profile.call('talks.markRead', { talkId: talk.id, upTo: 1e9 });
    expect(provider.messaging.read).toEqual([]);
    await profile.restart();
    await turn();
    expect(profile.protocol.last.messaging.read).toEqual([{ to: RUI, id: 'wire-one' }]);
    profile.protocol.last.lost();
    profile.protocol.last.online();
    expect(profile.protocol.last.messaging.read).toHaveLength(1);
  });
});

describe('notifications', () => {
  const shown = (profile: TestProfile) =>
    profile.shell.notifications.map(({ name, verified, body }) => `${name}${verified ? '' : '?'}: ${body}`);

  it('are one per talk and turn, with the last text, and say whose name nobody confirms', async () => {
    const { profile, provider } = await ready();
    for (const text of ['one', 'two', 'three']) provider.receive({ text });
    provider.receive({ text: 'hi', peer: 'test:eva@campus.test', peerName: 'Eva' });
    await turn();
    expect(shown(profile)).toEqual(['rui: three', 'Eva?: hi']);
  });

  it('are two in two seconds for somebody who writes without end: the first text and the last', async () => {
    const { profile, provider, talk } = await ready();
    const write = async (text: string) => {
      provider.receive({ text });
      await turn();
    };
    for (const text of ['one', 'two', 'three']) await write(text);
    expect(shown(profile)).toEqual(['rui: one']);
    profile.clock.advance(2_000);
    expect(shown(profile)).toEqual(['rui: one', 'rui: three']);
    await write('four');
    // read meanwhile
    profile.core.control.talkInFront(talk.id);
    profile.core.control.talkInFront(null);
    profile.clock.advance(2_000);
    await write('five');
    expect(shown(profile)).toEqual(['rui: one', 'rui: three', 'rui: five']);
  });

  it('are not shown for the talk in front, while left alone, or when switched off', async () => {
    const { profile, provider, talk } = await ready();
    profile.core.control.talkInFront(talk.id);
    provider.receive({ text: 'seen' });
    await turn();
    profile.core.control.talkInFront(null);
    await profile.call('presence.set', { state: 'do-not-disturb', note: '' });
    provider.receive({ text: 'quiet' });
    await turn();
    await profile.call('presence.set', { state: 'available', note: '' });
    await profile.call('settings.change', { notifications: false });
    provider.receive({ text: 'off' });
    await turn();
    expect(shown(profile)).toEqual([]);
  });

  it('keep the text to themselves when that is set', async () => {
    const { profile, provider } = await ready();
    await profile.call('settings.change', { notificationText: false });
    provider.receive({ text: 'a secret' });
    await turn();
    expect(shown(profile)).toEqual(['rui: ']);
  });
});

describe('typing', () => {
  it('of others is told once, and over when their text comes, they stop, or fall silent', async () => {
    const { profile, provider } = await ready();
    const told = () => profile.told('typing').map(({ composing }) => composing);
    const type = async (state: 'composing' | 'paused') => {
      provider.messaging.typings.emit({ peer: RUI, state });
      await turn();
    };
    await type('composing');
    await type('composing');
    expect(told()).toEqual([true]);
    provider.receive({ text: 'done' });
    await turn();
    expect(told()).toEqual([true, false]);
    await type('composing');
    await type('paused');
    await type('composing');
    profile.clock.advance(121_000);
    await turn();
    expect(told()).toEqual([true, false, true, false, true, false]);
    await type('composing');
    provider.lost();
    await turn();
    expect(told().at(-1)).toBe(false);
    provider.messaging.typings.emit({ peer: 'test:stranger@campus.test', state: 'composing' });
    await turn();
    expect((await profile.snapshot()).talks).toHaveLength(1);
  });

  it('of ours is told at its start, now and then, and at its end', async () => {
    const { profile, provider, talk } = await ready();
    const told = () => provider.messaging.typing.map(({ state }) => state);
    const type = (composing: boolean) => profile.call('talks.typing', { talkId: talk.id, composing });
    await type(true);
    await type(true);
    expect(told()).toEqual(['composing']);
    for (let second = 0; second < 30; second += 10) {
      profile.clock.advance(10_000);
      await type(true);
    }
    expect(told()).toEqual(['composing', 'composing']);
    await type(false);
    await type(false);
    expect(told()).toEqual(['composing', 'composing', 'paused']);
    await type(true);
    profile.clock.advance(15_000);
    expect(told().slice(3)).toEqual(['composing', 'paused']);
    await type(true);
    await profile.call('messages.send', { talkId: talk.id, text: 'done' });
    profile.clock.advance(60_000);
    expect(told().slice(5)).toEqual(['composing']);
  });

  it('of ours is nobody’s business when switched off', async () => {
    const { profile, provider, talk } = await ready();
    await profile.call('settings.change', { sendTyping: false });
    await profile.call('talks.typing', { talkId: talk.id, composing: true });
    expect(provider.messaging.typing).toEqual([]);
  });
});

describe('the history', () => {
  it('comes in pages, backwards and forwards, without gap or overlap', async () => {
    const { profile, provider, talk } = await ready();
    for (let number = 1; number <= 25; number++) provider.receive({ text: `${number}` });
    const page = async (range: { before?: number; after?: number }) => {
      const { messages, more } = await profile.call('messages.page', { talkId: talk.id, limit: 10, ...range });
      return { first: messages[0], last: messages.at(-1), texts: messages.map(({ text }) => Number(text)), more };
    };
    const count = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
    const newest = await page({});
    expect(newest).toMatchObject({ texts: count(16, 25), more: true });
    const before = await page({ before: newest.first?.sequence ?? 0 });
    expect(before).toMatchObject({ texts: count(6, 15), more: true });
    const oldest = await page({ before: before.first?.sequence ?? 0 });
    expect(oldest).toMatchObject({ texts: count(1, 5), more: false });
    const after = await page({ after: oldest.last?.sequence ?? 0 });
    expect(after).toMatchObject({ texts: count(6, 15), more: true });
    expect(await page({ after: before.last?.sequence ?? 0 })).toMatchObject({ texts: count(16, 25), more: false });
  });

  it('is found by words, beginnings of words, and without accents', async () => {
    const { profile, provider, talk } = await ready();
    provider.receive({ text: 'A reunião é às dez' });
    provider.receive({ text: 'relatório em anexo' });
    provider.receive({ text: 'reunião com a Eva', peer: 'test:eva@campus.test' });
    const found = async (query: string, talkId?: string) =>
      (await profile.call('messages.search', { query, limit: 10, ...(talkId && { talkId }) })).map(({ text }) => text);
    expect(await found('reuniao')).toEqual(['reunião com a Eva', 'A reunião é às dez']);
    expect(await found('REUNI dez')).toEqual(['A reunião é às dez']);
    expect(await found('reunião', talk.id)).toEqual(['A reunião é às dez']);
    expect(await found('nada')).toEqual([]);
  });

  it('finds any part of a Chinese, Japanese or Korean text, words of two letters, and emoji', async () => {
    const { profile, provider, talk } = await ready();
    const texts = ['我喜歡用signal', '私は東京に住んでいます', '저는한국어를공부합니다', 'boa 👍🏽 ideia', '100%_ 好'];
    for (const text of texts) provider.receive({ text });
    provider.receive({ text: '他喜歡茶', peer: 'test:eva@campus.test' });
    const found = async (query: string, talkId?: string) =>
      (await profile.call('messages.search', { query, limit: 10, ...(talkId && { talkId }) })).map(({ text }) => text);
    expect(await found('喜歡')).toEqual(['他喜歡茶', '我喜歡用signal']);
    expect(await found('喜歡', talk.id)).toEqual(['我喜歡用signal']);
    expect(await found('東京')).toEqual(['私は東京に住んでいます']);
    expect(await found('住んで 東')).toEqual(['私は東京に住んでいます']);
    expect(await found('한국어')).toEqual(['저는한국어를공부합니다']);
    expect(await found('👍')).toEqual(['boa 👍🏽 ideia']);
    expect(await found('IDE 👍')).toEqual(['boa 👍🏽 ideia']);
    expect(await found('outra 👍')).toEqual([]);
    expect(await found('好%')).toEqual([]);
    expect(await found('_ 好')).toEqual(['100%_ 好']);
    expect(await found('bo')).toEqual(['boa 👍🏽 ideia']);
    expect(await found('歡喜')).toEqual([]);
  });

  it('takes whatever is typed as words, never as operators', async () => {
    const { profile, provider } = await ready();
    provider.receive({ text: 'NEAR the "end" of text: a OR b -c' });
    for (const query of [
      '"',
      '""',
      '*',
      'text:a',
      'NEAR(',
      'a OR',
      '-c',
      '(b',
      "'; DROP TABLE messages; --",
      '\0',
      '^the',
    ]) {
      expect(Array.isArray(await profile.call('messages.search', { query, limit: 5 }))).toBe(true);
    }
    expect(await profile.call('messages.search', { query: 'text: "OR" b', limit: 5 })).toHaveLength(1);
    expect(await profile.call('messages.search', { query: '  …!? ', limit: 5 })).toEqual([]);
  });

  it('goes with its talk, out of the search too; whoever is in a list stays', async () => {
    const { profile, provider, talk } = await ready();
    provider.receive({ text: 'hello', peer: 'test:eva@campus.test' });
    provider.contactList.set([{ address: RUI, name: 'Rui', groups: [], subscription: 'mutual' }]);
    provider.receive({ text: 'hello' });
    await turn();
    for (const { id } of (await profile.snapshot()).talks) await profile.call('talks.remove', { talkId: id });
    await turn();
    expect(await profile.call('messages.search', { query: 'hello', limit: 5 })).toEqual([]);
    const { talks, people } = await profile.snapshot();
    expect(talks).toEqual([]);
    expect(people.map(({ name }) => name)).toEqual(['Rui']);
    expect(profile.told('talks').at(-1)?.removed).toContain(talk.id);
    expect(profile.shell.unread.at(-1)).toBe(0);
    await profile.restart();
    expect((await profile.snapshot()).talks).toEqual([]);
  });
});

it('takes a removed talk off the disk little by little, and goes on with it after a restart', async () => {
  const { profile, provider, talk } = await ready();
  for (let number = 0; number < 120; number++) provider.receive({ text: `message ${number}` });
  await profile.call('talks.remove', { talkId: talk.id });
  await profile.stop();
  const key = profile.shell.secrets.get('database-key') ?? '';
  const left = () => {
    const store = openStore(profile.folder, key, profile.clock.now, () => undefined);
    const { count } = store.driver.get<{ count: number }>('SELECT count(*) AS count FROM messages') ?? { count: -1 };
    const check = store.driver.all("INSERT INTO messages_text (messages_text) VALUES ('integrity-check')");
    store.close();
    return { count, check };
  };
  expect(left().count).toBeGreaterThan(0);
  await profile.start();
  expect(await profile.call('messages.search', { query: 'message', limit: 5 })).toEqual([]);
  for (let turns = 0; turns < 10; turns++) await turn();
  await profile.stop();
  expect(left()).toEqual({ count: 0, check: [] });
});

it('keeps drafts over a restart', async () => {
  const { profile, talk } = await ready();
  await profile.call('talks.setDraft', { talkId: talk.id, draft: 'half a sent' });
  await profile.restart();
  expect((await profile.snapshot()).talks[0]?.draft).toBe('half a sent');
});
