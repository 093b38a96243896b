import { randomUUID } from 'node:crypto';
import type { FileOffer } from '../../../../protocols/contract/index.ts';
import { iconUrl } from '../files/icon-url.ts';
import { safeName } from '../files/safe-name.ts';
import type { ReceivingRow } from '../ledger/transfer-row.ts';
import type { TransfersContext } from '../transfers.ts';
import { hashesOf } from './checks.ts';

/** A file that somebody offers us, with its line in the talk. `askable`: it can be asked for again. */
export function offeredRow(
  { talks, clock }: Pick<TransfersContext, 'talks' | 'clock'>,
  accountId: string,
  { transfer, key, sentAt, isPast }: FileOffer,
  askable: boolean,
): ReceivingRow {
  const { file, peer } = transfer;
  const id = randomUUID();
  const route = { accountId, address: peer };
  const name = safeName(file.name);
  const line = { route, at: sentAt, ...(isPast && { isPast }) };
  const talkId = talks.talkFor(line, transfer.peerName);
  return {
    id,
    talkId,
    messageId: talks.addFile(talkId, { ...line, transferId: id, direction: 'incoming', name }),
    route,
    stage: { state: 'offered' },
    name,
    type: file.type,
    size: file.size ?? null,
    icon: iconUrl(file.icon),
    hashes: hashesOf(transfer),
    modifiedAt: file.modifiedAt ?? null,
    bytes: 0,
    createdAt: clock.now(),
    path: null,
    side: { direction: 'incoming', key, part: null, runs: [], ...(askable ? { askable } : {}) },
  };
}
