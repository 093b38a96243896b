import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { isLogShort } from './damage/log-end.ts';

export const DATABASE_FILE = 'aims.db';
/** Which key the database was made with, as a hash of it: 32 random bytes cannot be guessed from that. */
const KEY_PRINT = '.key-print';
/** There as long as the database is in use: found at a start, the run before did not end in order. */
const OPEN_MARK = '.open';
/** The small copy of accounts, settings and people, and the one before it. */
export const KEPT_COPIES = ['.kept', '.kept-before'] as const;
/** The log first: a new database must never meet an old one's. */
const DATABASE_PARTS = ['-wal', '-shm', '', KEY_PRINT] as const;

const keyPrint = (key: string): string => createHash('sha256').update(`aims database key ${key}`).digest('hex');

/** Writes all of it or nothing, and through to the disk. */
export function writeWhole(file: string, content: string | Uint8Array): void {
  prepareWhole(file, content);
  putInPlace(file);
}

/** The half of `writeWhole` that needs room on the disk: `file` is as it was until `putInPlace`. */
export function prepareWhole(file: string, content: string | Uint8Array): void {
  const handle = fs.openSync(`${file}.new`, 'w', 0o600);
  try {
    fs.writeFileSync(handle, content);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

export const putInPlace = (file: string): void => fs.renameSync(`${file}.new`, file);

const textOf = (file: string): string => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');

/** The files of one profile's database, by what they tell before SQLite opens any of them. */
export class ProfileFiles {
  readonly database: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.database = path.join(folder, DATABASE_FILE);
  }

  /** `none` where no database was ever made here, or one of before there were prints. */
  printOf(key: string, database = this.database): 'none' | 'this' | 'other' {
    const print = textOf(database + KEY_PRINT);
    if (!/^[0-9a-f]{64}$/.test(print)) return 'none';
    return print === keyPrint(key) ? 'this' : 'other';
  }

  writePrint(key: string): void {
    if (this.printOf(key) !== 'this') writeWhole(this.database + KEY_PRINT, keyPrint(key));
  }

  /** No database, or an empty file, where there was one. */
  isMissing(): boolean {
    if (fs.existsSync(this.database) && fs.statSync(this.database).size > 0) return false;
    return [KEY_PRINT, '-wal', ...KEPT_COPIES].some((suffix) => fs.existsSync(this.database + suffix));
  }

  mark(stage: 'starting' | 'started'): void {
    try {
      fs.writeFileSync(this.database + OPEN_MARK, stage, { mode: 0o600 });
    } catch {
      // a full disk: the mark before says as much, or nothing
    }
  }

  get marked(): string {
    return textOf(this.database + OPEN_MARK);
  }

  unmark(): void {
    fs.rmSync(this.database + OPEN_MARK, { force: true });
  }

  /** Whether the log that the run before must have left is gone, or lacks some of what was in it. */
  isLogCut(): boolean {
    return this.marked === 'started' && isLogShort(this.database);
  }

  /** A name that nothing has yet. */
  freeName(why: 'damaged' | 'other-key' | 'forgotten', now: number): string {
    const stamp = new Date(now).toISOString().replaceAll(':', '-').replace(/\..*/, '');
    const name = (count: number): string =>
      path.join(this.#folder, `aims-${why}-${stamp}${count > 1 ? `-${count}` : ''}.db`);
    let count = 1;
    while (DATABASE_PARTS.some((suffix) => fs.existsSync(name(count) + suffix))) count++;
    return name(count);
  }

  /** Damaged: the small copies stay, they are needed. */
  setDamagedAside(place: string): void {
    this.#move(this.database, place, DATABASE_PARTS);
    this.unmark();
  }

  setOtherKeyAside(now: number): string {
    const place = this.freeName('other-key', now);
    this.#move(this.database, place, [...DATABASE_PARTS, ...KEPT_COPIES, OPEN_MARK]);
    return place;
  }

  /** With all that lies beside it: nothing of it can be read any more. */
  setSealedAside(now: number): string {
    const place = this.freeName('forgotten', now);
    const names = fs.readdirSync(this.#folder).filter((name) => name.startsWith(DATABASE_FILE));
    const suffixes = names.map((name) => name.slice(DATABASE_FILE.length));
    this.#move(this.database, place, new Set([...DATABASE_PARTS, ...suffixes.sort()]));
    return place;
  }

  /** Brings the database back that this key made and that was set aside while the key was away. */
  takeBack(key: string): boolean {
    const asides = fs.readdirSync(this.#folder).filter((name) => /^aims-other-key-.*\.db$/.test(name));
    const places = asides.map((name) => path.join(this.#folder, name));
    const place = places.sort().findLast((candidate) => this.printOf(key, candidate) === 'this');
    if (place === undefined) return false;
    this.#move(place, this.database, [...DATABASE_PARTS, ...KEPT_COPIES, OPEN_MARK]);
    return true;
  }

  #move(from: string, to: string, suffixes: Iterable<string>): void {
    for (const suffix of suffixes) if (fs.existsSync(from + suffix)) fs.renameSync(from + suffix, to + suffix);
  }
}
