import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openDriver } from '../../../electron/core/store/driver.ts';
import { patience, seeds, share } from '../../extent.ts';
import { seeded } from '../../seeded.ts';
import { TestProfile, turn } from '../support/core.ts';
import { temporaryFolder } from '../support/folder.ts';

vi.setConfig({ testTimeout: patience(240_000) });

const PAGE = 4096;
const TEXTS = 200;
const textOf = (number: number): string => `text number${number} ${'palavra '.repeat(number % 40)}`;

/** A profile that ended in order, and to whom each page of its database belongs. */
async function wholeProfile() {
  const profile = new TestProfile();
  await profile.start();
  const { provider } = await profile.withTalk();
  for (let number = 0; number < TEXTS; number++) provider.receive({ text: textOf(number) });
  await profile.stop();
  const key = profile.shell.secrets.get('database-key') ?? '';
  const copy = path.join(temporaryFolder(), 'copy.db');
  fs.copyFileSync(path.join(profile.folder, 'aims.db'), copy);
  const driver = openDriver(copy, key, () => undefined);
  const pages = driver.all<{ page: number; name: string }>('SELECT pageno AS page, name FROM dbstat ORDER BY pageno');
  driver.close();
  return { profile, key, pages };
}

async function damagedProfile(whole: Awaited<ReturnType<typeof wholeProfile>>, damage: (bytes: Buffer) => void) {
  const profile = new TestProfile();
  fs.cpSync(whole.profile.folder, profile.folder, { recursive: true });
  profile.shell.secrets.set('database-key', whole.key);
  const file = path.join(profile.folder, 'aims.db');
  const bytes = fs.readFileSync(file);
  damage(bytes);
  fs.writeFileSync(file, bytes);
  return profile;
}

/** As a person would: opens every conversation, pages through all of it, searches; begins again when the core has ended. */
async function readAll(profile: TestProfile): Promise<string[]> {
  for (let start = 0; start < 4; start++) {
    await profile.start();
    const texts: string[] = [];
    for (const talk of (await profile.snapshot()).talks) {
      let before: number | undefined;
      for (let more = true; more && profile.fatal.length === 0; ) {
        const input = { talkId: talk.id, limit: 100, ...(before !== undefined && { before }) };
        const page = await profile.call('messages.page', input).catch(() => undefined);
        texts.push(...(page?.messages.map(({ text }) => text) ?? []));
        before = page?.messages[0]?.sequence;
        more = page?.more ?? false;
      }
      await profile.call('messages.search', { query: 'number7', limit: 20 }).catch(() => undefined);
      await turn();
    }
    if (profile.fatal.length === 0) return texts;
    profile.fatal.length = 0;
    await profile.stop();
  }
  throw new Error('the core ended again and again');
}

describe('one damaged page of the database', () => {
  it.each(['noise', 'one byte'])('of %s costs no more than what was on it', async (kind) => {
    const random = seeded((seeds(1)[0] ?? 1) * 100 + kind.length);
    const whole = await wholeProfile();
    const sample = whole.pages.filter(
      ({ page, name }) => page === 1 || !name.startsWith('messages_text') || random() < share(0.2),
    );
    expect(sample.length).toBeGreaterThan(20);
    for (const { page, name } of sample) {
      // pages carry no MAC: a byte in a small table may read as another value, and nothing can tell
      if (kind === 'one byte' && !name.startsWith('messages')) continue;
      const at = (page - 1) * PAGE;
      const profile = await damagedProfile(whole, (bytes) => {
        const flipped = at + Math.floor(random() * PAGE);
        if (kind === 'one byte') bytes.writeUInt8(bytes.readUInt8(flipped) ^ 0x41, flipped);
        else for (let byte = 0; byte < PAGE; byte++) bytes.writeUInt8(Math.floor(random() * 256), at + byte);
      });
      // what SQLite cannot notice by itself is only found by reading everything, as after damage that was met
      if (kind === 'one byte') fs.writeFileSync(path.join(profile.folder, 'aims.db.suspect'), 'met');
      const found = await readAll(profile);
      const { accounts, people, notices } = await profile.snapshot();
      const where = `${name}, page ${page}: ${notices.map(({ code }) => code).join()}`;
      const lost = notices[0]?.lost ?? 0;
      if (kind === 'noise') expect([where, accounts.length, people.length]).toEqual([where, 1, 1]);
      if (kind === 'noise' && name !== 'messages') expect([where, found.length]).toEqual([where, TEXTS]);
      else expect(found.length + lost, where).toBeGreaterThanOrEqual(TEXTS);
      await profile.stop();
    }
  });
});

