import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CommandError } from '../../../electron/contract/index.ts';
import { isLogShort } from '../../../electron/core/store/damage/log-end.ts';
import type { Driver } from '../../../electron/core/store/driver.ts';
import { migrate, STORE_VERSION } from '../../../electron/core/store/migrations.ts';
import { openStore } from '../../../electron/core/store/open-store.ts';
import { DATABASE_FILE } from '../../../electron/core/store/profile-files.ts';
import { lockProfile } from '../../../electron/core/store/profile-lock.ts';
import type { StoreErrorCode } from '../../../electron/core/store/store-error.ts';
import { bundle } from '../support/bundle.ts';
import { temporaryFolder } from '../support/folder.ts';

// every commit here waits for a real disk, which may be shared with much else
vi.setConfig({ testTimeout: 30_000 });

const KEY = 'cd'.repeat(32);
const NOW = Date.UTC(2026, 10, 22, 21, 0, 0);
const open = (folder: string, key = KEY, onFault: (code: StoreErrorCode) => void = () => undefined) => {
  const opened = openStore(folder, key, () => NOW, onFault);
  onTestFinished(() => opened.close());
  return opened;
};
const put = (driver: Driver, key: string) => driver.run('INSERT INTO settings (key, value) VALUES (?, ?)', key, '"x"');
const keys = (driver: Driver) =>
  driver.all<{ key: string }>('SELECT key FROM settings ORDER BY key').map((row) => row.key);
const faultOf = async (work: () => unknown): Promise<unknown> => {
  try {
    await work();
  } catch (error) {
    return (error as CommandError).fault;
  }
  return 'no fault';
};

let writer: string;
beforeAll(async () => {
  writer = await bundle('test/core/store/writer.ts');
  return () => fs.rmSync(path.dirname(writer), { recursive: true, force: true });
}, 60_000);

