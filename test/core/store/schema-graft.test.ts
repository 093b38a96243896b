import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openGrafted } from '../../../electron/core/store/damage/schema-graft.ts';
import { openDriver } from '../../../electron/core/store/driver.ts';
import { MIGRATIONS, migrate } from '../../../electron/core/store/migrations.ts';
import { patience } from '../../extent.ts';
import { temporaryFolder } from '../support/folder.ts';

vi.setConfig({ testTimeout: patience(60_000) });

const PAGE = 4096;
const KEY = 'ab'.repeat(32);

/** A database that the steps up to `version` made, with this many texts in it when the later steps came. */
function upgraded(version: number, texts: number): string {
  const file = path.join(temporaryFolder(), 'a.db');
  const driver = openDriver(file, KEY, () => undefined);
  migrate(driver, MIGRATIONS.slice(0, version));
  driver.transaction(() => {
    for (let number = 0; number < 40; number++) {
      driver.run('INSERT INTO people (id, created_at) VALUES (?, 1)', `person${number}`);
    }
    for (let number = 0; number < texts; number++) {
      driver.run(
        `INSERT INTO messages (id, talk_id, direction, kind, text, at, state, account_id, address)
         VALUES (?, 'talk', 'incoming', 'text', ?, 1, 'received', 'account', 'address')`,
        `message${number}`,
        `text number ${number} with some words to fill the page`,
      );
    }
  });
  migrate(driver);
  driver.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  driver.close();
  return file;
}

describe('a database that lost its first page', () => {
  const versions = MIGRATIONS.map((_, before) => before + 1);
  it.each(versions.flatMap((version) => [300, 2_000].map((texts) => ({ version, texts }))))(
    'made by version $version keeps all of its $texts texts',
    ({ version, texts }) => {
      const file = upgraded(version, texts);
      const handle = fs.openSync(file, 'r+');
      fs.writeSync(handle, Buffer.alloc(PAGE, 7), 0, PAGE, 0);
      fs.closeSync(handle);
      const driver = openGrafted(file, `${file}.grafted`, KEY);
      const rows = driver?.all<{ id: string; text: string }>('SELECT id, text FROM messages NOT INDEXED');
      expect(new Set(rows?.map(({ id }) => id)).size).toBe(texts);
      expect(rows?.every(({ text }) => text.endsWith('to fill the page'))).toBe(true);
      expect(driver?.all('SELECT id FROM people')).toHaveLength(40);
      driver?.close();
    },
  );

  it('gets no schema page that its first step did not make', () => {
    const pagesAfter = (steps: number): unknown[] => {
      const driver = openDriver(path.join(temporaryFolder(), 'a.db'), KEY, () => undefined);
      migrate(driver, MIGRATIONS.slice(0, steps));
      const pages = driver.all("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema' ORDER BY pageno");
      driver.close();
      return pages;
    };
    expect(pagesAfter(2)).toEqual(pagesAfter(1));
  });
});
