import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type CoreLaunch, refuse, type ShellSide } from '../../contract/index.ts';
import { isNoRoom } from './disk-room.ts';
import { DATABASE_FILE } from './profile-files.ts';

const SECRET = 'database-key';
const KEY_FILE = 'database.key';
const KEY = /^[0-9a-f]{64}$/;

const newKey = (): string => randomBytes(32).toString('hex');

/**
 * The key of this profile's database: from the system's password store, else from a file that only this user may read.
 * Made when there is none. Refuses with `secrets-locked` while the store does not answer, and with `profile-sealed` when
 * the key is in a store that is not to be had here: in both, what is on disk stays as it is.
 */
export async function databaseKey(
  launch: Pick<CoreLaunch, 'folder' | 'secretStore'>,
  shell: Pick<ShellSide, 'readSecret' | 'writeSecret'>,
): Promise<string> {
  const file = path.join(launch.folder, KEY_FILE);
  // a profile that began without a password store stays readable when one comes, and when it goes again
  const fromFile = readKeyFile(file);
  if (fromFile !== undefined) return fromFile;
  if (launch.secretStore === 'none') {
    if (fs.existsSync(path.join(launch.folder, DATABASE_FILE))) throw refuse('profile-sealed');
    const key = newKey();
    writeKeyFile(file, key);
    return key;
  }
  try {
    const kept = await shell.readSecret(SECRET);
    if (kept !== undefined && KEY.test(kept)) return kept;
    // written before a database is made with it: a kill in between loses nothing
    const key = newKey();
    await shell.writeSecret(SECRET, key);
    return key;
  } catch (cause) {
    if (isNoRoom(cause)) throw cause;
    throw refuse('secrets-locked', { cause, retryable: true });
  }
}

function readKeyFile(file: string): string | undefined {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw refuse('secrets-locked', { cause: error, retryable: true });
  }
  // a file that holds no key opens nothing; the database is then set aside like one with a wrong key
  return KEY.test(text) ? text : replaceKeyFile(file);
}

function replaceKeyFile(file: string): string {
  fs.renameSync(file, `${file}.unreadable`);
  const key = newKey();
  writeKeyFile(file, key);
  return key;
}

function writeKeyFile(file: string, key: string): void {
  const handle = fs.openSync(file, 'wx', 0o600);
  try {
    fs.writeSync(handle, `${key}\n`);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
