import { randomUUID } from 'node:crypto';
import { refuse } from '../../../contract/index.ts';
import { mediaTypeOf } from '../files/media-type.ts';
import { ownName } from '../files/safe-name.ts';
import type { SendingRow } from '../ledger/transfer-row.ts';
import type { TransfersContext } from '../transfers.ts';

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
    side: { direction: 'outgoing', offerId: randomUUID(), source, stamp: null, owned: ownId !== undefined },
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
  side,
});
