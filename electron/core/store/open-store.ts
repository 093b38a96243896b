import fs from 'node:fs';
import path from 'node:path';
import { type Integrity, integrityBeside, integrityNow, makeIndexesAnew } from './damage/integrity.ts';
import { interruptedSalvage, restoreKept, type Salvaged, salvage } from './damage/salvage.ts';
import { type Driver, openDriver } from './driver.ts';
import { writeKeptCopy } from './kept-copy.ts';
import { migrate } from './migrations.ts';
import { ProfileFiles } from './profile-files.ts';
import { atOnce, inTurns, type Steps } from './steps.ts';
import { StoreError, type StoreErrorCode } from './store-error.ts';

/** Left behind by a run that met damage: the next one looks through the whole file before it trusts it. */
const SUSPECT_FILE = 'aims.db.suspect';
/** In that file when damage was met, not only feared. */
const MET = 'met';

const KEEP_SETTING =
  'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value';
const EXAMINED = 'store.examined';
/** In ms. */
const EXAMINED_EVERY = 30 * 24 * 3_600_000;

/** What a person is to know of a start. */
export interface StoreNote {
  code:
    | 'database-set-aside'
    | 'database-salvaged'
    | 'database-salvaged-partly'
    | 'database-other-key'
    | 'database-key-back'
    | 'database-missing'
    | 'database-log-cut';
  /** Where the other database is; of those without one, the time. */
  detail: string;
  saved?: number;
  lost?: number;
}

export interface OpenedStore {
  driver: Driver;
  /** Where the damaged database, or the one of another key, was kept; null when there was none. */
  setAside: string | null;
  notes: readonly StoreNote[];
  /** Everything has been read once: from here on an end without order is no reason to suspect the database. */
  started(): void;
  /** Renews the copy of accounts, settings and people. A disk that takes it not keeps the one before. */
  keepCopy(): void;
  /**
   * After an end without order, and once a month, looks through the whole database beside the running core. Makes indexes
   * anew that disagree with their tables; tells `onFault` of all other damage. Undefined where there was no reason to look.
   */
  examine(): Promise<Integrity | undefined>;
  /** Folds the write-ahead log into the file and closes it. */
  close(): void;
}

/**
 * Opens the profile's database at this program's version. One made with another key is set aside until that key returns;
 * of a damaged one everything readable is carried over into a new one, and it is renamed, never deleted. Throws a
 * StoreError for all else (`newer`, `full`, `unavailable`), and then has changed nothing. `onFault` is told what is met
 * later, `onInvalidText` of each text that is no UTF-8, `onSalvage` that what can be read of a damaged one is being saved.
 */
export const openStore = (...given: OpenStoreWords): OpenedStore => atOnce(openingSteps(...given));

/** The same while the event loop turns: what can be saved of a large damaged database takes minutes. */
export const openStoreInTurns = (signal: AbortSignal | undefined, ...given: OpenStoreWords): Promise<OpenedStore> =>
  inTurns(openingSteps(...given), signal);

type OpenStoreWords = [
  folder: string,
  key: string,
  now: () => number,
  onFault: (code: StoreErrorCode) => void,
  onInvalidText?: () => void,
  onSalvage?: () => void,
];

