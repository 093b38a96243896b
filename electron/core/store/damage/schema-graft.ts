import fs from 'node:fs';
import { type Driver, openDriver } from '../driver.ts';
import { MIGRATIONS, migrate } from '../migrations.ts';

const PAGE = 4096;
/** SQLite's file format §1.3.7: where the header counts the pages. */
const PAGE_COUNT = 28;
/**
 * The steps that put the schema on no page but those of the first step. What a later step needed more is another page in
 * every database that had rows before it, and holds messages in some: the new page would overwrite them.
 */
const STEPS = MIGRATIONS.slice(0, 2);

/**
 * A copy of the damaged database in which the pages of the schema, the first page among them, are those of a new database:
 * both were made by the same first steps, so that every table begins where it did. Without it the loss of the first page would
 * be the loss of everything. Undefined where the copy cannot be opened either.
 */
export function openGrafted(place: string, scratch: string, key: string): Driver | undefined {
  const donor = `${scratch}-donor`;
  const remove = (file: string): void => {
    for (const suffix of ['', '-wal', '-shm']) fs.rmSync(file + suffix, { force: true });
  };
  remove(donor);
  remove(scratch);
  try {
    fs.copyFileSync(place, scratch);
    if (fs.existsSync(`${place}-wal`)) fs.copyFileSync(`${place}-wal`, `${scratch}-wal`);
    const pages = Math.floor(fs.statSync(scratch).size / PAGE);
    const driver = openDriver(donor, key, () => undefined);
    let schema: number[];
    try {
      migrate(driver, STEPS);
      const found = driver.all<{ page: number }>("SELECT pageno AS page FROM dbstat WHERE name = 'sqlite_schema'");
      schema = found.map(({ page }) => page).filter((page) => page <= pages);
      const pageOne = driver.get<{ data: Uint8Array }>('SELECT data FROM sqlite_dbpage WHERE pgno = 1')?.data;
      if (!pageOne) return undefined;
      const first = Buffer.from(pageOne);
      first.writeUInt32BE(pages, PAGE_COUNT);
      driver.run('UPDATE sqlite_dbpage SET data = ? WHERE pgno = 1', first);
      // after this the donor is longer in its header than in its file: nothing can be asked of it any more
      driver.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      driver.close();
    }
    const bytes = fs.readFileSync(donor);
    const target = fs.openSync(scratch, 'r+');
    for (const page of schema) fs.writeSync(target, bytes, (page - 1) * PAGE, PAGE, (page - 1) * PAGE);
    fs.closeSync(target);
    return openDriver(scratch, key, () => undefined);
  } catch {
    return undefined;
  } finally {
    remove(donor);
  }
}
