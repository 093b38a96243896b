import { Worker } from 'node:worker_threads';
import type { Driver } from '../driver.ts';
import { StoreError } from '../store-error.ts';

/** `index`: only what can be made again out of the tables; `damaged`: the tables themselves. */
export type Integrity = 'whole' | 'index' | 'damaged';

/** Enough to tell what kind of fault it is; each may be another one. */
const MAXIMUM_FINDINGS = 100;
/** As bytes: a text that is no UTF-8 ends the process inside of libsql. */
const QUERY = `SELECT CAST(integrity_check AS BLOB) AS finding FROM pragma_integrity_check(${MAXIMUM_FINDINGS})`;

const OF_AN_INDEX =
  /^(row \d+ missing from index|wrong # of entries in index|non-unique entry in index|malformed inverted index for FTS5)/;

/**
 * Runs in a thread with a connection of its own: a check reads the whole file, which takes seconds on a large one. As text,
 * as every thread of the core: the bundle is one file. The native library is found from where the core itself found it.
 */
const CODE = `
const { parentPort, workerData } = require('node:worker_threads');
const Database = require('node:module').createRequire(workerData.from)('libsql');
const database = new Database(workerData.file, workerData.options);
try {
  const rows = database.prepare(workerData.query).raw().all([]);
  parentPort.postMessage(rows.map(([finding]) => Buffer.from(finding).toString()));
} finally {
  database.close();
}
`;

export function integrityOf(findings: readonly string[]): Integrity {
  const faults = findings.filter((finding) => finding !== 'ok');
  if (faults.length === 0) return 'whole';
  // a hundred faults of indexes may hide one of a table
  return faults.length < MAXIMUM_FINDINGS && faults.every((fault) => OF_AN_INDEX.test(fault)) ? 'index' : 'damaged';
}

/** Looks at every page and every row, and whether each index agrees with its table. Blocks while it reads the whole file. */
export const integrityNow = (driver: Driver): Integrity =>
  integrityOf(driver.all<{ finding: Uint8Array }>(QUERY).map(({ finding }) => Buffer.from(finding).toString()));

/** The same beside the running core; undefined when it was stopped. Rejects when it could not be found out. */
export function integrityBeside(
  file: string,
  key: string,
): { found: Promise<Integrity | undefined>; stop: () => void } {
  const options = { timeout: 0, encryptionCipher: 'aes256cbc', encryptionKey: key };
  const worker = new Worker(CODE, {
    eval: true,
    workerData: { file, options, query: QUERY, from: import.meta.url },
  });
  worker.unref();
  const found = new Promise<Integrity | undefined>((resolve, reject) => {
    worker.once('message', (findings: string[]) => resolve(integrityOf(findings)));
    worker.once('error', reject);
    worker.once('exit', () => resolve(undefined));
  });
  const stop = (): void => {
    worker.terminate().catch(() => undefined);
  };
  return { found, stop };
}

/** Makes every index again, those of the search too. Throws `damaged` where a table holds twice what must be there once. */
export function makeIndexesAnew(driver: Driver): void {
  try {
    driver.transaction(() => {
      driver.exec('REINDEX');
      for (const index of ['messages_text', 'messages_text_parts'])
        driver.exec(`INSERT INTO ${index} (${index}) VALUES ('rebuild')`);
    });
  } catch (cause) {
    if (StoreError.from(cause).code !== 'constraint') throw cause;
    throw new StoreError('damaged', { detail: 'a table holds a row twice', cause });
  }
}
