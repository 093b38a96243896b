import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestProfile, turn } from '../support/core.ts';

const RUI = 'test:rui@campus.test';

async function ready() {
  const profile = new TestProfile();
  await profile.start();
  return { profile, ...(await profile.signIn()) };
}
const texts = async (profile: TestProfile) => {
  const talks = (await profile.snapshot()).talks;
  const pages = await Promise.all(talks.map(({ id: talkId }) => profile.call('messages.page', { talkId, limit: 200 })));
  return pages.flatMap(({ messages }) => messages.map(({ text }) => text));
};

describe('a text that arrives', () => {
  it('is on disk when the receiver returns, with its talk and its person', async () => {
    const { profile, provider } = await ready();
    expect(provider.receive({ text: 'Olá', peerName: 'Rui', sentAt: 5 })).toBe('stored');
    await profile.restart();
    const { talks, people } = await profile.snapshot();
    expect(talks).toMatchObject([
      { unread: 1, last: { text: 'Olá', state: 'received', direction: 'incoming', at: 5 } },
    ]);
    expect(people).toMatchObject([{ name: 'Rui', verified: false, addresses: [{ address: RUI, listed: false }] }]);
    expect(talks[0]?.personId).toBe(people[0]?.id);
  });

  it('that a bug keeps from being stored is confirmed to nobody and leaves a line in the log, without its words', async () => {
    const { profile, provider } = await ready();
    // a time that nothing can be done with
    expect(() => provider.receive({ text: 'some words', sentAt: 1n as never })).toThrow(TypeError);
    const log = fs.readFileSync(path.join(profile.folder, 'aims.log'), 'utf8');
    expect(log).toContain('message.not-kept');
    expect(log).not.toContain('some words');
    expect(provider.receive({ text: 'more words' })).toBe('stored');
  });

  it('is dropped the second time, by its id on the wire, also after a restart', async () => {
    const { profile, provider } = await ready();
    provider.receive({ id: 'a', text: 'once' });
    expect(provider.receive({ id: 'a', text: 'once' })).toBe('duplicate');
    await profile.restart();
    expect(profile.protocol.last.receive({ id: 'a', text: 'once' })).toBe('duplicate');
    expect(await texts(profile)).toEqual(['once']);
    expect((await profile.snapshot()).talks[0]?.unread).toBe(1);
  });

  it('is neither unread nor notified when it is from before the first login here; what is new stays unread', async () => {
    const { profile, provider } = await ready();
    provider.receive({ text: 'long ago', isPast: true });
    await turn();
    expect((await profile.snapshot()).talks).toMatchObject([{ unread: 0, last: { text: 'long ago' } }]);
    provider.receive({ text: 'new' });
    provider.receive({ text: 'longer ago', isPast: true });
    provider.receive({ text: 'my answer of then', isPast: true, direction: 'outgoing' });
    await turn();
    const [talk] = (await profile.snapshot()).talks;
    expect(talk).toMatchObject({ unread: 1 });
    expect(profile.shell.notifications.map(({ body }) => body)).toEqual(['new']);
    await profile.call('talks.markRead', { talkId: talk?.id ?? '', upTo: talk?.last?.sequence ?? 0 });
    expect((await profile.snapshot()).talks).toMatchObject([{ unread: 0 }]);
  });

  it('with many others is on disk with all of them, or none is and nothing is told of any', async () => {
    const { profile, provider } = await ready();
    const { together } = provider.messaging;
    expect(() =>
      together?.(() => {
        provider.receive({ text: 'lost' });
        throw new Error('no room');
      }),
    ).toThrow('no room');
    await turn();
    expect(await texts(profile)).toEqual([]);
    expect(profile.shell.notifications).toEqual([]);
    const said = Array.from({ length: 50 }, (_, index) => `${index}`);
    expect(together?.(() => said.map((text) => provider.receive({ text })))).toEqual(said.map(() => 'stored'));
    await profile.restart();
    expect(await texts(profile)).toEqual(said);
  });

  it('with many others is kept and told although what is done for one of them throws', async () => {
    const { profile, provider } = await ready();
    const notify = profile.shell.notify.bind(profile.shell);
    profile.shell.notify = (notification) => {
      if (notification.body === '1') throw new Error('no notifications here');
      return notify(notification);
    };
    const kept = provider.messaging.together?.(() => ['0', '1', '2'].map((text) => provider.receive({ text })));
    expect(kept).toEqual(['stored', 'stored', 'stored']);
    await turn();
    expect(await texts(profile)).toEqual(['0', '1', '2']);
    expect(profile.shell.notifications.at(-1)?.body).toBe('2');
  });

  it('that cannot be shown leaves a line on disk, unread, once, that no search takes for a text', async () => {
    const { profile, provider } = await ready();
    expect(provider.receive({ id: 'a', text: '', unshown: 'omemo' })).toBe('stored');
    await turn();
    expect(provider.receive({ id: 'a', text: '', unshown: 'omemo' })).toBe('duplicate');
    expect(provider.receive({ id: 'a', text: 'omemo' })).toBe('stored');
    expect(profile.shell.notifications.map(({ body }) => body)).toEqual(['']);
    await profile.restart();
    const [talk] = (await profile.snapshot()).talks;
    const { messages } = await profile.call('messages.page', { talkId: talk?.id ?? '', limit: 10 });
    expect(messages).toMatchObject([
      { kind: 'notice', text: 'omemo', state: 'received' },
      { kind: 'text', text: 'omemo' },
    ]);
    expect(talk?.unread).toBe(2);
    for (const query of ['omemo', 'om']) {
      const found = await profile.call('messages.search', { query, limit: 10 });
      expect(found.map(({ kind }) => kind)).toEqual(['text']);
    }
  });

  it('as a file is no news either when it is from before the first login here', async () => {
    const { profile, provider } = await ready();
    provider.receiveFile({ name: 'old.txt', isPast: true });
    await turn();
    expect((await profile.snapshot()).talks).toMatchObject([{ unread: 0, last: { text: 'old.txt' } }]);
    provider.receiveFile({ name: 'new.txt' });
    provider.receiveFile({ name: 'older.txt', isPast: true });
    await turn();
    expect((await profile.snapshot()).talks).toMatchObject([{ unread: 1 }]);
    expect(profile.shell.notifications).toHaveLength(1);
  });

  it('is dropped by the archive’s id, whatever id the wire gives it', async () => {
    const { profile, provider } = await ready();
    provider.receive({ id: 'a', archiveId: 'x', text: 'once' });
    expect(provider.receive({ id: 'b', archiveId: 'x', text: 'once' })).toBe('duplicate');
    expect(await texts(profile)).toEqual(['once']);
  });

  it('is known again when the archive gives what came live, and then by the archive’s id too', async () => {
    const { profile, provider } = await ready();
    provider.receive({ id: 'a', text: 'once' });
    expect(provider.receive({ id: 'a', archiveId: 'x', text: 'once' })).toBe('duplicate');
    expect(provider.receive({ id: 'other', archiveId: 'x', text: 'once' })).toBe('duplicate');
    expect(await texts(profile)).toEqual(['once']);
  });

  it('is not lost when a sender uses the same id for another text', async () => {
    const { profile, provider } = await ready();
    provider.receive({ id: '1', text: 'first' });
    expect(provider.receive({ id: '1', text: 'second' })).toBe('stored');
    expect(provider.receive({ id: '2', archiveId: 'x', text: 'ok' })).toBe('stored');
    expect(provider.receive({ id: '2', archiveId: 'y', text: 'ok' })).toBe('stored');
    expect(await texts(profile)).toEqual(['first', 'second', 'ok', 'ok']);
  });

  it('is dropped when its sender, killed in the middle, has sent it again and the archive has it twice', async () => {
    const { profile, provider } = await ready();
    const id = '95ba8ea5-6d37-48c6-9ec7-1bcc2b0c0f11';
    expect(provider.receive({ id, archiveId: 'x', text: 'once' })).toBe('stored');
    expect(provider.receive({ id, archiveId: 'y', text: 'once' })).toBe('duplicate');
    expect(await texts(profile)).toEqual(['once']);
  });

  it('is told apart from another person’s with the same id', async () => {
    const { profile, provider } = await ready();
    provider.receive({ id: '1', text: 'same' });
    expect(provider.receive({ id: '1', text: 'same', peer: 'test:eva@campus.test' })).toBe('stored');
    expect((await profile.snapshot()).talks).toHaveLength(2);
  });

  it('to oneself is there once, and on another device as one’s own', async () => {
    const { profile, provider } = await ready();
    const own = provider.address;
    provider.receive({ text: 'from my other device', peer: own });
    const [talk] = (await profile.snapshot()).talks;
    expect(talk).toMatchObject({ unread: 0, last: { text: 'from my other device', direction: 'outgoing' } });
    const { id } = await profile.call('messages.send', { talkId: talk?.id ?? '', text: 'note' });
    expect(provider.receive({ text: 'note', peer: own, id })).toBe('duplicate');
    const page = await profile.call('messages.page', { talkId: talk?.id ?? '', limit: 10 });
    expect(page.messages.map(({ text, direction }) => [text, direction])).toEqual([
      ['from my other device', 'outgoing'],
      ['note', 'outgoing'],
    ]);
  });

  it('from another device of ours is ours: sent, read, and without a notification', async () => {
    const { profile, provider } = await ready();
    provider.receive({ text: 'question' });
    provider.receive({ text: 'answer', direction: 'outgoing' });
    await turn();
    const { talks } = await profile.snapshot();
    expect(talks[0]).toMatchObject({ unread: 0, last: { text: 'answer', direction: 'outgoing', state: 'sent' } });
    provider.messaging.marks.emit({ peer: RUI, id: 'wire-answer', mark: 'read', at: 1 });
    expect((await profile.snapshot()).talks[0]?.last?.state).toBe('read');
    expect(profile.protocol.last.messaging.handed).toEqual([]);
  });

  it('that is ours and comes back from the archive is not doubled and not sent again', async () => {
    const { profile, provider } = await ready();
    provider.receive({ text: 'hello' });
    const [talk] = (await profile.snapshot()).talks;
    const talkId = talk?.id ?? '';
    const { id } = await profile.call('messages.send', { talkId, text: 'mine' });
    await profile.restart();
    profile.protocol.onStart = () => undefined;
    await profile.restart();
    expect(profile.protocol.last.receive({ id, text: 'mine', direction: 'outgoing', archiveId: 'x' })).toBe(
      'duplicate',
    );
    profile.protocol.last.online();
    await turn();
    expect(profile.protocol.last.messaging.handed).toEqual([]);
    expect(
      (await profile.call('messages.page', { talkId, limit: 9 })).messages.map((m) => `${m.text} ${m.state}`),
    ).toEqual(['hello received', 'mine sent']);
  });

  it('brings its talk to the top, but an old one from the archive does not, nor a clock that is ahead', async () => {
    const { profile, provider } = await ready();
    const now = profile.clock.now();
    provider.receive({ text: 'new', sentAt: now - 1000 });
    provider.receive({ text: 'old', sentAt: now - 900_000 });
    provider.receive({ text: 'ahead', sentAt: now + 900_000, peer: 'test:eva@campus.test' });
    const { talks } = await profile.snapshot();
    expect(talks.map(({ activeAt }) => activeAt)).toEqual([now - 1000, now]);
  });

  it('of 1 MB, with NUL and half a character in it, is kept', async () => {
    const { profile, provider } = await ready();
    provider.receive({ id: 'big', text: 'ã'.repeat(500_000) });
    provider.receive({ id: 'odd', text: 'a\0b\ud800c' });
    expect((await texts(profile)).map((text) => text.length)).toEqual([500_000, 5]);
  });
});

