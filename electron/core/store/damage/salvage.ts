import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { type Driver, openDriver } from '../driver.ts';
import { type KeptCopy, readKeptCopy } from '../kept-copy.ts';
import { keptJson } from '../kept-json.ts';
import { migrate } from '../migrations.ts';
import { type ProfileFiles, writeWhole } from '../profile-files.ts';
import { atOnce, type Steps } from '../steps.ts';
import { StoreError } from '../store-error.ts';
import { numbersById, type SalvagedRow, salvageKeyed, salvageNumbered, scanRows } from './salvage-rows.ts';
import { openGrafted } from './schema-graft.ts';

/** What could be carried over into the new database. */
export interface Salvaged {
  /** Messages in the new database. */
  messages: number;
  /** At most so many messages and transfers could not be read; 0 also where no message could be reached at all. */
  lost: number;
  /** Every table was read to its end. */
  isWhole: boolean;
  /** Whether there is anything at all that a person would miss. */
  isEmpty: boolean;
}

/** Kept on disk while a salvage is under way: a process that died in it is no reason to begin in vain again. */
interface Journal {
  place: string;
  /** Reads that ended the process; they are not tried again as they were. */
  deadly: string[];
  under: string | null;
}

/** After so many deaths what was not read is given up. */
const MAXIMUM_DEATHS = 50;

const journalFile = (files: ProfileFiles): string => `${files.database}.salvage`;

/** Where a salvage was interrupted, the place of the damaged database. */
export function interruptedSalvage(files: ProfileFiles): string | undefined {
  return readJournal(files)?.place;
}

function readJournal(files: ProfileFiles): Journal | undefined {
  const file = journalFile(files);
  if (!fs.existsSync(file)) return undefined;
  const journal = keptJson<Partial<Journal>>(fs.readFileSync(file, 'utf8'), {});
  if (typeof journal.place !== 'string' || !Array.isArray(journal.deadly)) return undefined;
  return { place: journal.place, deadly: journal.deadly, under: journal.under ?? null };
}

/**
 * Carries everything that can still be read of the damaged database over into a new one in its place, the rest of what is
 * small from its copy. The damaged one stays at `place`. A second call after a death goes on around what was deadly.
 */
export function* salvage(files: ProfileFiles, key: string, place: string, now: number): Steps<Salvaged> {
  const found = readJournal(files);
  const journal: Journal = found ?? { place, deadly: [], under: null };
  if (journal.under !== null) journal.deadly.push(journal.under);
  journal.under = null;
  writeWhole(journalFile(files), JSON.stringify(journal));
  if (fs.existsSync(files.database)) files.setDamagedAside(place);

  const fresh = `${files.database}.salvaged`;
  for (const suffix of ['', '-wal', '-shm']) fs.rmSync(fresh + suffix, { force: true });
  const target = openDriver(fresh, key, () => undefined);
  let result: Salvaged | undefined;
  try {
    migrate(target);
    result = yield* fill(target, files, key, journal, now);
    target.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    target.close();
    // given up when the program is quit, or by a full disk: no read has ended the process
    if (!result) forgive(files, journal);
  }
  for (const suffix of ['-wal', '-shm']) fs.rmSync(fresh + suffix, { force: true });
  fs.renameSync(fresh, files.database);
  fs.rmSync(journalFile(files), { force: true });
  return result;
}

function forgive(files: ProfileFiles, journal: Journal): void {
  try {
    writeWhole(journalFile(files), JSON.stringify({ ...journal, under: null }));
  } catch {
    // no room: the read counts as deadly, and is tried in smaller parts
  }
}

/** What the small copy has and the database has not. */
export function restoreKept(target: Driver, files: ProfileFiles, key: string): void {
  const copy = readKeptCopy(files.database, key);
  if (!copy) return;
  atOnce(
    withoutReferences(target, function* () {
      for (const [table, rows] of Object.entries(copy)) {
        insert(target, table, (rows ?? []) as SalvagedRow[]);
        yield;
      }
    }),
  );
}

