import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommandError, commands } from '../../electron/contract/index.ts';
import { openDriver } from '../../electron/core/store/driver.ts';
import { STORE_VERSION } from '../../electron/core/store/migrations.ts';
import { TestProfile, turn } from './support/core.ts';

const startFault = async (profile: TestProfile): Promise<unknown> => {
  try {
    await profile.start();
  } catch (error) {
    return error instanceof CommandError ? error.fault : error;
  }
  return 'started';
};
const database = (profile: TestProfile) => path.join(profile.folder, 'aims.db');

describe('a start', () => {
  it('of a profile in use is refused and harms nothing; afterwards it can start', async () => {
    const first = new TestProfile();
    await first.start();
    await first.withTalk();
    const second = new TestProfile(first.folder);
    expect(await startFault(second)).toEqual({ code: 'profile-in-use', retryable: false });
    expect((await first.snapshot()).talks).toHaveLength(1);
    await first.stop();
    second.shell.secrets.set('database-key', first.shell.secrets.get('database-key') ?? '');
    expect(await startFault(second)).toBe('started');
    expect((await second.snapshot()).talks).toHaveLength(1);
  });

  it('with a damaged database begins anew, keeps the damaged one, and says so until it is dismissed', async () => {
    const profile = new TestProfile();
    await profile.start();
    await profile.stop();
    fs.writeFileSync(database(profile), Buffer.alloc(50_000, 'damaged'));
    await profile.start();
    const [notice] = (await profile.snapshot()).notices;
    expect(notice?.code).toBe('database-set-aside');
    expect(fs.readFileSync(notice?.detail ?? '', 'utf8')).toContain('damaged');
    await profile.restart();
    expect((await profile.snapshot()).notices).toEqual([notice]);
    await profile.call('app.dismissNotice', { noticeId: notice?.id ?? '' });
    await profile.restart();
    expect((await profile.snapshot()).notices).toEqual([]);
    expect(await profile.refused('app.dismissNotice', { noticeId: 'nothing' })).toBe('not-found');
  });

  it('with damage deep in the database ends in a new one, not in a start that fails for ever', async () => {
    const profile = new TestProfile();
    await profile.start();
    const { provider } = await profile.withTalk();
    for (let number = 0; number < 100; number++) provider.receive({ text: `${number} ${'z'.repeat(1000)}` });
    await profile.stop();
    const size = fs.statSync(database(profile)).size;
    const handle = fs.openSync(database(profile), 'r+');
    // every page behind the first stays as long as it was, and says nothing
    fs.writeSync(handle, Buffer.alloc(size - 4096, 0x5a), 0, size - 4096, 4096);
    fs.closeSync(handle);
    expect(await startFault(profile)).toBe('started');
    const { notices, talks } = await profile.snapshot();
    expect(notices.map(({ code }) => code)).toEqual(['database-set-aside']);
    expect(talks).toEqual([]);
    // out of the small copy
    expect((await profile.snapshot()).accounts).toHaveLength(1);
  });

  it('that meets damage while running ends the process, and the next one begins anew', async () => {
    const profile = new TestProfile();
    await profile.start();
    const { provider, talk } = await profile.withTalk();
    for (let number = 0; number < 200; number++) provider.receive({ text: `${number} ${'z'.repeat(5000)}` });
    await profile.restart();
    const size = fs.statSync(database(profile)).size;
    const handle = fs.openSync(database(profile), 'r+');
    const from = Math.floor(size / 4096 / 3) * 4096;
    fs.writeSync(handle, Buffer.alloc(size - from, 0x5a), 0, size - from, from);
    fs.closeSync(handle);
    let before: number | undefined;
    for (let page = 0; page < 10 && profile.fatal.length === 0; page++) {
      const reply = await profile.refused('messages.page', { talkId: talk.id, limit: 20, ...(before && { before }) });
      before = (before ?? 201) - 20;
      if (reply !== 'done') expect(reply).toBe('internal');
    }
    await turn();
    expect(profile.fatal).toEqual([expect.objectContaining({ code: 'damaged' })]);
    await profile.stop();
    await profile.start();
    const { notices, accounts, talks } = await profile.snapshot();
    expect(notices.map(({ code }) => code)).toEqual(['database-salvaged-partly']);
    expect(accounts).toHaveLength(1);
    expect(talks).toHaveLength(1);
    expect(notices[0]?.saved).toBeGreaterThan(0);
    expect((notices[0]?.saved ?? 0) + (notices[0]?.lost ?? 0)).toBeGreaterThanOrEqual(200);
  });

  it('with one setting that is unknown or spoilt keeps all the others', async () => {
    const profile = new TestProfile();
    await profile.start();
    await profile.call('settings.change', { language: 'en', sendRead: false, theme: 'dark' });
    await profile.stop();
    const driver = openDriver(database(profile), profile.shell.secrets.get('database-key') ?? '', () => undefined);
    driver.run("UPDATE settings SET value = ? WHERE key = 'settings.theme'", '"pink"');
    driver.run("UPDATE settings SET value = ? WHERE key = 'settings.language'", '"e\u{FFFD}');
    driver.run("INSERT INTO settings (key, value) VALUES ('settings.later', '1'), ('presence', 'x')");
    driver.close();
    await profile.start();
    const { settings, presence } = await profile.snapshot();
    expect(settings).toMatchObject({ language: 'system', theme: 'system', sendRead: false });
    expect(presence.state).toBe('available');
  });

  it('with a database of a later version is refused, and the database stays as it is', async () => {
    const profile = new TestProfile();
    await profile.start();
    await profile.stop();
    const driver = openDriver(database(profile), profile.shell.secrets.get('database-key') ?? '', () => undefined);
    driver.exec(`PRAGMA user_version = ${STORE_VERSION + 1}; PRAGMA wal_checkpoint(TRUNCATE)`);
    driver.close();
    const before = fs.readFileSync(database(profile));
    expect(await startFault(profile)).toEqual({ code: 'database-newer', retryable: false });
    expect(fs.readFileSync(database(profile)).equals(before)).toBe(true);
  });

  it('with a locked password store is refused for now, and finds everything once it is open', async () => {
    const profile = new TestProfile();
    await profile.start();
    await profile.withTalk();
    await profile.stop();
    profile.shell.locked = true;
    expect(await startFault(profile)).toEqual({ code: 'secrets-locked', retryable: true });
    profile.shell.locked = false;
    await profile.start();
    expect((await profile.snapshot()).talks).toHaveLength(1);
    expect((await profile.snapshot()).notices).toEqual([]);
  });

  it('in a folder that cannot be made is refused with a code and the place', async () => {
    const profile = new TestProfile('/proc/no-such-profile');
    const place = '/proc/no-such-profile';
    expect(await startFault(profile)).toEqual({ code: 'profile-folder', protocolCode: place, retryable: true });
  });

  it('without a password store says so once, and again only when it was gone meanwhile', async () => {
    const profile = new TestProfile();
    profile.secretStore = 'none';
    await profile.start();
    expect((await profile.snapshot()).notices.map(({ code }) => code)).toEqual([
      'secrets-not-kept',
      'history-not-protected',
    ]);
    for (const noticeId of ['secrets-not-kept', 'history-not-protected']) {
      await profile.call('app.dismissNotice', { noticeId });
    }
    await profile.restart();
    expect((await profile.snapshot()).notices).toEqual([]);
    profile.secretStore = 'system';
    await profile.restart();
    profile.secretStore = 'none';
    await profile.restart();
    expect((await profile.snapshot()).notices.map(({ code }) => code)).toEqual(['secrets-not-kept']);
  });

  it('after a core that died says so, for this run', async () => {
    const profile = new TestProfile();
    profile.restarted = true;
    await profile.start();
    expect((await profile.snapshot()).notices.map(({ code }) => code)).toEqual(['core-restarted']);
    profile.restarted = false;
    await profile.restart();
    expect((await profile.snapshot()).notices).toEqual([]);
  });
});

