import path from 'node:path';
import Database from 'libsql';
import { StoreError, type StoreErrorCode } from './store-error.ts';

/** What may be bound. Booleans become 0 and 1, `undefined` becomes NULL. */
export type SqlParameter = string | number | boolean | null | undefined | Uint8Array;

/**
 * The one way to the database. Synchronous: when a call returns, it is done; when `run` outside a transaction or
 * `transaction` returns, it is on disk.
 *
 * @example driver.get<{ name: string }>('SELECT name FROM people WHERE id = ?', id)?.name
 */
export interface Driver {
  all<Row extends object>(sql: string, ...values: SqlParameter[]): Row[];
  get<Row extends object>(sql: string, ...values: SqlParameter[]): Row | undefined;
  run(sql: string, ...values: SqlParameter[]): { changes: number; lastId: number };
  /** Several statements without parameters. */
  exec(sql: string): void;
  /** All or nothing. One inside another belongs to the outer one. */
  transaction<Result>(work: () => Result): Result;
  /**
   * What to undo in memory should the transaction that is under way not be kept; the last one asked for goes first.
   * Nothing outside of a transaction: there the statement has thrown before memory was touched.
   */
  onRollback(undo: () => void): void;
  close(): void;
}

const NUL = String.fromCharCode(0);
/** One statement per distinct text; a runaway of texts is a bug, and must not become a leak. */
const MAXIMUM_STATEMENTS = 500;

type Bound = string | number | null | Uint8Array;

/** Everything libsql 0.5 gets wrong with a parameter, put right before it gets there. */
function bindable(value: SqlParameter): Bound {
  // a boolean panics in its Rust half and takes the process along; undefined is an error or NULL, as it likes
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === undefined) return null;
  // text with NUL is stored whole but cut there when read
  if (typeof value === 'string') return value.includes(NUL) ? value.replaceAll(NUL, '\u{FFFD}') : value;
  return value;
}

class LibsqlDriver implements Driver {
  readonly #database: Database.Database;
  readonly #folder: string;
  // prepare() is dear in memory until the event loop turns: each text is prepared once
  readonly #statements = new Map<string, { statement: Database.Statement; columns: string[] }>();
  readonly #onFault: (code: StoreErrorCode) => void;
  #depth = 0;
  #undo: (() => void)[] = [];

  constructor(database: Database.Database, folder: string, onFault: (code: StoreErrorCode) => void) {
    this.#database = database;
    this.#folder = folder;
    this.#onFault = onFault;
  }

  all<Row extends object>(sql: string, ...values: SqlParameter[]): Row[] {
    return this.#coded(() => {
      const { statement, columns } = this.#prepared(sql);
      const rows = statement.all(values.map(bindable)) as unknown[][];
      return rows.map((row) => asObject<Row>(columns, row));
    });
  }

  get<Row extends object>(sql: string, ...values: SqlParameter[]): Row | undefined {
    return this.#coded(() => {
      const { statement, columns } = this.#prepared(sql);
      const row = statement.get(values.map(bindable)) as unknown[] | undefined;
      return row && asObject<Row>(columns, row);
    });
  }

  run(sql: string, ...values: SqlParameter[]): { changes: number; lastId: number } {
    return this.#coded(() => {
      const result = this.#prepared(sql).statement.run(values.map(bindable));
      return { changes: result.changes, lastId: Number(result.lastInsertRowid) };
    });
  }

  exec(sql: string): void {
    this.#coded(() => this.#database.exec(sql));
  }

  transaction<Result>(work: () => Result): Result {
    if (this.#depth > 0) return work();
    this.exec('BEGIN IMMEDIATE');
    this.#depth++;
    try {
      const result = work();
      this.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some faults, such as a full disk
      if (this.#database.inTransaction) this.exec('ROLLBACK');
      for (const undo of this.#undo.reverse()) undo();
      throw error;
    } finally {
      this.#depth--;
      this.#undo = [];
    }
  }

  onRollback(undo: () => void): void {
    if (this.#depth > 0) this.#undo.push(undo);
  }

  close(): void {
    if (!this.#database.open) return;
    this.#statements.clear();
    this.#database.close();
  }

  #prepared(sql: string): { statement: Database.Statement; columns: string[] } {
    let found = this.#statements.get(sql);
    if (!found) {
      if (this.#statements.size >= MAXIMUM_STATEMENTS) this.#statements.clear();
      const statement = this.#database.prepare(sql);
      const columns = statement.columns().map((column) => column.name);
      // raw: get() would add a property `_metadata` to its row otherwise; only statements with rows know the word
      found = { statement: columns.length > 0 ? statement.raw() : statement, columns };
      this.#statements.set(sql, found);
    }
    return found;
  }

  #coded<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      const coded = StoreError.fromDisk(error, this.#folder);
      this.#onFault(coded.code);
      throw coded;
    }
  }
}

function asObject<Row extends object>(columns: readonly string[], row: readonly unknown[]): Row {
  const object: Record<string, unknown> = {};
  for (let index = 0; index < columns.length; index++) object[columns[index] as string] = row[index];
  return object as Row;
}

/**
 * Opens (or makes) an encrypted database: WAL, every commit on disk before it returns.
 * `key` is 64 hex digits. Throws a StoreError: `damaged` also when the key is not its key. `onFault` is told the code of
 * every error before it is thrown.
 */
export function openDriver(file: string, key: string, onFault: (code: StoreErrorCode) => void): Driver {
  const options = { timeout: 0, encryptionCipher: 'aes256cbc', encryptionKey: key };
  let database: Database.Database;
  try {
    database = new Database(file, options);
  } catch (error) {
    throw StoreError.fromDisk(error, path.dirname(file));
  }
  const driver = new LibsqlDriver(database, path.dirname(file), onFault);
  try {
    driver.get('PRAGMA journal_mode = WAL');
    driver.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY');
    return driver;
  } catch (error) {
    driver.close();
    throw error;
  }
}
