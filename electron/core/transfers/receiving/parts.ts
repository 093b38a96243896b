import path from 'node:path';
import { ProviderError } from '../../../../protocols/contract/index.ts';
import { PartFile, removePart } from '../files/part-file.ts';
import type { TransferLedger } from '../ledger/transfer-ledger.ts';
import { isReceiving, type ReceivingRow } from '../ledger/transfer-row.ts';
import { isFinal } from '../ledger/transfer-stage.ts';
import { freeBytes, isSameContent } from './checks.ts';

/** The most that is taken of a file whose size its offer did not tell. */
const UNKNOWN_SIZE_CEILING = 4 * 1024 ** 3;

/** The `.part` files of what is being received: opened or taken up again, put away with what is in them, and always noted. */
export class Parts {
  readonly #ledger: TransferLedger;
  /** Parts that are just being closed or deleted. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(ledger: TransferLedger) {
    this.#ledger = ledger;
  }

  /** A part to write into, with what an earlier attempt has of the same content. Throws a coded error of the disk. */
  async open(row: ReceivingRow, folder: string, name: string): Promise<PartFile> {
    const facts = factsOf(row);
    // the last attempt may still be putting its part away
    await Promise.all(this.#leaving);
    const earlier = this.#earlier(row, folder);
    const { part: own } = (this.#ledger.get(row.id) as ReceivingRow | undefined)?.side ?? row.side;
    // of what a crash left before anything of it was noted, nobody knows what it is
    if (own !== null && earlier?.id !== row.id) await removePart(own);
    if (earlier) {
      const from = Math.min(earlier.side.runs[0]?.[1] ?? 0, row.size ?? 0);
      // asked before anything is touched: what is there is there still when there is room
      if (row.size !== null && row.size - from > (await freeBytes(folder))) throw new ProviderError('no-space');
      // only one transfer may own it, and a crash now loses a part, not its truth
      this.#ledger.amend(earlier.id, { side: { ...earlier.side, part: null, runs: [] } });
      const part = await PartFile.reopen(earlier.side.part, from, facts);
      if (part) return part;
    }
    const part = await PartFile.create(folder, name, facts);
    if (row.size === null || row.size <= (await freeBytes(folder))) return part;
    await part.discard();
    throw new ProviderError('no-space');
  }

  /** A part that should hold the whole file. Undefined where only a hash could tell and there is none. */
  async reopenWhole(row: ReceivingRow): Promise<PartFile | undefined> {
    const { part } = row.side;
    // after a loss of power a part may have its size and not its content
    if (part === null || row.size === null || row.hashes.length === 0) return undefined;
    return PartFile.reopen(part, row.size, factsOf(row));
  }

  /** Closes a part once nothing completes it any more; keeps it when `keep` and there is something in it. */
  putAway(id: string, part: PartFile, completing: Promise<void> | undefined, keep: boolean): Promise<void> {
    return this.#leave(async () => {
      await completing?.catch(() => {});
      await part.abort();
      if (keep && part.prefix > 0) return this.note(id, part.path, part);
      await part.discard();
      this.note(id, null);
    });
  }

  remove(id: string, part: string): Promise<void> {
    return this.#leave(async () => {
      await removePart(part);
      this.note(id, null);
    });
  }

  /** Writes down which part belongs to a transfer, what is in it, and where the file shall be. */
  note(id: string, part: string | null, file?: PartFile, target?: string): void {
    const row = this.#ledger.get(id);
    if (!row || !isReceiving(row)) return;
    const side = { ...row.side, part, runs: file?.runs ?? [], ...(target === undefined ? {} : { target }) };
    this.#ledger.amend(id, { side });
  }

  /** What is left of the same content from the same peer. Without a hash nobody can know that it is the same. */
  #earlier(row: ReceivingRow, folder: string) {
    for (const other of this.#ledger.all()) {
      if (!isReceiving(other) || other.side.part === null) continue;
      const idle = isFinal(other.stage) || other.stage.state === 'waiting-for-peer';
      if (!idle && other.id !== row.id) continue;
      const same = other.route.address === row.route.address && isSameContent(other, row.size, row.hashes);
      if (same && other.side.runs[0]?.[0] === 0 && path.dirname(other.side.part) === folder) {
        return { id: other.id, side: { ...other.side, part: other.side.part } };
      }
    }
    return undefined;
  }

  #leave(work: () => Promise<void>): Promise<void> {
    const leaving = work().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
    return leaving;
  }
}

const factsOf = (row: ReceivingRow) => ({
  size: row.size ?? undefined,
  hashes: row.hashes,
  ceiling: UNKNOWN_SIZE_CEILING,
});
