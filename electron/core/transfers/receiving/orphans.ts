import { lstat, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { isThatName } from '../files/safe-name.ts';
import { isReceiving, type TransferRow } from '../ledger/transfer-row.ts';
import { isFinal } from '../ledger/transfer-stage.ts';

/** Nothing younger is touched, in ms: a person may still look for it. */
const AGE = 24 * 3_600_000;
const EXTENSION = '.part';

/**
 * Deletes parts that earlier versions left beside received files, and that no transfer has. Other programs have files of such
 * names, too: only one that is called as a file that was received into that folder, was written last while that was being
 * received, and not since yesterday, is certainly ours.
 */
export async function removeOrphans(rows: readonly TransferRow[], now: number): Promise<void> {
  const owned = new Set(rows.flatMap((row) => (isReceiving(row) && row.side.part !== null ? [row.side.part] : [])));
  const received = rows.flatMap((row) => {
    const place = row.path ?? (isReceiving(row) ? row.side.target : undefined);
    if (!isReceiving(row) || !isFinal(row.stage) || place === undefined) return [];
    const { createdAt, stage } = row;
    return [
      { folder: path.dirname(place), names: [row.name, path.basename(place)], from: createdAt, to: stage.endedAt },
    ];
  });
  for (const folder of new Set(received.map((one) => one.folder))) {
    // a disk that is not there now has nothing to tidy
    const names = await readdir(folder).catch((): string[] => []);
    for (const name of names.filter((one) => one.endsWith(EXTENSION))) {
      const file = path.join(folder, name);
      const found = await lstat(file).catch(() => undefined);
      if (!found?.isFile() || owned.has(file) || now - found.mtimeMs < AGE) continue;
      const isOurs = received.some(
        (one) =>
          one.folder === folder &&
          found.mtimeMs >= one.from &&
          found.mtimeMs <= one.to &&
          one.names.some((known) => isThatName(name.slice(0, -EXTENSION.length), known)),
      );
      if (isOurs) await rm(file, { force: true }).catch(() => {});
    }
  }
}
