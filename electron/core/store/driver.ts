import { isUtf8 } from 'node:buffer';
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

/** What can stand inside of another query. */
const QUERY = /^\s*(SELECT|WITH)\b/i;
const REPLACEMENT = '\u{FFFD}';

interface Prepared {
  statement: Database.Statement;
  columns: readonly string[];
  /** Texts come as bytes, and one number more than there are columns. */
  asBytes: boolean;
}

type Bound = string | number | null | Uint8Array;

/** Everything libsql 0.5 gets wrong with a parameter, put right before it gets there. */
function bindable(value: SqlParameter): Bound {
  // a boolean panics in its Rust half and takes the process along; undefined is an error or NULL, as it likes
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === undefined) return null;
  // text with NUL is stored whole but cut there when read
  if (typeof value === 'string') return value.includes(NUL) ? value.replaceAll(NUL, REPLACEMENT) : value;
  return value;
}

class LibsqlDriver implements Driver {
  readonly #database: Database.Database;
  readonly #folder: string;
  // prepare() is dear in memory until the event loop turns: each text is prepared once
  readonly #statements = new Map<string, Prepared>();
  readonly #onInvalidText: () => void;
  readonly #onFault: (code: StoreErrorCode) => void;
  #depth = 0;
  #undo: (() => void)[] = [];

  constructor(
    database: Database.Database,
    folder: string,
    onFault: (code: StoreErrorCode) => void,
    onInvalidText: () => void,
  ) {
    this.#database = database;
    this.#onInvalidText = onInvalidText;
    this.#folder = folder;
    this.#onFault = onFault;
  }

  all<Row extends object>(sql: string, ...values: SqlParameter[]): Row[] {
    return this.#coded(() => {
      const prepared = this.#prepared(sql);
      const rows = prepared.statement.all(values.map(bindable)) as unknown[][];
      return rows.map((row) => this.#asObject<Row>(prepared, row));
    });
  }

  get<Row extends object>(sql: string, ...values: SqlParameter[]): Row | undefined {
    return this.#coded(() => {
      const prepared = this.#prepared(sql);
      const row = prepared.statement.get(values.map(bindable)) as unknown[] | undefined;
      return row && this.#asObject<Row>(prepared, row);
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

  #prepared(sql: string): Prepared {
    let found = this.#statements.get(sql);
    if (!found) {
      if (this.#statements.size >= MAXIMUM_STATEMENTS) this.#statements.clear();
      const plain = this.#database.prepare(sql);
      const columns = plain.columns().map((column) => column.name);
      const asBytes = columns.length > 0 && QUERY.test(sql);
      const statement = asBytes ? this.#database.prepare(withTextAsBytes(sql, columns.length)) : plain;
      // raw: get() would add a property `_metadata` to its row otherwise; only statements with rows know the word
      found = { statement: columns.length > 0 ? statement.raw() : statement, columns, asBytes };
      this.#statements.set(sql, found);
    }
    return found;
  }

  #asObject<Row extends object>({ columns, asBytes }: Prepared, row: readonly unknown[]): Row {
    const object: Record<string, unknown> = {};
    const blobs = asBytes ? BigInt(row[columns.length] as number) : 0n;
    for (let index = 0; index < columns.length; index++) {
      const value = row[index];
      const isText = asBytes && value instanceof Uint8Array && ((blobs >> BigInt(index)) & 1n) === 0n;
      object[columns[index] as string] = isText ? this.#decoded(value) : value;
    }
    return object as Row;
  }

  /** Invalid bytes, which a damaged disk leaves, become U+FFFD: the rest of the text is still worth reading. */
  #decoded(bytes: Uint8Array): string {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
    if (text.includes(REPLACEMENT) && !isUtf8(bytes)) this.#onInvalidText();
    return text;
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

/**
 * The same query with each text as its bytes, and after the columns which of them were blobs anyway, as bits. A text
 * that is no UTF-8 ends the whole process inside of libsql 0.5, whatever catches it.
 */
function withTextAsBytes(sql: string, count: number): string {
  const names = Array.from({ length: count }, (_, index) => `c${index}`);
  const values = names.map((name) => `iif(typeof(${name}) = 'text', CAST(${name} AS BLOB), ${name})`);
  const blobs = names.map((name, index) => `((typeof(${name}) = 'blob') << ${index})`).join(' | ');
  return `WITH read_rows (${names.join(', ')}) AS (${sql}) SELECT ${values.join(', ')}, ${blobs} FROM read_rows`;
}

/**
 * Opens (or makes) an encrypted database: WAL, every commit on disk before it returns.
 * `key` is 64 hex digits. Throws a StoreError: `damaged` also when the key is not its key. `onFault` is told the code of
 * every error before it is thrown; `onInvalidText` of each text that was read and is no UTF-8.
 */
export function openDriver(
  file: string,
  key: string,
  onFault: (code: StoreErrorCode) => void,
  onInvalidText: () => void = () => undefined,
): Driver {
  const options = { timeout: 0, encryptionCipher: 'aes256cbc', encryptionKey: key };
  let database: Database.Database;
  try {
    database = new Database(file, options);
  } catch (error) {
    throw StoreError.fromDisk(error, path.dirname(file));
  }
  const driver = new LibsqlDriver(database, path.dirname(file), onFault, onInvalidText);
  try {
    driver.get('PRAGMA journal_mode = WAL');
    driver.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY');
    return driver;
  } catch (error) {
    driver.close();
    throw error;
  }
}
