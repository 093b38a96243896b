import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Driver, openDriver } from '../../../electron/core/store/driver.ts';
import { StoreError } from '../../../electron/core/store/store-error.ts';
import { temporaryFolder } from '../support/folder.ts';

const KEY = 'ab'.repeat(32);

function fresh(folder = temporaryFolder()): Driver {
  const driver = openDriver(path.join(folder, 'd.db'), KEY, () => undefined);
  onTestFinished(() => driver.close());
  driver.exec('CREATE TABLE things (id INTEGER PRIMARY KEY, text TEXT, data BLOB, flag INTEGER)');
  return driver;
}
const INSERT = 'INSERT INTO things (text, data, flag) VALUES (?, ?, ?)';

describe('the driver', () => {
  it('keeps true and false as 1 and 0 instead of ending the process', () => {
    const driver = fresh();
    driver.run(INSERT, 'a', null, true);
    driver.run(INSERT, 'b', null, false);
    expect(driver.all('SELECT text, flag FROM things')).toEqual([
      { text: 'a', flag: 1 },
      { text: 'b', flag: 0 },
    ]);
  });

  it('keeps undefined as NULL', () => {
    const driver = fresh();
    driver.run(INSERT, undefined, undefined, undefined);
    expect(driver.get('SELECT text, data, flag FROM things')).toEqual({ text: null, data: null, flag: null });
  });

  it('keeps all of a text that has a NUL in it', () => {
    const driver = fresh();
    driver.run(INSERT, 'before\0after', null, null);
    expect(driver.get('SELECT text FROM things')).toEqual({ text: 'before\u{FFFD}after' });
  });

  it('gives rows without a property of its own, and undefined for none', () => {
    const driver = fresh();
    driver.run(INSERT, 'a', null, 1);
    expect(Object.keys(driver.get('SELECT id, text FROM things') ?? {})).toEqual(['id', 'text']);
    expect(driver.get('SELECT id FROM things WHERE id = ?', 99)).toBeUndefined();
  });

  it('reads a text with a wrong byte in it, and tells of it, instead of ending the process', () => {
    let told = 0;
    const driver = openDriver(
      path.join(temporaryFolder(), 'd.db'),
      KEY,
      () => undefined,
      () => told++,
    );
    onTestFinished(() => driver.close());
    driver.exec(
      "CREATE TABLE things (text TEXT); INSERT INTO things VALUES (CAST(x'61ff62' AS TEXT)), ('olá \u{FFFD}')",
    );
    expect(driver.all('SELECT text FROM things ORDER BY text DESC')).toEqual([
      { text: 'olá \u{FFFD}' },
      { text: 'a\u{FFFD}b' },
    ]);
    expect(driver.get('SELECT text FROM things LIMIT 1')).toEqual({ text: 'a\u{FFFD}b' });
    expect(told).toBe(2);
  });

  it('gives bytes back as bytes, from get and from all', () => {
    const driver = fresh();
    driver.run(INSERT, 'a', new Uint8Array([9, 1, 2, 3]).subarray(1), 1);
    const one = driver.get<{ data: Uint8Array }>('SELECT data FROM things');
    const many = driver.all<{ data: Uint8Array }>('SELECT data FROM things');
    expect([...(one?.data ?? [])]).toEqual([1, 2, 3]);
    expect([...(many[0]?.data ?? [])]).toEqual([1, 2, 3]);
  });

  it('keeps times of ms since the epoch exactly', () => {
    const driver = fresh();
    driver.run(INSERT, 'a', null, 1_795_381_246_277);
    expect(driver.get('SELECT flag FROM things')).toEqual({ flag: 1_795_381_246_277 });
  });

  it('undoes everything of a transaction that throws, also what a nested one did', () => {
    const driver = fresh();
    driver.transaction(() => driver.run(INSERT, 'kept', null, 1));
    expect(() =>
      driver.transaction(() => {
        driver.run(INSERT, 'outer', null, 1);
        driver.transaction(() => driver.run(INSERT, 'inner', null, 1));
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(driver.all('SELECT text FROM things')).toEqual([{ text: 'kept' }]);
    driver.transaction(() => driver.run(INSERT, 'again', null, 1));
    expect(driver.all('SELECT text FROM things')).toHaveLength(2);
  });

  it('reads more rows than libsql fetches at once', () => {
    const driver = fresh();
    driver.transaction(() => {
      for (let row = 0; row < 250; row++) driver.run(INSERT, `${row}`, null, row);
    });
    expect(driver.all('SELECT id FROM things')).toHaveLength(250);
  });

  it('writes each commit through to the disk', () => {
    const driver = fresh();
    expect(driver.get('PRAGMA synchronous')).toEqual({ synchronous: 2 });
    expect(driver.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
  });

  it('leaves no readable text in its files', () => {
    const folder = temporaryFolder();
    const driver = fresh(folder);
    driver.run(INSERT, 'an unmistakable sentence', null, 1);
    for (const name of fs.readdirSync(folder)) {
      expect(fs.readFileSync(path.join(folder, name)).includes('unmistakable')).toBe(false);
    }
  });

  it('gives each fault a code, and no value that was bound', () => {
    const driver = fresh();
    driver.run('INSERT INTO things (id, text) VALUES (1, ?)', 'secret words');
    const again = () => driver.run('INSERT INTO things (id, text) VALUES (1, ?)', 'secret words');
    expect(again).toThrow(expect.objectContaining({ name: 'StoreError', code: 'constraint' }));
    expect(again).not.toThrow(/secret words/);
    expect(() => driver.get('SELEKT')).toThrow(expect.objectContaining({ code: 'internal' }));
    const missing = path.join(temporaryFolder(), 'no', 'such', 'd.db');
    expect(() => openDriver(missing, KEY, () => undefined)).toThrow(expect.objectContaining({ code: 'unavailable' }));
  });

  it('says that the disk is full, keeps what was there, and goes on when there is room', () => {
    const driver = fresh();
    driver.run(INSERT, 'kept', null, 1);
    const pages = driver.get<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0;
    driver.get(`PRAGMA max_page_count = ${pages + 2}`);
    const fill = () =>
      driver.transaction(() => {
        for (let row = 0; row < 100; row++) driver.run(INSERT, 'y'.repeat(1000), null, 1);
      });
    expect(fill).toThrow(expect.objectContaining({ code: 'full' }));
    expect(driver.all('SELECT text FROM things')).toEqual([{ text: 'kept' }]);
    driver.get('PRAGMA max_page_count = 1000000');
    fill();
    expect(driver.all('SELECT id FROM things')).toHaveLength(101);
  });

  it('crosses to a window by codes', () => {
    expect(new StoreError('full').toFault().fault).toEqual({ code: 'no-space', retryable: true });
    expect(new StoreError('newer').toFault().fault).toEqual({ code: 'database-newer', retryable: false });
    expect(new StoreError('unavailable').toFault().fault).toEqual({ code: 'database-unavailable', retryable: true });
    expect(new StoreError('constraint').toFault().fault.code).toBe('internal');
  });
});
