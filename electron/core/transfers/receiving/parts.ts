import path from 'node:path';
import { ProviderError } from '../../../../protocols/contract/index.ts';
import { isRegularFile, PartFile, removePart } from '../files/part-file.ts';
import { RESUMABLE } from '../ledger/resumable.ts';
import type { TransferLedger } from '../ledger/transfer-ledger.ts';
import { isReceiving, type ReceivingRow, type TransferRow } from '../ledger/transfer-row.ts';
import { isFinal } from '../ledger/transfer-stage.ts';
import { freeBytes, isSameContent } from './checks.ts';
import { removeOrphans } from './orphans.ts';

/** The most that is taken of a file whose size its offer did not tell. */
const UNKNOWN_SIZE_CEILING = 4 * 1024 ** 3;

/** An attempt that a person has said yes to. */
export interface Opened {
  readonly abort: AbortController;
  /** Where the file shall be, absolute. */
  readonly target: string;
  /** Once it is open; from then on it is to be put away. */
  part?: PartFile;
}

/**
 * The `.part` files of what is being received: opened or taken up again, put away with what is in them, and always noted.
 *
 * A part belongs to exactly one row at every moment, whenever a kill comes: its path is in the row before the file is made, goes
 * from one row to another in one transaction, and leaves the row after the file is gone. So at a start each row tells what
 * is to be done with its part, and what has no row is nothing of ours, or was left by an earlier version.
 */
export class Parts {
  readonly #ledger: TransferLedger;
  /** Parts that are just being closed or deleted. */
  readonly #leaving = new Set<Promise<void>>();
  #opening: Promise<unknown> = Promise.resolve();

  constructor(ledger: TransferLedger) {
    this.#ledger = ledger;
  }

  /** Before anything comes: what is gone is noted, what no transfer wants any more is deleted. `now`: ms since the epoch. */
  async settle(now: number): Promise<void> {
    for (const { id, side, stage, hashes } of this.#ledger.all().filter(isReceiving)) {
      if (side.part === null) continue;
      const isKept =
        !isFinal(stage) ||
        (stage.state === 'failed' &&
          (RESUMABLE.has(stage.fault.code) || stage.fault.code === 'no-space') &&
          hashes.length > 0 &&
          side.runs[0]?.[0] === 0);
      if (!isKept) await this.remove(id, side.part);
      else if (!(await isRegularFile(side.part))) this.note(id, null);
    }
    for (const { id, part } of this.#ledger.rows.forgottenParts()) {
      await removePart(part);
      this.#ledger.rows.forgetPart(id);
    }
    await removeOrphans(this.#ledger.all(), now);
  }

  /**
   * A part to write into, with what an earlier attempt has of the same content. One after the other: two attempts at the same
   * transfer must not meet in one part. Throws a coded error of the disk, `cancelled` once it is aborted.
   */
  open(row: ReceivingRow, attempt: Opened): Promise<PartFile> {
    const {
      target,
      abort: { signal },
    } = attempt;
    const opened = this.#opening.then(async () => {
      // the last attempt may still be putting its part away
      while (this.#leaving.size > 0) await Promise.all(this.#leaving);
      if (signal.aborted) throw new ProviderError('cancelled');
      const part = await this.#open(row, target);
      part.onWritten = () => this.#ledger.kept(row.id, part.runs);
      this.note(row.id, part.path, part, target);
      if (!signal.aborted) {
        attempt.part = part;
        return part;
      }
      const stage = this.#ledger.get(row.id)?.stage;
      await this.putAway(row.id, part, undefined, stage !== undefined && (!isFinal(stage) || stage.state === 'failed'));
      throw new ProviderError('cancelled');
    });
    this.#opening = opened.catch(() => {});
    return opened;
  }

  async #open(row: ReceivingRow, target: string): Promise<PartFile> {
    const facts = factsOf(row);
    const folder = path.dirname(target);
    const earlier = this.#earlier(row, folder);
    const { part: own } = (this.#ledger.get(row.id) as ReceivingRow | undefined)?.side ?? row.side;
    // of what a crash left before anything of it was noted, nobody knows what it is
    if (own !== null && earlier?.id !== row.id) await this.#delete(row.id, own);
    if (earlier) {
      const from = Math.min(earlier.side.runs[0]?.[1] ?? 0, row.size ?? 0);
      // asked before anything is touched: what is there is there still when there is room
      if (row.size !== null && row.size - from > (await freeBytes(folder))) throw new ProviderError('no-space');
      this.#handOver(earlier, row.id, from);
      const part = await PartFile.reopen(earlier.side.part, from, facts);
      if (part) return part;
      if (await isRegularFile(earlier.side.part)) await this.#delete(row.id, earlier.side.part);
    }
    const part = await this.#create(row.id, target, facts);
    if (row.size === null || row.size <= (await freeBytes(folder))) return part;
    await part.discard();
    this.note(row.id, null);
    throw new ProviderError('no-space');
  }

  async #create(id: string, target: string, facts: ReturnType<typeof factsOf>): Promise<PartFile> {
    const isOthers = (file: string): boolean =>
      this.#ledger.all().some((row) => isReceiving(row) && row.id !== id && row.side.part === file);
    try {
      return await PartFile.create(path.dirname(target), path.basename(target), facts, {
        announce: (file) => this.note(id, file),
        isOwned: isOthers,
      });
    } catch (error) {
      this.note(id, null);
      throw error;
    }
  }

  /** From one row to the other in one step. */
  #handOver(earlier: { id: string; side: ReceivingRow['side'] & { part: string } }, id: string, from: number): void {
    const row = this.#ledger.get(id);
    if (earlier.id === id || !row || !isReceiving(row)) return;
    this.#ledger.amendTogether([
      [earlier.id, { side: { ...earlier.side, part: null, runs: [] } }],
      [id, { side: { ...row.side, part: earlier.side.part, runs: from > 0 ? [[0, from]] : [] } }],
    ]);
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
      if (keep && part.prefix > 0) return this.#noteOwn(id, part.path, part);
      await part.discard();
      this.#noteOwn(id, null, part);
    });
  }

  remove(id: string, part: string): Promise<void> {
    return this.#leave(() => this.#delete(id, part));
  }

  async #delete(id: string, part: string): Promise<void> {
    await removePart(part);
    this.note(id, null);
  }

  /** What became of a part that is put away, unless its row has gone on with another one. */
  #noteOwn(id: string, path: string | null, file: PartFile): void {
    const row = this.#ledger.get(id);
    if (row && isReceiving(row) && row.side.part === file.path) this.note(id, path, path === null ? undefined : file);
  }

  /** Writes down which part belongs to a transfer, what is in it, and where the file shall be. */
  note(id: string, part: string | null, file?: PartFile, target?: string): void {
    const row = this.#ledger.get(id);
    if (!row || !isReceiving(row)) return;
    const side = { ...row.side, part, runs: file ? [...file.runs] : [], ...(target === undefined ? {} : { target }) };
    this.#ledger.amend(id, { side });
  }

  /** What is left of the same content from the same peer. Without a hash nobody can know that it is the same. */
  #earlier(row: ReceivingRow, folder: string) {
    for (const other of this.#ledger.all()) {
      if (!isReceiving(other) || other.side.part === null) continue;
      if (other.id !== row.id && !isIdle(other)) continue;
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

const isIdle = ({ stage }: TransferRow): boolean => isFinal(stage) || stage.state === 'waiting-for-peer';

const factsOf = (row: ReceivingRow) => ({
  size: row.size ?? undefined,
  hashes: row.hashes,
  ceiling: UNKNOWN_SIZE_CEILING,
});
