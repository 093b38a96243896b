import { CommandError } from '../../contract/index.ts';
import { hasRoom } from './disk-room.ts';

/**
 * `damaged`: not a database, not with this key, or broken inside. `newer`: written by a later version of the program.
 * `full`: no room on the disk. `unavailable`: the disk or its permissions. `constraint` and `internal` are our own bugs.
 */
export type StoreErrorCode = 'damaged' | 'newer' | 'full' | 'unavailable' | 'constraint' | 'internal';

const CODES: readonly (readonly [RegExp, StoreErrorCode])[] = [
  [/^SQLITE_(NOTADB|CORRUPT)/, 'damaged'],
  [/^SQLITE_FULL/, 'full'],
  [/^SQLITE_(IOERR|CANTOPEN|READONLY|PERM|BUSY|LOCKED)/, 'unavailable'],
  [/^SQLITE_CONSTRAINT/, 'constraint'],
];

/** The one error of the store. Never carries a value that was bound. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, options: { detail?: string; cause?: unknown } = {}) {
    super(options.detail ? `${code}: ${options.detail}` : code, { cause: options.cause });
    this.name = 'StoreError';
    this.code = code;
  }

  static from(error: unknown): StoreError {
    if (error instanceof StoreError) return error;
    // what the person's own code throws inside of a transaction never comes through here
    const name = error instanceof Error && 'code' in error ? String(error.code) : '';
    const detail = error instanceof Error ? error.message : String(error);
    // libsql reports a file it cannot open without a code, as text ending in SQLite's number 14
    if (/ConnectionFailed/.test(detail)) return new StoreError('unavailable', { detail, cause: error });
    const code = CODES.find(([pattern]) => pattern.test(name))?.[1] ?? 'internal';
    return new StoreError(code, { detail: `${name} ${detail}`, cause: error });
  }

  /**
   * The same for a database in `folder`. SQLite calls only ENOSPC full: a spent quota, or no room for the memory its
   * processes share, is to it a disk like a broken one.
   */
  static fromDisk(error: unknown, folder: string): StoreError {
    const coded = StoreError.from(error);
    if (coded.code !== 'unavailable' || hasRoom(folder)) return coded;
    return new StoreError('full', { detail: coded.message, cause: error });
  }

  /** As it crosses to a window. */
  toFault(): CommandError {
    switch (this.code) {
      case 'full':
        return new CommandError({ code: 'no-space', retryable: true }, { cause: this });
      case 'newer':
        return new CommandError({ code: 'database-newer', retryable: false }, { cause: this });
      case 'unavailable':
        return new CommandError({ code: 'database-unavailable', retryable: true }, { cause: this });
      case 'damaged':
      case 'constraint':
      case 'internal':
        return new CommandError({ code: 'internal', retryable: false }, { cause: this });
    }
  }
}
