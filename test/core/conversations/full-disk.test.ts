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
    clock,
  });
  const provider = new TestProtocol().create({
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
  people.attach('a', provider);
  conversations.attach('a', provider);
  const grow = (pages: number) => driver.get(`PRAGMA max_page_count = ${pages}`);
  return { people, conversations, grow, driver, provider, reports };
}

it('confirms a text to nobody that the disk did not take, forgets all of it, and stores it when it comes again', () => {
  const { people, conversations, grow, provider } = desk();
  const receive = () =>
    provider.operationSet('messaging')?.receiver?.({
      id: 'a',
      direction: 'incoming',
      peer: 'test:rui@campus.test',
      peerName: 'Rui',
      text: 'x'.repeat(100_000),
      sentAt: 1,
      delayed: false,
    });
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

it('takes a contact list as a whole or not at all', async () => {
  const { people, grow, provider, reports } = desk();
  const list = provider.operationSet('contactList');
  const contacts = Array.from({ length: 400 }, (_, index) => ({
    address: `test:person-${index}@campus.test`,
    name: 'n'.repeat(100),
    groups: [],
    subscription: 'mutual' as const,
  }));
  grow(1);
  (list as unknown as { set(given: unknown): void }).set(contacts);
  await turn();
  expect(reports).toEqual([expect.objectContaining({ code: 'full' })]);
  expect(people.views).toEqual([]);
  grow(100_000);
  (list as unknown as { set(given: unknown): void }).set(contacts);
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