describe('a start on a database that is not as it was left', () => {
  const codes = async (profile: TestProfile) => (await profile.snapshot()).notices.map(({ code }) => code);
  const database = (profile: TestProfile) => path.join(profile.folder, 'aims.db');
  async function usedProfile() {
    const profile = new TestProfile();
    await profile.start();
    const { provider, talk } = await profile.withTalk();
    for (let number = 0; number < 20; number++) provider.receive({ text: textOf(number) });
    return { profile, talk };
  }

  it.each(['gone', 'empty'])('that is %s says so and still has accounts and people', async (how) => {
    const { profile } = await usedProfile();
    await profile.stop();
    if (how === 'gone') fs.rmSync(database(profile));
    else fs.truncateSync(database(profile), 0);
    await profile.start();
    expect(await codes(profile)).toEqual(['database-missing']);
    const { accounts, people } = await profile.snapshot();
    expect([accounts.length, people.length]).toEqual([1, 1]);
    await profile.restart();
    expect(await codes(profile)).toEqual(['database-missing']);
  });

  it('with another key keeps it, and has it back when the key returns', async () => {
    const { profile, talk } = await usedProfile();
    await profile.stop();
    const key = profile.shell.secrets.get('database-key') ?? '';
    profile.shell.secrets.delete('database-key');
    await profile.start();
    expect(await codes(profile)).toEqual(['database-other-key']);
    expect((await profile.snapshot()).accounts).toEqual([]);
    await profile.stop();
    profile.shell.secrets.set('database-key', key);
    await profile.start();
    expect(await codes(profile)).toEqual(['database-key-back']);
    expect((await profile.snapshot()).accounts).toHaveLength(1);
    expect((await profile.call('messages.page', { talkId: talk.id, limit: 100 })).messages).toHaveLength(20);
  });

  /** As a loss of power leaves it: it names fewer pages than are in the log, or pages of the log before. */
  const older = (index: string): void => {
    const bytes = fs.readFileSync(index);
    for (const at of [32, 80]) bytes.writeUInt32BE(bytes.readUInt32BE(at) - 1, at);
    fs.writeFileSync(index, bytes);
  };

  it.each([
    ['gone', (log: string) => fs.rmSync(log)],
    ['empty', (log: string) => fs.truncateSync(log, 0)],
    ['cut within a page', (log: string) => fs.truncateSync(log, fs.statSync(log).size - 1000)],
    ['cut between two pages', (log: string) => fs.truncateSync(log, fs.statSync(log).size - (PAGE + 24))],
    ['that of an hour before', (log: string) => fs.truncateSync(log, 32 + PAGE + 24)],
    ['whole, whose index is gone', (log: string) => fs.rmSync(log.replace(/-wal$/, '-shm'))],
    ['whole, whose index is older', (log: string) => older(log.replace(/-wal$/, '-shm'))],
    ['whole', () => undefined],
  ])('after an end without order, with a log that is %s, tells whether something is lost', async (how, damage) => {
    const { profile } = await usedProfile();
    const killed = new TestProfile();
    // as the files stand while the program runs is how a kill leaves them
    fs.cpSync(profile.folder, killed.folder, { recursive: true });
    killed.shell.secrets.set('database-key', profile.shell.secrets.get('database-key') ?? '');
    damage(`${database(killed)}-wal`);
    await killed.start();
    expect(await codes(killed)).toEqual(how.startsWith('whole') ? [] : ['database-log-cut']);
    expect((await killed.snapshot()).accounts).toHaveLength(1);
  });

  it('goes around what ended the process in the salvage before', async () => {
    const { profile, talk } = await usedProfile();
    await profile.stop();
    const place = path.join(profile.folder, 'aims-damaged-then.db');
    fs.renameSync(database(profile), place);
    const journal = {
      place,
      deadly: ['messages scan', 'messages 1 20', 'messages 1 10', 'messages 4 5'],
      under: 'messages 4 4',
    };
    const one = (from: number, to: number) => `messages ${from} ${to}`;
    journal.deadly.push(one(1, 5), one(4, 5));
    fs.writeFileSync(`${database(profile)}.salvage`, JSON.stringify(journal));
    await profile.start();
    const [notice] = (await profile.snapshot()).notices;
    expect(notice).toMatchObject({ code: 'database-salvaged-partly', saved: 19, lost: 1, detail: place });
    const { messages } = await profile.call('messages.page', { talkId: talk.id, limit: 100 });
    expect(messages.map(({ sequence }) => sequence)).not.toContain(4);
    expect(fs.existsSync(`${database(profile)}.salvage`)).toBe(false);
  });
});

