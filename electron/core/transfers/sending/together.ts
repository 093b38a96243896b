import { isSending, type SendingRow, type TransferRow } from '../ledger/transfer-row.ts';
import { isFinal } from '../ledger/transfer-stage.ts';

/**
 * The files that go into one offer with `row`: those chosen with it, as many as one offer carries. Undefined while one of
 * them is still being prepared. What goes on where it was lost goes alone.
 */
export function together(
  row: SendingRow,
  rows: readonly TransferRow[],
  options: { maximum: number; isPreparing(id: string): boolean; isReady(row: SendingRow): boolean },
): readonly SendingRow[] | undefined {
  const { batch, begun } = row.side;
  if (batch === undefined || begun === true || options.maximum < 2) return [row];
  const chosen = rows.filter(isSending).filter(({ side, stage }) => side.batch === batch && !isFinal(stage));
  if (chosen.some(({ id }) => options.isPreparing(id))) return undefined;
  return chosen.filter((each) => each.side.begun !== true && options.isReady(each)).slice(0, options.maximum);
}
