import fs from 'node:fs/promises';
import path from 'node:path';
import { ProviderError } from '../../../../protocols/contract/index.ts';
import { errnoOf } from './disk-error.ts';
import { numberedName } from './safe-name.ts';

const MAXIMUM_NAMES = 999;
/** What file systems without hard links answer: FAT, exFAT, some network disks; on Windows in several words. */
const NO_LINKS: ReadonlySet<string> = new Set([
  'EISDIR',
  'UNKNOWN',
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
  'EACCES',
]);

/** A folder with all above it. Node's own recursive one never returns where a folder may not be made (/proc). */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await fs.mkdir(folder);
  } catch (cause) {
    // there already, or made by somebody else just now; of a drive's root Windows says EPERM
    if (await isFolder(folder)) return;
    const above = path.dirname(folder);
    if (errnoOf(cause) !== 'ENOENT' || above === folder || (await isFolder(above))) throw cause;
    await makeFolder(above);
    await makeFolder(folder);
  }
}

const isThere = async (file: string): Promise<boolean> => (await fs.lstat(file).catch(() => undefined)) !== undefined;

const isFolder = async (folder: string): Promise<boolean> =>
  (await fs.stat(folder).catch(() => undefined))?.isDirectory() ?? false;

/** The account of parts. */
export interface PartBook {
  /** Told each path just before it is tried, so that no crash leaves a part of which nothing is written down. */
  announce(path: string): void;
  /** Whether a path belongs to a transfer, be there a file or not. */
  isOwned(path: string): boolean;
}

/**
 * Opens a new, empty file beside the wished name: `report.pdf.part`, `report (2).pdf.part`, … Never one that was there.
 * Rejects with the system's error, or `name-refused` when no name is free.
 */
export async function openPart(
  folder: string,
  name: string,
  book?: PartBook,
): Promise<{ path: string; handle: fs.FileHandle }> {
  for (let attempt = 1; attempt <= MAXIMUM_NAMES; attempt++) {
    const part = path.join(folder, `${numberedName(name, attempt)}.part`);
    if (book?.isOwned(part) || (await isThere(part))) continue;
    book?.announce(part);
    try {
      return { path: part, handle: await fs.open(part, 'wx+') };
    } catch (cause) {
      if (errnoOf(cause) !== 'EEXIST') throw cause;
    }
  }
  throw new ProviderError('name-refused', { detail: 'no free name' });
}

/**
 * Gives a whole file its final name in `folder`, never in place of another one, in one step that a crash cannot halve.
 * `announce` is told each path just before it is tried. Resolves to the path.
 */
export async function placeFile(
  part: string,
  folder: string,
  name: string,
  announce: (path: string) => void,
): Promise<string> {
  for (let attempt = 1; attempt <= MAXIMUM_NAMES; attempt++) {
    const final = path.join(folder, numberedName(name, attempt));
    try {
      await fs.lstat(final);
      continue;
    } catch (cause) {
      if (errnoOf(cause) !== 'ENOENT') throw cause;
    }
    announce(final);
    try {
      // rename() would replace a file that came there meanwhile; link() refuses, on every system
      await fs.link(part, final);
    } catch (cause) {
      if (errnoOf(cause) === 'EEXIST') continue;
      if (!NO_LINKS.has(errnoOf(cause))) throw cause;
      // the name was free a moment ago; nothing else can be asked for there
      await fs.rename(part, final);
      await syncFolder(folder);
      return final;
    }
    await fs.unlink(part).catch(() => {
      // the file is there and whole: a second name of it is all that remains
    });
    await syncFolder(folder);
    return final;
  }
  throw new ProviderError('name-refused', { detail: 'no free name' });
}

/** So that the name itself survives a loss of power. Windows has no such call and keeps names in its journal. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await fs.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // the content is on disk already; a folder that cannot be synchronised is synchronised by the system in its time
  }
}