describe('an index that silently disagrees with its table', () => {
  const database = (profile: TestProfile) => path.join(profile.folder, 'aims.db');
  const keyOf = (profile: TestProfile) => profile.shell.secrets.get('database-key') ?? '';
  /** Half of the messages are missing from one index, as if it had been written by another program. */
  async function disagreeing() {
    const profile = new TestProfile();
    await profile.start();
    const { provider, talk } = await profile.withTalk();
    for (let number = 0; number < 20; number++) provider.receive({ text: textOf(number) });
    await profile.stop();
    const driver = openDriver(database(profile), keyOf(profile), () => undefined);
    const name = 'messages_by_talk';
    const { sql } = driver.get<{ sql: string }>('SELECT sql FROM sqlite_master WHERE name = ?', name) ?? { sql: '' };
    driver.exec(`DROP INDEX ${name}; ${sql} WHERE sequence % 2 = 0`);
    driver.exec(`PRAGMA writable_schema = ON`);
    driver.run('UPDATE sqlite_master SET sql = ? WHERE name = ?', sql, name);
    driver.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    driver.close();
    return { profile, talk };
  }
  const shown = async (profile: TestProfile, talkId: string) =>
    (await profile.call('messages.page', { talkId, limit: 100 })).messages.length;

  it('is found after an end without order and made anew, while the core goes on', async () => {
    const { profile, talk } = await disagreeing();
    fs.writeFileSync(`${database(profile)}.open`, 'started');
    // as a kill leaves it: the log is there
    const driver = openDriver(database(profile), keyOf(profile), () => undefined);
    driver.exec("INSERT INTO settings (key, value) VALUES ('x', '1')");
    const left = temporaryFolder();
    fs.cpSync(profile.folder, left, { recursive: true });
    driver.close();
    const killed = new TestProfile(left);
    killed.shell.secrets.set('database-key', keyOf(profile));
    await killed.start();
    await expect
      .poll(() => fs.readFileSync(path.join(left, 'aims.log'), 'utf8'), { timeout: 60_000 })
      .toMatch(/store\.examined.*index/);
    expect(await shown(killed, talk.id)).toBe(20);
    expect(killed.fatal).toEqual([]);
    await killed.restart();
    expect(await shown(killed, talk.id)).toBe(20);
  });

  it('is made anew, with nothing set aside, where the start itself is suspect', async () => {
    const { profile, talk } = await disagreeing();
    fs.writeFileSync(`${database(profile)}.suspect`, '');
    await profile.start();
    expect((await profile.snapshot()).notices).toEqual([]);
    expect(await shown(profile, talk.id)).toBe(20);
  });

  it('is looked for once a month, also after an end in order', async () => {
    const { profile, talk } = await disagreeing();
    await profile.start();
    expect(await shown(profile, talk.id)).toBe(10);
    await profile.stop();
    profile.clock.now = () => Date.UTC(2030, 0, 1);
    await profile.start();
    await expect.poll(() => shown(profile, talk.id), { timeout: 60_000 }).toBe(20);
  });

  it('of which the table is damaged too ends the core, and the next start saves what can be read', async () => {
    const { profile } = await disagreeing();
    const bytes = fs.readFileSync(database(profile));
    const driver = openDriver(database(profile), keyOf(profile), () => undefined);
    const { root } = driver.get<{ root: number }>(
      "SELECT rootpage AS root FROM sqlite_master WHERE name = 'messages_by_protocol_id'",
    ) ?? { root: 0 };
    driver.close();
    // read by nothing before the first text goes out
    bytes.fill(0x5a, (root - 1) * PAGE, root * PAGE);
    fs.writeFileSync(database(profile), bytes);
    fs.writeFileSync(`${database(profile)}.open`, 'starting');
    fs.rmSync(`${database(profile)}-wal`, { force: true });
    await profile.start();
    expect((await profile.snapshot()).notices.map(({ code }) => code)).toEqual(['database-salvaged']);
  });
});