/** All or nothing. The target is not in use yet, so that there is no other writer. */
function* withoutReferences(target: Driver, work: () => Steps<void>): Steps<void> {
  target.exec('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE');
  try {
    yield* work();
    target.exec('COMMIT');
  } catch (error) {
    // what is half written goes with its file, or is rolled back by SQLite itself after a full disk
    try {
      target.exec('ROLLBACK');
    } catch {
      // it was
    }
    throw error;
  } finally {
    target.exec('PRAGMA foreign_keys = ON');
  }
}

function* fill(target: Driver, files: ProfileFiles, key: string, journal: Journal, now: number): Steps<Salvaged> {
  const begin = (step: string): boolean => {
    if (journal.deadly.includes(step) || journal.deadly.length > MAXIMUM_DEATHS) return false;
    journal.under = step;
    // not through to the disk: it must outlive this process, not the machine
    fs.writeFileSync(journalFile(files), JSON.stringify(journal));
    return true;
  };
  const copy = readKeptCopy(files.database, key) ?? {};
  let lost = 0;
  let isWhole = true;
  yield* withoutReferences(target, function* () {
    const source = openedSource(journal.place, `${files.database}.grafted`, key, begin);
    try {
      for (const table of tablesOf(target)) {
        const done = source ? yield* carryOver(source, target, table, begin) : { lost: 0, isWhole: false };
        lost += done.lost;
        if (!done.isWhole) isWhole = false;
        // only there: a copy is a little older, and what was removed since must not come back
        if (!done.isWhole) insert(target, table, ((copy as KeptCopy)[table] ?? []) as SalvagedRow[]);
      }
    } finally {
      source?.close();
    }
    joinUp(target, now);
  });
  for (const suffix of ['', '-wal', '-shm']) fs.rmSync(`${files.database}.grafted${suffix}`, { force: true });
  const count = (table: string): number =>
    target.get<{ count: number }>(`SELECT count(*) AS count FROM ${table}`)?.count ?? 0;
  const messages = count('messages');
  return { messages, lost, isWhole, isEmpty: messages + count('accounts') + count('person_addresses') === 0 };
}

function openedSource(
  place: string,
  scratch: string,
  key: string,
  begin: (step: string) => boolean,
): Driver | undefined {
  let source: Driver | undefined;
  try {
    if (begin('open')) source = openDriver(place, key, () => undefined);
    if (source && columnsOf(source, 'messages').length > 0) return source;
  } catch (error) {
    if (StoreError.from(error).code === 'full') throw error;
  }
  source?.close();
  return begin('graft') ? openGrafted(place, scratch, key) : undefined;
}