describe('the route', () => {
  it('follows where the person last wrote from, until a person chooses one', async () => {
    const profile = new TestProfile();
    await profile.start();
    const first = await profile.signIn('ana@campus.test');
    const second = await profile.signIn('ana@other.test');
    first.provider.receive({ text: 'a' });
    const [talk] = (await profile.snapshot()).talks;
    const talkId = talk?.id ?? '';
    const routes = async () => (await profile.snapshot()).talks.map(({ route }) => route.accountId);
    expect(await routes()).toEqual([first.account.id]);
    second.provider.receive({ text: 'b' });
    expect(await routes()).toEqual([second.account.id]);
    await profile.call('talks.setRoute', { talkId, route: { accountId: first.account.id, address: RUI } });
    second.provider.receive({ text: 'c' });
    expect(await routes()).toEqual([first.account.id]);
    await profile.restart();
    profile.protocol.made.at(-1)?.receive({ text: 'd' });
    expect(await routes()).toEqual([first.account.id]);
  });

  it('is where the person can be reached when the talk is opened', async () => {
    const profile = new TestProfile();
    await profile.start();
    const first = await profile.signIn('ana@campus.test');
    const second = await profile.signIn('ana@other.test');
    const contact = { address: RUI, name: 'Rui', groups: [], subscription: 'mutual' } as const;
    first.provider.contactList.set([contact]);
    second.provider.contactList.set([contact]);
    await turn();
    second.provider.presence.tell(RUI, { state: 'available' });
    const [person] = (await profile.snapshot()).people;
    const talk = await profile.call('talks.open', { personId: person?.id ?? '' });
    expect(talk.route).toEqual({ accountId: second.account.id, address: RUI });
    expect(await profile.call('talks.open', { personId: person?.id ?? '' })).toEqual(talk);
  });

  it('moves to another account when its own is removed', async () => {
    const profile = new TestProfile();
    await profile.start();
    const first = await profile.signIn('ana@campus.test');
    const second = await profile.signIn('ana@other.test');
    second.provider.receive({ text: 'b' });
    first.provider.receive({ text: 'a' });
    await profile.call('accounts.remove', { accountId: first.account.id });
    expect((await profile.snapshot()).talks[0]?.route.accountId).toBe(second.account.id);
  });

  it('can only be one of the person’s own', async () => {
    const { profile, account, provider } = await ready();
    provider.receive({ text: 'a' });
    provider.receive({ text: 'b', peer: 'test:eva@campus.test' });
    const [talk] = (await profile.snapshot()).talks;
    const set = (accountId: string, address: string) =>
      profile.refused('talks.setRoute', { talkId: talk?.id, route: { accountId, address } });
    expect(await set(account.id, 'test:eva@campus.test')).toBe('not-found');
    expect(await set('nobody', RUI)).toBe('not-found');
    expect(await set(account.id, RUI)).toBe('done');
  });
});

describe('where no server sets limits', () => {
  it('no more is taken of somebody of whom 2,000 texts wait unread, until they are read', async () => {
    const { profile, provider } = await ready();
    provider.contactList.kept = 'discovered';
    for (let n = 0; n < 2_000; n++) provider.receive({ text: `${n}` });
    expect(provider.receive({ text: 'more' })).toBe('full');
    expect(provider.receive({ text: '7' })).toBe('duplicate');
    expect(provider.receive({ text: 'I too', peer: 'test:eva@campus.test' })).toBe('stored');
    const talk = (await profile.snapshot()).talks.find(({ unread }) => unread === 2_000);
    await profile.call('talks.markRead', { talkId: talk?.id ?? '', upTo: talk?.last?.sequence ?? 0 });
    expect(provider.receive({ text: 'more' })).toBe('stored');
  });
});
