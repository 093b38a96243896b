import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type CoreLaunch, type Protection, refuse, type ShellSide } from '../../../contract/index.ts';
import { isNoRoom } from '../disk-room.ts';
import { DATABASE_FILE } from '../profile-files.ts';
import { isSealed, readSealed, unsealKey } from './sealed-key.ts';

const SECRET = 'database-key';
const KEY_FILE = 'database.key';
const KEY = /^[0-9a-f]{64}$/;

const newKey = (): string => randomBytes(32).toString('hex');
const keyFile = (folder: string): string => path.join(folder, KEY_FILE);

export type KeyPlace = Pick<CoreLaunch, 'folder' | 'secretStore'>;
export type KeyShell = Pick<ShellSide, 'readSecret' | 'writeSecret' | 'heldKey' | 'holdKey'>;

/** 64 hexadecimal digits, and what keeps them from a reader of the files. */
export interface DatabaseKey {
  key: string;
  protection: Protection;
}

/**
 * The key of this profile's database: opened by a passphrase where there is one, else from the system's password store,
 * else from a file that only this user may read. Made when there is none. Refuses with `passphrase-needed`,
 * `passphrase-wrong` and `key-damaged`, with `secrets-locked` while the store does not answer, and with `profile-sealed`
 * when the key is in a store that is not to be had here: in all of them, what is on disk stays as it is.
 */
export async function databaseKey(place: KeyPlace, shell: KeyShell, passphrase?: string): Promise<DatabaseKey> {
  const { folder, secretStore } = place;
  if (isSealed(folder)) return { key: await sealedKey(folder, shell, passphrase), protection: 'passphrase' };
  // a profile that began without a password store stays readable when one comes, and when it goes again
  const fromFile = readKeyFile(keyFile(folder));
  if (fromFile !== undefined) return { key: fromFile, protection: 'none' };
  if (secretStore === 'none') {
    if (fs.existsSync(path.join(folder, DATABASE_FILE))) throw refuse('profile-sealed');
    const key = newKey();
    writeKeyFile(folder, key);
    return { key, protection: 'none' };
  }
  return { key: await storedKey(shell), protection: 'system' };
}

async function sealedKey(folder: string, shell: KeyShell, passphrase: string | undefined): Promise<string> {
  let key: string;
  if (passphrase === undefined) {
    readSealed(folder);
    // of the run that this one follows after a death: the person is not asked again
    const held = await shell.heldKey();
    if (held === undefined || !KEY.test(held)) throw refuse('passphrase-needed', { retryable: true });
    key = held;
  } else {
    key = await unsealKey(folder, passphrase);
    await shell.holdKey(key);
  }
  // a kill between sealing and removing leaves both
  removeKeyFile(folder);
  return key;
}

async function storedKey(shell: KeyShell): Promise<string> {
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

/** Puts the key where it is without a passphrase. */
export async function keepUnsealed(
  { folder, secretStore }: KeyPlace,
  shell: KeyShell,
  key: string,
): Promise<Protection> {
  if (secretStore === 'system') {
    await shell.writeSecret(SECRET, key);
    return 'system';
  }
  removeKeyFile(folder);
  writeKeyFile(folder, key);
  return 'none';
}

/** Overwrites the key before its file goes. What a disk keeps of overwritten blocks is out of reach from here. */
export function removeKeyFile(folder: string): void {
  const file = keyFile(folder);
  if (!fs.existsSync(file)) return;
  const handle = fs.openSync(file, 'r+');
  try {
    fs.writeSync(handle, Buffer.alloc(fs.fstatSync(handle).size));
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.rmSync(file);
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
  writeKeyFile(path.dirname(file), key);
  return key;
}

function writeKeyFile(folder: string, key: string): void {
  const handle = fs.openSync(keyFile(folder), 'wx', 0o600);
  try {
    fs.writeSync(handle, `${key}\n`);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