/** All but SQLite's own and those of the search index, which fills itself. */
const tablesOf = (driver: Driver): string[] =>
  driver
    .all<{ name: string }>(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'messages_text%'
       ORDER BY rowid`,
    )
    .map(({ name }) => name);

interface Column {
  name: string;
  pk: number;
}

function columnsOf(driver: Driver, table: string): Column[] {
  try {
    return driver.all<Column>('SELECT name, pk FROM pragma_table_info(?)', table);
  } catch {
    return [];
  }
}

function* carryOver(
  source: Driver,
  target: Driver,
  table: string,
  begin: (step: string) => boolean,
): Steps<{ lost: number; isWhole: boolean }> {
  const there = new Set(columnsOf(source, table).map(({ name }) => name));
  const columns = columnsOf(target, table).filter(({ name }) => there.has(name));
  const names = columns.map(({ name }) => name);
  if (names.length === 0) return { lost: 0, isWhole: false };
  if (table === 'messages' || table === 'transfers') {
    const reading = (from: number, to: number): boolean => begin(`${table} ${from} ${to}`);
    const lost = yield* salvageNumbered(source, table, names, reading, (rows) => insert(target, table, rows));
    const left = table === 'messages' && begin('messages scan') ? yield* carryOverStray(source, target, names) : 0;
    return { lost: Math.max(lost, left), isWhole: lost === 0 && left === 0 };
  }
  if (!begin(table)) return { lost: 0, isWhole: false };
  const key = columns.filter(({ pk }) => pk > 0).sort((one, other) => one.pk - other.pk);
  const found = yield* salvageKeyed(
    source,
    table,
    names,
    key.map(({ name }) => name),
  );
  insert(target, table, found.rows);
  return { lost: 0, isWhole: found.isWhole };
}

/** Messages that the ranges did not find: returns how many of those that the index knows are still missing. */
function* carryOverStray(source: Driver, target: Driver, names: readonly string[]): Steps<number> {
  const count = (): number => target.get<{ count: number }>('SELECT count(*) AS count FROM messages')?.count ?? 0;
  const numbers = numbersById(source, 'messages');
  if (numbers && numbers.size <= count()) return 0;
  const others = names.filter((name) => name !== 'sequence');
  yield* scanRows(source, 'messages', others, (rows) => {
    const stray = rows.filter(({ id }) => !target.get('SELECT 1 FROM messages WHERE id = ?', id));
    // without its number it comes last
    insert(
      target,
      'messages',
      stray.map((row) => ({ ...row, sequence: numbers?.get(row.id) ?? null })),
    );
  });
  return numbers ? Math.max(0, numbers.size - count()) : 0;
}

function insert(target: Driver, table: string, rows: readonly SalvagedRow[]): void {
  const known = columnsOf(target, table).map(({ name }) => name);
  for (const row of rows) {
    const names = known.filter((name) => name in row);
    const marks = names.map(() => '?').join(', ');
    // a row that breaks a rule now was spoilt
    const sql = `INSERT OR IGNORE INTO ${table} (${names.join(', ')}) VALUES (${marks})`;
    target.run(sql, ...names.map((name) => row[name]));
  }
}

/** What refers to a row that was lost gets one again, so that every message has its conversation and its person. */
function joinUp(target: Driver, now: number): void {
  target.run(
    `INSERT OR IGNORE INTO people (id, created_at)
     SELECT person_id, ? FROM person_addresses UNION SELECT person_id, ? FROM talks`,
    now,
    now,
  );
  target.exec('DELETE FROM account_storage WHERE account_id NOT IN (SELECT id FROM accounts)');
  const orphans = target.all<{ talk_id: string; account_id: string; address: string }>(
    `SELECT talk_id, account_id, address FROM messages
     WHERE talk_id NOT IN (SELECT id FROM talks) AND talk_id NOT IN (SELECT id FROM removed_talks)
     GROUP BY talk_id`,
  );
  for (const { talk_id, account_id, address } of orphans) {
    const personId = personOf(target, account_id, address, now);
    const talk = target.get<{ id: string }>('SELECT id FROM talks WHERE person_id = ?', personId);
    if (talk) {
      for (const table of ['messages', 'transfers'])
        target.run(`UPDATE ${table} SET talk_id = ? WHERE talk_id = ?`, talk.id, talk_id);
      continue;
    }
    target.run(
      `INSERT INTO talks (id, person_id, account_id, address, route_chosen, draft, unread, read_up_to, active_at)
       SELECT ?, ?, ?, ?, 0, '', 0, max(sequence), max(at) FROM messages WHERE talk_id = ?`,
      talk_id,
      personId,
      account_id,
      address,
      talk_id,
    );
  }
  target.exec(
    'UPDATE talks SET last_sequence = (SELECT max(sequence) FROM messages WHERE messages.talk_id = talks.id)',
  );
}

function personOf(target: Driver, accountId: string, address: string, now: number): string {
  const known = target.get<{ person_id: string }>(
    'SELECT person_id FROM person_addresses WHERE account_id = ? AND address = ?',
    accountId,
    address,
  );
  if (known) return known.person_id;
  const id = randomUUID();
  target.run('INSERT INTO people (id, created_at) VALUES (?, ?)', id, now);
  target.run(
    `INSERT INTO person_addresses (account_id, address, person_id, listed, name, claimed_name, groups, subscription)
     VALUES (?, ?, ?, 0, '', '', '[]', 'none')`,
    accountId,
    address,
    id,
  );
  return id;
}
