import { randomUUID } from 'node:crypto';
import { refuse } from '../../../contract/index.ts';
import { mediaTypeOf } from '../files/media-type.ts';
import { ownName } from '../files/safe-name.ts';
import { isSending, type SendingRow, type TransferRow } from '../ledger/transfer-row.ts';
import { isFinal } from '../ledger/transfer-stage.ts';
import type { TransfersContext } from '../transfers.ts';

const DAY = 24 * 60 * 60_000;
/** How often one peer gets the same file again within a day: for a lost copy or another device. */
const COPIES_A_DAY = 3;

/** A file that is to be sent, with its line in the talk. `ownId`: the id of the transfer whose copy of ours `source` is. */
export function newRow(
  { talks, clock }: Pick<TransfersContext, 'talks' | 'clock'>,
  talkId: string,
  givenName: string,
  source: string,
  ownId?: string,
): SendingRow {
  const route = talks.routeOf(talkId);
  if (!route) throw refuse('not-found');
  const id = ownId ?? randomUUID();
  const name = ownName(givenName);
  const at = clock.now();
  return {
    id,
    talkId,
    messageId: talks.addFile(talkId, { transferId: id, direction: 'outgoing', name, at, route }),
    route,
    stage: { state: 'preparing' },
    name,
    type: mediaTypeOf(name),
    size: null,
    icon: null,
    hashes: [],
    modifiedAt: null,
    bytes: 0,
    createdAt: at,
    path: null,
    side: {
      direction: 'outgoing',
      offerId: randomUUID(),
      source,
      stamp: null,
      offered: false,
      owned: ownId !== undefined,
    },
  };
}

/** The same file for the same peer once more, offered already. */
export const anotherOf = (
  context: Pick<TransfersContext, 'talks' | 'clock'>,
  { talkId, name, type, size, icon, hashes, modifiedAt, side }: SendingRow,
): SendingRow => ({
  ...newRow(context, talkId, name, side.source),
  stage: { state: 'offered' },
  type,
  size,
  icon,
  hashes,
  modifiedAt,
  side: { ...side, copy: true },
});

/**
 * Whether somebody who asks may have once more what arrived already: each time is a line in the talk that no person here
 * asked for.
 */
export function mayCopy({ route, hashes }: SendingRow, rows: readonly TransferRow[], now: number): boolean {
  const copies = rows
    .filter(isSending)
    .filter((other) => other.side.copy && other.hashes[0]?.value === hashes[0]?.value)
    .filter((other) => other.route.accountId === route.accountId && other.route.address === route.address);
  const recent = copies.filter(({ createdAt }) => now - createdAt < DAY);
  return copies.every(({ stage }) => isFinal(stage)) && recent.length < COPIES_A_DAY;
}
