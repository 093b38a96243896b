import fs from 'node:fs';
import path from 'node:path';
import Database from 'libsql';
import { CommandError, refuse } from '../../contract/index.ts';
import { isNoRoom } from './disk-room.ts';
import { StoreError } from './store-error.ts';

/** Held as long as the profile is in use; the system lets go of it whichever way the process ends. */
export interface ProfileLock {
  release(): void;
}

/** Makes the profile folder where there is none. Refuses with `profile-folder`, and the place, where it may not be. */
export function makeProfileFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (cause) {
    if (isNoRoom(cause)) throw cause;
    // its last part is what the help desk looks for
    throw new CommandError({ code: 'profile-folder', protocolCode: folder.slice(-200), retryable: true }, { cause });
  }
}

/** Not by `recursive`: Node 20 turns for ever where a folder that is there answers ENOENT, as `/proc` does. */
function makeFolder(folder: string): void {
  if (fs.existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  fs.mkdirSync(folder, { mode: 0o700 });
}

/**
 * Takes the profile folder for this process, or refuses with `profile-in-use`. Node has no file locks of its own;
 * SQLite's on an empty database are the system's, on all three systems, and die with the process, also by kill -9.
 */
export function lockProfile(folder: string): ProfileLock {
  const file = path.join(folder, 'profile.lock');
  try {
    return take(file);
  } catch (error) {
    if (StoreError.from(error).code !== 'damaged') throw error;
    // somebody wrote into it; nothing of ours ever is in there
    fs.rmSync(file);
    return take(file);
  }
}

function take(file: string): ProfileLock {
  let database: Database.Database | undefined;
  try {
    database = new Database(file);
    database.exec('BEGIN EXCLUSIVE');
    const held = database;
    return { release: () => held.close() };
  } catch (error) {
    database?.close();
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') {
      throw refuse('profile-in-use', { cause: error });
    }
    throw StoreError.fromDisk(error, path.dirname(file));
  }
}
