import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import type { Driver } from './driver.ts';
import { keptJson } from './kept-json.ts';
import { KEPT_COPIES, writeWhole } from './profile-files.ts';

/** The small data that no server can give back: with this copy a lost database does not cost the sign-in. */
export const KEPT_TABLES = ['settings', 'accounts', 'account_storage', 'people', 'person_addresses'] as const;

type Rows = Record<string, unknown>[];
export type KeptCopy = Partial<Record<string, Rows>>;

const CIPHER = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;

const keyOf = (key: string): Buffer =>
  Buffer.from(hkdfSync('sha256', Buffer.from(key, 'hex'), Buffer.alloc(0), 'aims kept copy', 32));

/**
 * Writes the copy beside `database`, sealed with the database's key and authenticated, reads it back, and only then gives
 * up the copy before the last. Throws what the disk says.
 */
export function writeKeptCopy(driver: Driver, database: string, key: string): void {
  const tables = Object.fromEntries(KEPT_TABLES.map((table) => [table, driver.all(`SELECT * FROM ${table}`)]));
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(CIPHER, keyOf(key), nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(tables)), cipher.final()]);
  const [last, before] = KEPT_COPIES.map((suffix) => database + suffix) as [string, string];
  const fresh = `${last}-next`;
  writeWhole(fresh, Buffer.concat([nonce, cipher.getAuthTag(), sealed]));
  if (!opened(fresh, key)) throw new Error('the copy of accounts and people reads other than it was written');
  if (opened(last, key)) fs.renameSync(last, before);
  fs.renameSync(fresh, last);
}

/** The newest copy that is whole and was made with this key. */
export function readKeptCopy(database: string, key: string): KeptCopy | undefined {
  for (const suffix of KEPT_COPIES) {
    const text = opened(database + suffix, key);
    if (text) return keptJson<KeptCopy>(text, {});
  }
  return undefined;
}

function opened(file: string, key: string): string | undefined {
  try {
    const bytes = fs.readFileSync(file);
    const decipher = createDecipheriv(CIPHER, keyOf(key), bytes.subarray(0, NONCE));
    decipher.setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
    return Buffer.concat([decipher.update(bytes.subarray(NONCE + TAG)), decipher.final()]).toString();
  } catch {
    // not there, cut short, changed, or of another key
    return undefined;
  }
}
