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

/**
 * Offers of the same account that are on their way, files offered together counting once. An absent-minded peer must not keep
 * the others waiting: offers count for the peer that has not answered them.
 */
export function offersBeside(row: SendingRow, live: readonly { row: TransferRow; offer: object }[]): number {
  const beside = live.filter(({ row: { route, stage } }) => {
    if (route.accountId !== row.route.accountId || stage.state === 'paused') return false;
    return stage.state !== 'offered' || route.address === row.route.address;
  });
  return new Set(beside.map(({ offer }) => offer)).size;
}
