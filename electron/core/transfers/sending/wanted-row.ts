import { type FileRequest, isWanted } from '../../../../protocols/contract/index.ts';
import { isSending, type SendingRow, type TransferRow } from '../ledger/transfer-row.ts';
import { unansweredOf } from '../ledger/transfer-stage.ts';

/**
 * The file that somebody asks for (RFC 5547 §8.3.2): one that was offered to this very address before, by the same account,
 * and not taken back. Undefined where nothing fits, or several that differ. Of the same content the newest counts.
 */
export function wantedRow(
  rows: readonly TransferRow[],
  accountId: string,
  { peer, wanted }: Pick<FileRequest, 'peer' | 'wanted'>,
): SendingRow | undefined {
  // a type and a size alone name nothing
  if (wanted.hashes.length === 0 && wanted.name === undefined) return undefined;
  const candidates = rows
    .filter(isSending)
    .filter(({ route }) => route.accountId === accountId && route.address === peer)
    .filter(wasOffered)
    .filter(({ stage }) => stage.state !== 'preparing' && !(stage.state === 'cancelled' && stage.by === 'us'))
    .filter(({ side, name, type, size, hashes }) => {
      return side.stamp !== null && size !== null && isWanted({ name, type, size, hashes }, wanted);
    });
  const contents = new Set(candidates.map(({ hashes }) => hashes[0]?.value));
  return contents.size === 1 ? candidates.at(-1) : undefined;
}

/** Rows of before that was noted show it by what became of them. */
const wasOffered = ({ side, stage }: SendingRow): boolean =>
  side.offered ??
  (side.begun === true || unansweredOf(stage) !== undefined || ['completed', 'declined'].includes(stage.state));
