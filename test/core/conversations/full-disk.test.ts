import { execFileSync } from 'node:child_process';
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
    settings: () => settings,
    presence: () => presence,
    nameOf: () => undefined,
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

it('tells that the disk is full, refuses what would be lost, and goes on when there is room', async () => {
  const disk = temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'pipe' });
  } catch {
    console.log('no small disk may be made here: only the database itself is tried with no room');
    return;
  }
  const profile = new TestProfile(disk);
  onTestFinished(async () => {
    await profile.stop();
    execFileSync('umount', ['-l', disk]);
  });
  await profile.start();
  const { talk, provider } = await profile.withTalk();
  const ballast = path.join(disk, 'ballast');
  const handle = fs.openSync(ballast, 'w');
  expect(() => {
    for (;;) fs.writeSync(handle, Buffer.alloc(4096));
  }).toThrow('ENOSPC');
  fs.closeSync(handle);
  provider.messaging.maximumBytes = 1_000_000;
  const text = 'y'.repeat(300_000);
  expect(await profile.refused('messages.send', { talkId: talk.id, text })).toBe('no-space');
  expect(() => provider.receive({ text })).toThrow(expect.objectContaining({ code: 'full' }));
  const { notices, talks } = await profile.snapshot();
  expect(notices.map(({ code }) => code)).toEqual(['disk-full']);
  expect(talks[0]).toMatchObject({ unread: 0, last: null });
  fs.rmSync(ballast);
  expect(provider.receive({ text })).toBe('stored');
  await profile.call('messages.send', { talkId: talk.id, text });
  await profile.restart();
  expect((await profile.call('messages.page', { talkId: talk.id, limit: 9 })).messages).toHaveLength(2);
});
