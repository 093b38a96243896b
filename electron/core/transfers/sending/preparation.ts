import { randomUUID } from 'node:crypto';
import { ProviderError } from '../../../../protocols/contract/index.ts';
import { unawaited } from '../../../../protocols/contract/unawaited.ts';
import type { ShellSide } from '../../../contract/index.ts';
import { type SourceStamp, sameStamp, stampOf } from '../files/file-source.ts';
import { hashFile } from '../files/hash/file-hash.ts';
import { iconUrl } from '../files/icon-url.ts';
import type { TransferLedger } from '../ledger/transfer-ledger.ts';
import { isSending, type SendingRow } from '../ledger/transfer-row.ts';
import type { TransfersContext } from '../transfers.ts';

/** An offer does not wait longer than this for its picture. */
const PICTURE_TIMEOUT = 5_000;

type Facts = Pick<SendingRow, 'hashes' | 'modifiedAt' | 'icon' | 'side'>;

/**
 * Takes the facts of the file that its offer will carry, unless they are known and still true. `maximum`: what its route takes,
 * in bytes, where that is known; a larger file is not read first to be refused then.
 */
export async function prepare(
  { shell, clock }: Pick<TransfersContext, 'shell' | 'clock'>,
  ledger: TransferLedger,
  id: string,
  { signal, maximum }: { signal: AbortSignal; maximum: number | undefined },
): Promise<void> {
  const row = ledger.get(id);
  if (!row || !isSending(row)) return;
  const stamp = await stampOf(row.side.source);
  if (signal.aborted) return;
  if (row.side.stamp && row.hashes.length > 0 && sameStamp(stamp, row.side.stamp)) return;
  // the peer has the beginning of what was: the end of something else must never follow it
  if (row.side.begun) throw new ProviderError('source-changed');
  // RFC 5547 §8.1: the peer may have seen it as it was, under the id it had
  const known = row.side.stamp ? { ...row, side: { ...row.side, offerId: randomUUID(), offered: false } } : row;
  ledger.amend(id, { size: stamp.size, side: known.side });
  if (maximum !== undefined && stamp.size > maximum) throw new ProviderError('too-big', { limit: maximum });
  const told = (bytes: number): void => ledger.prepared(id, bytes);
  const facts = await factsOf(known, stamp, { shell, clock, signal, told });
  if (!signal.aborted) ledger.amend(id, facts);
}

/** What an offer says of a file beside its name and size: both hashes in one reading, the date, and of images a picture. */
async function factsOf(
  row: SendingRow,
  stamp: SourceStamp,
  {
    shell,
    clock,
    signal,
    told,
  }: Pick<TransfersContext, 'shell' | 'clock'> & {
    signal: AbortSignal;
    /** Bytes hashed so far. */
    told: (bytes: number) => void;
  },
): Promise<Facts> {
  const { source } = row.side;
  const [hashes, icon] = await Promise.all([
    // both in one reading: what a peer checks by is known only when it is too late to read again
    hashFile(source, stamp, ['sha-256', 'sha-1'], signal, told),
    row.icon ?? pictureOf(row, shell, clock),
  ]);
  const modifiedAt = Math.floor(Number(BigInt(stamp.modifiedNs) / 1_000_000n));
  return { hashes, modifiedAt, icon, side: { ...row.side, stamp } };
}

async function pictureOf(
  { type, side }: SendingRow,
  shell: Pick<ShellSide, 'thumbnail'>,
  clock: TransfersContext['clock'],
): Promise<string | null> {
  if (!type.startsWith('image/')) return null;
  return await new Promise((resolve) => {
    const cancel = clock.after(PICTURE_TIMEOUT, () => resolve(null));
    unawaited(
      shell
        .thumbnail(side.source)
        .catch(() => undefined)
        .then((icon) => {
          cancel();
          resolve(iconUrl(icon));
        }),
    );
  });
}
