import { lstat, statfs } from 'node:fs/promises';
import {
  type ByteSink,
  type FileFacts,
  type FileHash,
  type FileOffer,
  type ProtocolTransfer,
  ProviderError,
} from '../../../../protocols/contract/index.ts';
import { strongestHash } from '../files/hash/file-hash.ts';
import type { PartFile } from '../files/part-file.ts';
import { safeName } from '../files/safe-name.ts';
import { RESUMABLE } from '../ledger/resumable.ts';
import type { TransferLedger } from '../ledger/transfer-ledger.ts';
import { isReceiving, type ReceivingRow, type TransferRow } from '../ledger/transfer-row.ts';
import { isFinal } from '../ledger/transfer-stage.ts';

/** Offers of one peer that may wait for an answer; what comes beyond is refused without a word to the person. */
const MAXIMUM_UNANSWERED = 50;

/** Why an offer is not shown; undefined: it is. */
export function refusalOf(
  rows: readonly TransferRow[],
  { file: { size }, peer }: ProtocolTransfer,
): ProviderError | undefined {
  if (size !== undefined && (!Number.isSafeInteger(size) || size < 0)) return new ProviderError('malformed');
  const waiting = rows.filter((row) => row.stage.state === 'offered' && isReceiving(row) && row.route.address === peer);
  return waiting.length >= MAXIMUM_UNANSWERED ? new ProviderError('peer-busy') : undefined;
}

/** Takes the bytes of a file that is whole already: none. */
export const FULL: ByteSink = {
  write: () => Promise.reject(new ProviderError('size-mismatch')),
  close: async () => {},
  abort: async () => {},
};

/** The part as a sink; `count` is called whenever more is in it. */
export function countedSink(part: PartFile, count: () => void): ByteSink {
  const counted = (work: void | Promise<void>): void | Promise<void> => {
    if (work) return work.then(count);
    count();
  };
  return {
    write: (data, position) => counted(part.write(data, position)),
    close: async () => counted(part.close()),
    abort: () => part.abort(),
  };
}

export const hashesOf = ({ file }: ProtocolTransfer): readonly FileHash[] => file.hashes ?? [];

/** Where the disk does not tell, the first write that does not fit will. */
export async function freeBytes(folder: string): Promise<number> {
  const disk = await statfs(folder).catch(() => undefined);
  return disk ? disk.bavail * disk.bsize : Number.POSITIVE_INFINITY;
}

/** Whether the file under its final name is the part that was given it: then the part is gone, or the same file. */
export async function isPlaced(final: string, part: string | null, size: number | null): Promise<boolean> {
  const placed = await lstat(final).catch(() => undefined);
  if (!placed?.isFile() || (size !== null && placed.size !== size)) return false;
  const left = part === null ? undefined : await lstat(part).catch(() => undefined);
  return left === undefined || (left.ino === placed.ino && left.dev === placed.dev);
}

/** Whether this is the content of the row: of one size, by one hash. Without a hash nobody can know. */
export function isSameContent(
  row: Pick<TransferRow, 'size' | 'hashes'>,
  size: number | null,
  hashes: readonly FileHash[],
): boolean {
  const wanted = strongestHash(hashes);
  const had = row.hashes.find(({ algorithm }) => algorithm === wanted?.algorithm);
  return wanted !== undefined && row.size === size && had?.value.toLowerCase() === wanted.value.toLowerCase();
}

/** Whether an offer under a known id may be of the same file: nothing that both say of it differs. */
export const mayBeSame = (row: Pick<TransferRow, 'size' | 'hashes'>, transfer: ProtocolTransfer): boolean =>
  row.size === (transfer.file.size ?? null) &&
  hashesOf(transfer).every(({ algorithm, value }) => {
    const had = row.hashes.find((hash) => hash.algorithm === algorithm);
    return had === undefined || had.value.toLowerCase() === value.toLowerCase();
  });

/** A part that grew until the disk was full goes, and makes room; one that only could not grow again is all the person has. */
export const isWorthKeeping = (code: string, part: PartFile | undefined): boolean =>
  RESUMABLE.has(code) || (code === 'no-space' && !part);

/** What its sender knows the file by. */
export const wantedOf = ({ name, type, size, hashes }: ReceivingRow): FileFacts => ({
  name,
  type,
  size: size ?? undefined,
  hashes,
});

/** Accepted by a person, and known by a hash, so that what comes later is surely the rest of what came before. */
export const canComeAgain = (row: ReceivingRow): boolean =>
  row.side.target !== undefined && row.hashes.length > 0 && !isFinal(row.stage) && row.stage.state !== 'verifying';

/**
 * What the same peer offered before, was lost, and is offered here once more under another id, which it has from now on: a program
 * that had crashed does not know any more how it called it. Same name, size and hash, and no attempt under way.
 */
export function adoptLost(
  ledger: TransferLedger,
  accountId: string,
  { transfer: { peer, file }, key }: FileOffer,
  isLive: (id: string) => boolean,
): ReceivingRow | undefined {
  const name = safeName(file.name);
  const found = ledger
    .all()
    .filter(isReceiving)
    .findLast((row) => {
      const isOpen = row.stage.state === 'offered' || row.stage.state === 'waiting-for-peer';
      const isTheirs = row.route.accountId === accountId && row.route.address === peer;
      const isSame = row.name === name && isSameContent(row, file.size ?? null, file.hashes ?? []);
      return isOpen && isTheirs && isSame && !isLive(row.id);
    });
  if (!found) return undefined;
  const adopted = { ...found, side: { ...found.side, key } };
  ledger.amend(found.id, { side: adopted.side });
  return adopted;
}

/**
 * What waits for the same file of the same peer, which is here now: its sender had crashed and offered it under another id before
 * anybody noticed. They have its path from now on.
 */
export function waitingTwins(ledger: TransferLedger, id: string): readonly string[] {
  const whole = ledger.get(id);
  if (!whole) return [];
  const { path, size, route, name, hashes } = whole;
  const twins = ledger
    .all()
    .filter((row) => isReceiving(row) && row.stage.state === 'waiting-for-peer' && row.name === name)
    .filter((row) => row.route.accountId === route.accountId && row.route.address === route.address)
    .filter((row) => isSameContent(row, size, hashes));
  for (const twin of twins) {
    ledger.amend(twin.id, { path, size });
    ledger.progress(twin.id, size ?? 0);
  }
  return twins.map((twin) => twin.id);
}