describe('opening the store', () => {
  it('makes a database at the newest version, and finds what was written the next time', () => {
    const folder = temporaryFolder();
    const first = open(folder);
    expect(first.setAside).toBeNull();
    expect(first.driver.get('PRAGMA user_version')).toEqual({ user_version: STORE_VERSION });
    put(first.driver, 'a');
    first.close();
    expect(keys(open(folder).driver)).toEqual(['a']);
  });

  it('sets a file aside that is no database, whole, and starts a new one', () => {
    const folder = temporaryFolder();
    const rubbish = Buffer.alloc(20_000, 'this is no database ');
    fs.writeFileSync(path.join(folder, DATABASE_FILE), rubbish);
    const { driver, setAside } = open(folder);
    expect(setAside).toBe(path.join(folder, 'aims-damaged-2026-11-22T21-00-00.db'));
    expect(fs.readFileSync(setAside ?? '').equals(rubbish)).toBe(true);
    put(driver, 'new');
    expect(keys(driver)).toEqual(['new']);
  });

  it('sets a database aside that another key made; with that key it is whole', () => {
    const folder = temporaryFolder();
    const other = 'ef'.repeat(32);
    const first = open(folder, other);
    put(first.driver, 'mine');
    first.close();
    const { driver, setAside } = open(folder);
    expect(keys(driver)).toEqual([]);
    const rescue = temporaryFolder();
    fs.copyFileSync(setAside ?? '', path.join(rescue, DATABASE_FILE));
    expect(keys(open(rescue, other).driver)).toEqual(['mine']);
  });

  it('sets a database aside together with the log that a kill left behind', async () => {
    const folder = temporaryFolder();
    const other = 'ef'.repeat(32);
    const child = fork(writer, [folder, other], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    const { setAside } = open(folder);
    const rescue = temporaryFolder();
    for (const suffix of ['', '-wal', '-shm']) {
      if (fs.existsSync(setAside + suffix))
        fs.copyFileSync(setAside + suffix, path.join(rescue, DATABASE_FILE) + suffix);
    }
    const { driver } = open(rescue, other);
    expect(keys(driver)).toContain('row-1');
    expect(driver.get('PRAGMA integrity_check(1)')).toEqual({ integrity_check: 'ok' });
  });

  it('calls a disk full that gives this user no more, though it has room for others', () => {
    const folder = temporaryFolder();
    // 512-byte blocks: half a megabyte a file, which the system refuses as it does beyond a quota
    const limited = 'ulimit -f 1024; exec "$0" "$@"';
    const { status } = spawnSync('sh', ['-c', limited, process.execPath, writer, folder, 'ef'.repeat(32)]);
    expect(status).toBe(4);
    expect(fs.readdirSync(folder)).not.toContain('room.try');
  });

  it('never writes over what was set aside before', () => {
    const folder = temporaryFolder();
    const kept = new Set<string | null>();
    for (const content of ['one', 'two']) {
      fs.writeFileSync(path.join(folder, DATABASE_FILE), content.repeat(5000));
      const opened = open(folder);
      opened.close();
      kept.add(opened.setAside);
    }
    expect(kept.size).toBe(2);
    for (const file of kept) expect(fs.existsSync(file ?? '')).toBe(true);
  });

  it('tells of damage that it meets inside, and the next start sets the file aside', () => {
    const folder = temporaryFolder();
    const first = open(folder);
    first.driver.transaction(() => {
      for (let row = 0; row < 2000; row++) put(first.driver, `row-${row}-${'z'.repeat(100)}`);
    });
    first.close();
    const file = path.join(folder, DATABASE_FILE);
    const size = fs.statSync(file).size;
    const handle = fs.openSync(file, 'r+');
    // everything behind the schema: page-wise damage that the header does not show
    fs.writeSync(handle, Buffer.alloc(size - 200 * 1024, 0x5a), 0, size - 200 * 1024, 200 * 1024);
    fs.closeSync(handle);
    const told: StoreErrorCode[] = [];
    const second = open(folder, KEY, (code) => told.push(code));
    expect(second.setAside).toBeNull();
    expect(() => keys(second.driver)).toThrow(expect.objectContaining({ code: 'damaged' }));
    expect(told).toEqual(['damaged']);
    second.close();
    const third = open(folder);
    expect(third.setAside).not.toBeNull();
    expect(keys(third.driver)).toEqual([]);
    third.close();
    expect(open(folder).setAside).toBeNull();
  });

  it('keeps a database that was only suspected', () => {
    const folder = temporaryFolder();
    const first = open(folder);
    put(first.driver, 'a');
    first.close();
    fs.writeFileSync(path.join(folder, 'aims.db.suspect'), '');
    const second = open(folder);
    expect(second.setAside).toBeNull();
    expect(keys(second.driver)).toEqual(['a']);
    expect(fs.existsSync(path.join(folder, 'aims.db.suspect'))).toBe(false);
  });

  it('refuses a database of a later version and does not touch it', () => {
    const folder = temporaryFolder();
    const first = open(folder);
    put(first.driver, 'future');
    first.driver.exec(`PRAGMA user_version = ${STORE_VERSION + 1}`);
    first.close();
    const before = fs.readFileSync(path.join(folder, DATABASE_FILE));
    expect(() => open(folder)).toThrow(expect.objectContaining({ code: 'newer' }));
    expect(fs.readFileSync(path.join(folder, DATABASE_FILE)).equals(before)).toBe(true);
    expect(fs.readdirSync(folder).filter((name) => name.includes('damaged'))).toEqual([]);
  });

  it('leaves the database as it was when a migration fails half way', () => {
    const folder = temporaryFolder();
    const { driver } = open(folder);
    const steps = Array.from({ length: STORE_VERSION }, () => '');
    const broken = 'CREATE TABLE half (a TEXT); INSERT INTO nowhere VALUES (1);';
    expect(() => migrate(driver, [...steps, broken])).toThrow();
    expect(driver.get('PRAGMA user_version')).toEqual({ user_version: STORE_VERSION });
    expect(driver.get("SELECT name FROM sqlite_master WHERE name = 'half'")).toBeUndefined();
    migrate(driver, [...steps, 'CREATE TABLE whole (a TEXT);']);
    expect(driver.get('PRAGMA user_version')).toEqual({ user_version: STORE_VERSION + 1 });
  });

  it('loses no row that was confirmed when the process is killed, and lets go of the profile', async () => {
    const folder = temporaryFolder();
    for (let round = 0; round < 3; round++) {
      const child = fork(writer, [folder, KEY], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
      let seen = '';
      const enough = new Promise<void>((resolve) => {
        child.stdout?.on('data', (data: Buffer) => {
          seen += data.toString();
          if (seen.split('\n').length > 50) resolve();
        });
      });
      await enough;
      expect(await faultOf(() => lockProfile(folder))).toMatchObject({ code: 'profile-in-use' });
      child.kill('SIGKILL');
      await once(child, 'close');
      const confirmed = seen.split('\n').slice(0, -1).length;
      // a kill takes nothing out of the log, wherever it comes
      expect(isLogShort(path.join(folder, DATABASE_FILE))).toBe(false);
      const lock = lockProfile(folder);
      const opened = open(folder);
      const { driver, setAside } = opened;
      expect(setAside).toBeNull();
      const { count } = driver.get<{ count: number }>('SELECT count(*) AS count FROM settings') ?? { count: 0 };
      expect(count).toBeGreaterThanOrEqual(confirmed);
      expect(driver.get('PRAGMA integrity_check(1)')).toEqual({ integrity_check: 'ok' });
      driver.run('DELETE FROM settings');
      opened.close();
      lock.release();
    }
  }, 60_000);

  it('is taken by one at a time, also within one process, and again after it is let go', async () => {
    const folder = temporaryFolder();
    const first = lockProfile(folder);
    expect(await faultOf(() => lockProfile(folder))).toEqual({ code: 'profile-in-use', retryable: false });
    first.release();
    lockProfile(folder).release();
  });

  it('takes the profile although somebody wrote into the lock file', () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, 'profile.lock'), 'something that is no database'.repeat(100));
    lockProfile(folder).release();
  });
});