function* openingSteps(
  ...[folder, key, now, onFault, onInvalidText = () => undefined, onSalvage = () => undefined]: OpenStoreWords
): Steps<OpenedStore> {
  const files = new ProfileFiles(folder);
  const suspect = path.join(folder, SUSPECT_FILE);
  const notes: StoreNote[] = [];
  const at = new Date(now()).toISOString();
  let setAside: string | null = null;
  let opening = true;
  const hasEndedInOrder = files.marked === '';
  let isClosed = false;
  let stopExamining = (): void => undefined;
  const open = (): Driver => {
    const onDriverFault = (code: StoreErrorCode): void => {
      if (opening) return;
      if (code === 'damaged') markSuspect(folder, MET);
      onFault(code);
    };
    const driver = openDriver(files.database, key, onDriverFault, onInvalidText);
    try {
      migrate(driver);
      if (fs.existsSync(suspect)) examine(driver, fs.readFileSync(suspect, 'utf8'));
      return driver;
    } catch (error) {
      driver.close();
      throw error;
    }
  };
  function* rescue(place: string): Steps<void> {
    onSalvage();
    yield;
    const salvaged = yield* salvage(files, key, place, now());
    fs.rmSync(suspect, { force: true });
    setAside = place;
    notes.push(noteOf(salvaged, place));
  }

  // before SQLite opens anything: with a log left by a kill, opening alone mangles what the right key could still read
  if (files.printOf(key) === 'other') {
    setAside = files.setOtherKeyAside(now());
    if (files.takeBack(key)) notes.push({ code: 'database-key-back', detail: setAside });
    else notes.push({ code: 'database-other-key', detail: setAside });
  }
  const interrupted = interruptedSalvage(files);
  if (interrupted !== undefined) yield* rescue(interrupted);
  const isMissing = files.isMissing();
  if (isMissing) {
    files.setDamagedAside(files.freeName('damaged', now()));
    notes.push({ code: 'database-missing', detail: at });
  }
  const isLogCut = files.isLogCut();
  if (isLogCut) notes.push({ code: 'database-log-cut', detail: at });
  // the run before died while it read everything for the first time: that may be why
  if (files.marked === 'starting' && !fs.existsSync(suspect)) markSuspect(folder, '');
  files.mark('starting');
  let driver: Driver;
  try {
    driver = open();
  } catch (error) {
    if (StoreError.from(error).code !== 'damaged') {
      files.unmark();
      throw error;
    }
    yield* rescue(files.freeName('damaged', now()));
    files.mark('starting');
    driver = open();
  }
  // what was in a lost log may be in the copy, which is renewed at each change of an account
  if (isMissing || isLogCut) restoreKept(driver, files, key);
  files.writePrint(key);
  fs.rmSync(suspect, { force: true });
  opening = false;
  return {
    driver,
    setAside,
    notes,
    started: () => {
      // the log holds something from here on, so that an empty one tells that it was cut
      try {
        driver.run(KEEP_SETTING, 'store.opened', String(now()));
      } catch (error) {
        if (StoreError.from(error).code === 'damaged') throw error;
        files.unmark(); // no room: nothing can be told of the log then
        return;
      }
      files.mark('started');
    },
    keepCopy: () => {
      try {
        writeKeptCopy(driver, files.database, key);
      } catch (error) {
        if (error instanceof StoreError) throw error;
        // no room: the copy before is still there
      }
    },
    examine: async () => {
      const before = driver.get<{ value: string }>('SELECT value FROM settings WHERE key = ?', EXAMINED)?.value;
      const isDue = before !== undefined && now() - Number(before) > EXAMINED_EVERY;
      if (hasEndedInOrder && !isDue) {
        if (before === undefined) driver.run(KEEP_SETTING, EXAMINED, String(now()));
        return undefined;
      }
      const { found, stop } = integrityBeside(files.database, key);
      stopExamining = stop;
      const integrity = await found;
      if (isClosed || integrity === undefined) return undefined;
      if (integrity === 'damaged' || (integrity === 'index' && !mended(driver))) {
        markSuspect(folder, MET);
        onFault('damaged');
        return 'damaged';
      }
      driver.run(KEEP_SETTING, EXAMINED, String(now()));
      return integrity;
    },
    close: () => {
      isClosed = true;
      stopExamining();
      foldAndClose(driver);
      files.unmark();
    },
  };
}

function noteOf({ messages, lost, isWhole, isEmpty }: Salvaged, place: string): StoreNote {
  // where no message could be reached, how many were lost cannot be told either
  const isUnknown = !isWhole && messages === 0 && lost === 0;
  if (isEmpty || isUnknown) return { code: 'database-set-aside', detail: place };
  return { code: isWhole ? 'database-salvaged' : 'database-salvaged-partly', detail: place, saved: messages, lost };
}

function foldAndClose(driver: Driver): void {
  try {
    // statements stay open until they are collected, and SQLite folds its log in only when the last one has gone
    driver.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // no room: what is in the log stays there for the next start
  }
  driver.close();
}

function mended(driver: Driver): boolean {
  try {
    makeIndexesAnew(driver);
    return true;
  } catch (error) {
    if (StoreError.from(error).code === 'damaged') return false;
    throw error;
  }
}

/** Makes the next start examine the whole database. */
function markSuspect(folder: string, why: string): void {
  try {
    fs.writeFileSync(path.join(folder, SUSPECT_FILE), why);
  } catch {
    // a disk that takes no more: the damage will be met, and this tried, again
  }
}

function examine(driver: Driver, why: string): void {
  // the check looks at how pages hang together, not into every row: it may pass where a row was met that does not read
  if (why === MET) throw new StoreError('damaged', { detail: 'met while it was in use' });
  if (integrityNow(driver) === 'damaged') throw new StoreError('damaged', { detail: 'found by the check' });
  // a row that an index does not know reads as if it were not there
  makeIndexesAnew(driver);
}
