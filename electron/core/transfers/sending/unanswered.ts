import type { Route } from '../../../contract/index.ts';
import { isSending, type SendingRow, type TransferRow } from '../ledger/transfer-row.ts';
import { unansweredOf } from '../ledger/transfer-stage.ts';

/** An offer that a person has not answered is not made again more often, in ms. */
const OFFERED_AGAIN_AFTER = 24 * 60 * 60_000;

/** Files that one peer was offered, and has not answered in time. */
export const unansweredBy = ({ accountId, address }: Route, rows: readonly TransferRow[]): SendingRow[] =>
  rows
    .filter(isSending)
    .filter(({ route, stage }) => unansweredOf(stage) && route.accountId === accountId && route.address === address);

/** Whether such a file may be offered once more: its peer's program does not ask for it, and a day has passed. */
export function mayOfferAgain({ stage }: SendingRow, now: number): boolean {
  const unanswered = unansweredOf(stage);
  return unanswered !== undefined && !unanswered.asked && now - unanswered.at >= OFFERED_AGAIN_AFTER;
}
