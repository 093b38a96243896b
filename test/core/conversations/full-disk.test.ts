import fs from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Conversations } from '../../../electron/core/conversations/conversations.ts';
import { Notifier } from '../../../electron/core/conversations/notifier.ts';
import { EventBatch } from '../../../electron/core/event-batch.ts';
import { openLog } from '../../../electron/core/log.ts';
import { People } from '../../../electron/core/people/people.ts';
import { Preferences } from '../../../electron/core/settings/preferences.ts';
import { openStore } from '../../../electron/core/store/open-store.ts';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { TestClock, TestProfile, turn } from '../support/core.ts';
import { temporaryFolder } from '../support/folder.ts';
import { smallDisk } from '../support/small-disk.ts';
import { TestProtocol } from '../support/test-protocol.ts';

/** Talks and people over a database that the test can forbid to grow. */
function desk() {
  const folder = temporaryFolder();
  const clock = new TestClock();
  const store = openStore(folder, 'ab'.repeat(32), clock.now, () => undefined);
  const log = openLog(folder, clock.now);
  onTestFinished(() => {
    conversations.close();
    store.close();
    log.close();
  });
  const { driver } = store;
  const reports: unknown[] = [];
  const events = new EventBatch(
    () => undefined,
    (error) => reports.push(error),
  );
  const { settings, presence } = new Preferences(driver, folder, events.emit);
  const notifier = new Notifier({
    events,
    clock,
    settings: () => settings,
    presence: () => presence,
    personOf: () => undefined,
    notify: () => undefined,
  });
  const conversations: Conversations = new Conversations({
    driver,
    people: () => people,
    notifier,
    events,
    settings: () => settings,
    isAccount: () => true,
    isOnline: () => true,
    unreadChanged: () => undefined,
    log,
    clock,
  });
  const people: People = new People({
    driver,
    events,
    isAccount: () => true,
    domainOf: () => 'campus.test',
    hasTalk: (personId) => conversations.talks.ofPerson(personId) !== undefined,
    cameBack: () => undefined,
    listMoved: () => undefined,
    clock,
  });
  const protocol = new TestProtocol();
  protocol.create({
    account: {
      id: 'a',
      protocol: 'test',
      address: 'test:ana@campus.test',
      displayName: '',
      trustedFingerprints: [],
      certificateAuthorities: [],
      options: {},
    },
    password: async () => undefined,
    storage: { get: () => undefined, put: () => undefined, delete: () => undefined },
    log: () => undefined,
    now: clock.now,
    random: clock.random,
    language: () => 'en',
  });
  const provider = protocol.last;
  provider.online();
  people.attach('a', provider);
  conversations.attach('a', provider);
  const grow = (pages: number) => driver.get(`PRAGMA max_page_count = ${pages}`);
  return { people, conversations, grow, driver, provider, reports };
}

it('confirms a text to nobody that the disk did not take, forgets all of it, and stores it when it comes again', () => {
  const { people, conversations, grow, provider } = desk();
  const receive = () => provider.receive({ id: 'a', peerName: 'Rui', text: 'x'.repeat(100_000), sentAt: 1 });
  grow(1);
  expect(receive).toThrow(expect.objectContaining({ code: 'full' }));
  expect(conversations.talks.views).toEqual([]);
  expect(people.views).toEqual([]);
  expect(conversations.talks.unread).toBe(0);
  grow(100_000);
  expect(receive()).toBe('stored');
  expect(receive()).toBe('duplicate');
  expect(conversations.talks.views).toMatchObject([{ unread: 1 }]);
  expect(people.views).toMatchObject([{ name: 'Rui' }]);
});

it('loses a mark rather than the process when the disk does not take it', async () => {
  const { conversations, grow, provider, driver } = desk();
  const talk = conversations.openRoute({ accountId: 'a', address: 'test:rui@campus.test' });
  const { id } = conversations.send(talk.id, 'hello');
  provider.messaging.handed[0]?.settle({ state: 'sent' });
  await turn();
  const mark = () =>
    provider.messaging.marks.emit({
      peer: 'test:rui@campus.test',
      id,
      mark: 'failed',
      at: 1,
      error: new ProviderError('policy', { protocolCode: 'x'.repeat(20_000) }),
    });
  grow(driver.get<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0);
  mark();
  await turn();
  expect(conversations.page(talk.id, undefined, undefined, 1).messages[0]?.state).toBe('sent');
  expect(conversations.talks.view(talk.id).last?.state).toBe('sent');
  grow(100_000);
  mark();
  expect(conversations.talks.view(talk.id).last?.state).toBe('failed');
});

