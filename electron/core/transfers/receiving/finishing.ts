import { rm } from 'node:fs/promises';
import path from 'node:path';
import { ProviderError } from '../../../../protocols/contract/index.ts';
import { type PartFile, removePart } from '../files/part-file.ts';
import type { TransferLedger } from '../ledger/transfer-ledger.ts';
import type { ReceivingRow } from '../ledger/transfer-row.ts';
import type { TransfersContext } from '../transfers.ts';
import { isPlaced } from './checks.ts';
import type { Parts } from './parts.ts';

/** The last step of what is received: size and hash are checked, and the part gets its name. */
export class Finishing {
  readonly #context: Pick<TransfersContext, 'clock'>;
  readonly #ledger: TransferLedger;
  readonly #parts: Parts;

  constructor(context: Pick<TransfersContext, 'clock'>, ledger: TransferLedger, parts: Parts) {
    this.#context = context;
    this.#ledger = ledger;
    this.#parts = parts;
  }

  /** Leaves a `completed` row. Throws a coded error, `cancelled` where a person was faster. */
  async finish(id: string, part: PartFile, name: string, signal: AbortSignal): Promise<void> {
    const finalPath = await part.finish({
      name,
      modifiedAt: this.#ledger.get(id)?.modifiedAt ?? undefined,
      now: this.#context.clock.now(),
      signal,
      onProgress: (bytes) => this.#ledger.prepared(id, bytes),
      // written before it is done: after a crash it says which file to look for
      announce: (tried) => this.#ledger.amend(id, { path: tried }),
    });
    this.#parts.note(id, null);
    this.#ledger.progress(id, part.bytes);
    const completed = { state: 'completed', endedAt: this.#context.clock.now() } as const;
    if (this.#ledger.move(id, completed, { path: finalPath, size: part.bytes })) return;
    // cancelled while it got its name: what a person cancelled must not lie there
    await rm(finalPath, { force: true });
    throw new ProviderError('cancelled');
  }

  /** After a crash: the file has its name already, or its part can be looked at once more. Resolves to why it cannot. */
  async again(row: ReceivingRow, signal: AbortSignal): Promise<ProviderError | undefined> {
    const { part } = row.side;
    if (row.path !== null && (await isPlaced(row.path, part, row.size))) {
      if (part !== null) await removePart(part);
      this.#parts.note(row.id, null);
      this.#ledger.progress(row.id, row.size ?? 0);
      this.#ledger.move(row.id, { state: 'completed', endedAt: this.#context.clock.now() });
      return undefined;
    }
    const reopened = await this.#parts.reopenWhole(row);
    if (!reopened) return new ProviderError('network');
    const name = path.basename(row.path ?? reopened.path.replace(/\.part$/, ''));
    try {
      await this.finish(row.id, reopened, name, signal);
      return undefined;
    } catch (error) {
      return ProviderError.from(error);
    }
  }
}