describe('commands', () => {
  it('that are unknown, or carry what they may not, are refused with a code and do nothing', async () => {
    const profile = new TestProfile();
    await profile.start();
    const before = await profile.snapshot();
    for (const name of Object.keys(commands) as (keyof typeof commands)[]) {
      for (const bad of [null, 7, 'text', []])
        expect([name, await profile.refused(name, bad)]).toEqual([name, 'command-invalid']);
      if (!commands[name].input.safeParse({}).success) {
        expect([name, await profile.refused(name, {})]).toEqual([name, 'command-invalid']);
      }
    }
    expect(await profile.refused('toString' as 'app.snapshot', {})).toBe('command-unknown');
    expect(await profile.refused('__proto__' as 'app.snapshot', {})).toBe('command-unknown');
    expect(await profile.snapshot()).toEqual(before);
    expect(profile.reports).toEqual([]);
  });

  it('about things that are not there say so', async () => {
    const profile = new TestProfile();
    await profile.start();
    const route = { accountId: 'no', address: 'test:a@b' };
    for (const [name, input] of [
      ['talks.open', { personId: 'no' }],
      ['talks.openAddress', { accountId: 'no', address: 'a@b' }],
      ['talks.setRoute', { talkId: 'no', route }],
      ['talks.setDraft', { talkId: 'no', draft: '' }],
      ['talks.markRead', { talkId: 'no', upTo: 1 }],
      ['talks.typing', { talkId: 'no', composing: true }],
      ['talks.remove', { talkId: 'no' }],
      ['messages.page', { talkId: 'no', limit: 1 }],
      ['messages.search', { query: 'a', talkId: 'no', limit: 1 }],
      ['people.change', { personId: 'no', name: '', groups: [] }],
    ] as const) {
      expect([name, await profile.refused(name, input)]).toEqual([name, 'not-found']);
    }
  });

  it('after the end are refused', async () => {
    const profile = new TestProfile();
    const core = await profile.start();
    await core.control.shutDown();
    expect(await profile.refused('app.snapshot', {})).toBe('core-gone');
  });
});

describe('settings', () => {
  it('stay, each by itself', async () => {
    const profile = new TestProfile();
    await profile.start();
    await profile.call('settings.change', { theme: 'dark' });
    await profile.call('settings.change', { language: 'pt', downloadFolder: '/tmp' });
    await turn();
    expect(profile.told('settings').at(-1)?.settings).toMatchObject({ theme: 'dark', language: 'pt' });
    await profile.restart();
    expect((await profile.snapshot()).settings).toEqual({
      language: 'pt',
      theme: 'dark',
      downloadFolder: '/tmp',
      notifications: true,
      notificationText: true,
      sendTyping: true,
      sendRead: true,
    });
  });

  it('are refused when they mean nothing', async () => {
    const profile = new TestProfile();
    await profile.start();
    expect(await profile.refused('settings.change', { downloadFolder: '../elsewhere' })).toBe('command-invalid');
    expect(await profile.refused('settings.change', { theme: 'pink' })).toBe('command-invalid');
  });
});