it('takes a contact list as a whole or not at all', async () => {
  const { people, grow, provider, reports } = desk();
  const contacts = Array.from({ length: 400 }, (_, index) => ({
    address: `test:person-${index}@campus.test`,
    name: 'n'.repeat(100),
    groups: [],
    subscription: 'mutual' as const,
  }));
  grow(1);
  provider.contactList.set(contacts);
  await turn();
  expect(reports).toEqual([expect.objectContaining({ code: 'full' })]);
  expect(people.views).toEqual([]);
  grow(100_000);
  provider.contactList.set(contacts);
  await turn();
  expect(people.views).toHaveLength(400);
});

it('tells that the disk is full, refuses what would be lost, and goes on by itself when there is room', async () => {
  const disk = smallDisk(8);
  if (!disk) return;
  const profile = new TestProfile(disk.folder);
  await profile.start();
  const { talk, provider } = await profile.withTalk();
  provider.messaging.maximumBytes = 1_000_000;
  const text = 'y'.repeat(300_000);
  disk.fill();
  expect(await profile.refused('messages.send', { talkId: talk.id, text })).toBe('no-space');
  expect(() => provider.receive({ text })).toThrow(expect.objectContaining({ code: 'full' }));
  const draft = 'half written '.repeat(5000);
  expect(await profile.refused('talks.setDraft', { talkId: talk.id, draft })).toBe('no-space');
  const shown = async () => (await profile.snapshot()).notices.map(({ code }) => code);
  expect(await shown()).toEqual(['disk-full']);
  expect((await profile.snapshot()).talks).toMatchObject([{ unread: 0, last: null, draft }]);
  expect(provider.messaging.handed).toEqual([]);
  profile.clock.advance(10_000);
  expect(await shown()).toEqual(['disk-full']);

  disk.empty();
  profile.clock.advance(10_000);
  expect(await shown()).toEqual([]);
  expect(provider.machineEvents).toEqual(['wake']);
  expect(provider.receive({ text })).toBe('stored');
  await profile.restart();
  expect((await profile.snapshot()).talks).toMatchObject([{ draft, unread: 1 }]);
  profile.protocol.last.messaging.maximumBytes = 1_000_000;
  await profile.call('messages.send', { talkId: talk.id, text });
  expect((await profile.call('messages.page', { talkId: talk.id, limit: 9 })).messages).toHaveLength(2);
});

it('keeps an account that the disk does not let go', async () => {
  const disk = smallDisk(2);
  if (!disk) return;
  const profile = new TestProfile(disk.folder);
  await profile.start();
  const { account, talk } = await profile.withTalk();
  // the log of the database may hold some pages more
  disk.fill();
  let refused = 'done';
  for (let size = 1; refused === 'done'; size++) {
    refused = await profile.refused('talks.setDraft', { talkId: talk.id, draft: 'x'.repeat(size * 1000) });
  }
  expect(await profile.refused('accounts.remove', { accountId: account.id })).toBe('no-space');
  expect((await profile.snapshot()).accounts).toMatchObject([{ id: account.id }]);
  disk.empty();
  await profile.call('accounts.remove', { accountId: account.id });
  expect((await profile.snapshot()).accounts).toEqual([]);
});

it.each(['none', 'system'] as const)(
  'does not start on a full disk, says why, and starts when there is room (password store: %s)',
  async (store) => {
    const disk = smallDisk(2);
    if (!disk) return;
    const profile = new TestProfile(disk.folder);
    profile.secretStore = store;
    disk.fill();
    // the file of the passwords is on the same disk; its error comes from another process, where codes are lost
    const write = profile.shell.writeSecret;
    profile.shell.writeSecret = async (key, value) => {
      if (fs.existsSync(path.join(disk.folder, 'ballast'))) throw new Error('ENOSPC: no space left on device, write');
      await write(key, value);
    };
    await expect(profile.start()).rejects.toMatchObject({ fault: { code: 'no-space', retryable: true } });
    disk.empty();
    await profile.start();
    const codes = (await profile.snapshot()).notices.map(({ code }) => code);
    expect(codes.filter((code) => code !== 'secrets-not-kept' && code !== 'history-not-protected')).toEqual([]);
  },
);
