import type { Driver, SqlParameter } from '../driver.ts';
import type { Steps } from '../steps.ts';
import { StoreError } from '../store-error.ts';

export type SalvagedRow = Record<string, SqlParameter>;

const BATCH = 500;
/** No profile has more rows than this: a row number above it was spoilt. */
const MAXIMUM_NUMBER = 50_000_000;
/** Identifiers are made of hexadecimal digits: between two damaged pages some of these are likely to begin. */
const BEGINNINGS = Array.from({ length: 256 }, (_, number) => number.toString(16).padStart(2, '0'));

/** Undefined where the rows cannot be read. A disk that does not answer is no damage. */
function attempt<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    const { code } = StoreError.from(error);
    if (code === 'unavailable' || code === 'full') throw error;
    return undefined;
  }
}

/**
 * Every readable row of a table with row numbers, by halving each range that does not read. Returns how many numbers at
 * most were lost. `reading` is told of each range before it is read and may refuse it.
 */
export function* salvageNumbered(
  source: Driver,
  table: string,
  columns: readonly string[],
  reading: (from: number, to: number) => boolean,
  found: (rows: SalvagedRow[]) => void,
): Steps<number> {
  const listed = ['rowid AS row_number', ...columns].join(', ');
  const sql = `SELECT ${listed} FROM ${table} WHERE rowid BETWEEN ? AND ? ORDER BY rowid`;
  let lost = 0;
  function* read(from: number, to: number): Steps<void> {
    yield;
    const rows = reading(from, to) ? attempt(() => source.all<SalvagedRow>(sql, from, to)) : undefined;
    if (rows) {
      found(rows);
    } else if (from === to) {
      lost++;
    } else {
      const middle = Math.floor((from + to) / 2);
      yield* read(from, middle);
      yield* read(middle + 1, to);
    }
  }
  const last = lastNumber(source, table);
  for (let from = 1; from <= last; from += BATCH) yield* read(from, Math.min(from + BATCH - 1, last));
  return lost;
}

function lastNumber(source: Driver, table: string): number {
  const number = (sql: string, ...values: SqlParameter[]): number =>
    attempt(() => source.get<{ last: number | null }>(sql, ...values))?.last ?? 0;
  const counted = number('SELECT seq AS last FROM sqlite_sequence WHERE name = ?', table);
  const highest = number(`SELECT max(rowid) AS last FROM ${table}`);
  // SQLite counts by itself and never back; the highest number found may be a spoilt one
  const last = counted > 0 ? counted : highest;
  if (last > 0 && last <= MAXIMUM_NUMBER) return last;
  // the end itself is damaged: no page holds more rows than this
  return number('PRAGMA page_count') * 50;
}

/**
 * The rows from either end up to what cannot be read, one after another: that finds also those whose number was spoilt,
 * which no range holds any more.
 */
export function* scanRows(
  source: Driver,
  table: string,
  columns: readonly string[],
  found: (rows: SalvagedRow[]) => void,
): Steps<void> {
  for (const order of ['ASC', 'DESC']) {
    const sql = `SELECT ${columns.join(', ')} FROM ${table} NOT INDEXED ORDER BY rowid ${order} LIMIT ? OFFSET ?`;
    for (let size = BATCH, at = 0; ; ) {
      yield;
      const from = at;
      const rows = attempt(() => source.all<SalvagedRow>(sql, size, from));
      if (rows?.length === 0 || (!rows && size === 1)) break;
      if (rows) {
        found(rows);
        at += rows.length;
      } else {
        size = 1;
      }
    }
  }
}

/** Which number belongs to which identifier, as the table's index knows it; undefined when that cannot be read. */
export function numbersById(source: Driver, table: string): Map<SqlParameter, number> | undefined {
  const sql = `SELECT id, rowid AS number FROM ${table} INDEXED BY sqlite_autoindex_${table}_1`;
  const rows = attempt(() => source.all<{ id: string; number: number }>(sql));
  return rows && new Map(rows.map(({ id, number }) => [id, number]));
}

/** Every row of a table without row numbers that can be reached from either end or from a likely beginning. */
export function* salvageKeyed(
  source: Driver,
  table: string,
  columns: readonly string[],
  key: readonly string[],
): Steps<{ rows: SalvagedRow[]; isWhole: boolean }> {
  const rows = new Map<string, SalvagedRow>();
  const names = key.join(', ');
  const marks = key.map(() => '?').join(', ');
  const keyOf = (row: SalvagedRow): SqlParameter[] => key.map((name) => row[name]);
  /** True when it came to the end of the table, or to what is known. */
  function* walk(direction: 'ASC' | 'DESC', beginning?: string): Steps<boolean> {
    const order = key.map((name) => `${name} ${direction}`).join(', ');
    const beyond = direction === 'ASC' ? '>' : '<';
    let after: SqlParameter[] | undefined =
      beginning === undefined ? undefined : key.map((_, at) => (at ? '' : beginning));
    for (let size = BATCH; ; ) {
      yield;
      const where = after ? `WHERE (${names}) ${beyond} (${marks})` : '';
      const sql = `SELECT ${columns.join(', ')} FROM ${table} ${where} ORDER BY ${order} LIMIT ${size}`;
      const batch = attempt(() => source.all<SalvagedRow>(sql, ...(after ?? [])));
      if (!batch) {
        if (size === 1) return false;
        size = 1;
        continue;
      }
      const before = rows.size;
      for (const row of batch) rows.set(JSON.stringify(keyOf(row)), row);
      const last = batch.at(-1);
      if (!last || batch.length < size) return true;
      // a key with a wrong byte stands elsewhere than where it reads: going on after it would turn for ever
      if (rows.size === before) return beginning !== undefined;
      after = keyOf(last);
    }
  }
  const isWhole = yield* walk('ASC');
  if (!isWhole) {
    yield* walk('DESC');
    for (const beginning of BEGINNINGS) {
      yield* walk('ASC', beginning);
      yield* walk('DESC', beginning);
    }
  }
  return { rows: [...rows.values()], isWhole };
}
