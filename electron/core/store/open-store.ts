import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type Driver, openDriver } from './driver.ts';
import { migrate } from './migrations.ts';
import { StoreError, type StoreErrorCode } from './store-error.ts';

export const DATABASE_FILE = 'aims.db';
/** Left behind by a run that met damage: the next one looks through the whole file before it trusts it. */
const SUSPECT_FILE = 'aims.db.suspect';
/** Which key the database was made with, as a hash of it: 32 random bytes cannot be guessed from that. */
const KEY_PRINT_FILE = 'aims.db.key-print';

export interface OpenedStore {
  driver: Driver;
  /** Where the damaged database was kept, or null when there was none. */
  setAside: string | null;
  /** Folds the write-ahead log into the file and closes it. */
  close(): void;
}

/**
 * Opens the profile's database at this program's version. One that is damaged or made with another key is renamed,
 * never deleted, and a new one started. Throws a StoreError for all else (`newer`, `full`, `unavailable`), and
 * then has changed nothing. `onFault` is told what is met later, `onInvalidText` of
 * each text that is no UTF-8.
 */
export function openStore(
  folder: string,
  key: string,
  now: () => number,
  onFault: (code: StoreErrorCode) => void,
  onInvalidText: () => void = () => undefined,
): OpenedStore {
  const file = path.join(folder, DATABASE_FILE);
  const suspect = path.join(folder, SUSPECT_FILE);
  let opening = true;
  const open = (): Driver => {
    const onDriverFault = (code: StoreErrorCode): void => {
      if (opening) return;
      if (code === 'damaged') markSuspect(folder);
      onFault(code);
    };
    const driver = openDriver(file, key, onDriverFault, onInvalidText);
    try {
      migrate(driver);
      if (fs.existsSync(suspect)) examine(driver);
      return driver;
    } catch (error) {
      driver.close();
      throw error;
    }
  };
  let setAside: string | null = null;
  let driver: Driver;
  try {
    checkKeyPrint(folder, key);
    driver = open();
  } catch (error) {
    if (StoreError.from(error).code !== 'damaged') throw error;
    setAside = renameDamaged(folder, now());
    driver = open();
  }
  writeKeyPrint(folder, key);
  fs.rmSync(suspect, { force: true });
  opening = false;
  return { driver, setAside, close: () => foldAndClose(driver) };
}

function foldAndClose(driver: Driver): void {
  try {
    // statements stay open until they are collected, and SQLite folds its log in only when the last one has gone
    driver.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // no room: what is in the log stays there for the next start
  }
  driver.close();
}

const keyPrint = (key: string): string => createHash('sha256').update(`aims database key ${key}`).digest('hex');

/**
 * A wrong key must be known before SQLite opens the file: with a log left by a kill, opening alone would already mangle
 * what the right key could still read.
 */
function checkKeyPrint(folder: string, key: string): void {
  const file = path.join(folder, KEY_PRINT_FILE);
  const print = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  if (/^[0-9a-f]{64}$/.test(print) && print !== keyPrint(key)) throw new StoreError('damaged', { detail: 'other key' });
}

function writeKeyPrint(folder: string, key: string): void {
  const file = path.join(folder, KEY_PRINT_FILE);
  if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === keyPrint(key)) return;
  const handle = fs.openSync(`${file}.new`, 'w', 0o600);
  fs.writeSync(handle, keyPrint(key));
  fs.fsyncSync(handle);
  fs.closeSync(handle);
  fs.renameSync(`${file}.new`, file);
}

/** Makes the next start examine the whole database. */
function markSuspect(folder: string): void {
  try {
    fs.writeFileSync(path.join(folder, SUSPECT_FILE), '');
  } catch {
    // a disk that takes no more: the damage will be met, and this tried, again
  }
}

function examine(driver: Driver): void {
  const found = driver.get<{ quick_check: string }>('PRAGMA quick_check(1)');
  if (found?.quick_check !== 'ok') throw new StoreError('damaged', { detail: found?.quick_check ?? 'no answer' });
  // the index can be made again out of the messages
  driver.exec("INSERT INTO messages_text (messages_text) VALUES ('rebuild')");
}

function renameDamaged(folder: string, now: number): string {
  const stamp = new Date(now).toISOString().replaceAll(':', '-').replace(/\..*/, '');
  let kept = path.join(folder, `aims-damaged-${stamp}.db`);
  for (let count = 2; fs.existsSync(kept); count++) kept = path.join(folder, `aims-damaged-${stamp}-${count}.db`);
  const file = path.join(folder, DATABASE_FILE);
  // the log first: a new database must never meet an old one's
  for (const suffix of ['-wal', '-shm', '', '.key-print']) {
    if (fs.existsSync(file + suffix)) fs.renameSync(file + suffix, kept + suffix);
  }
  return kept;
}
