import type { FileHash } from '../../../../protocols/contract/index.ts';
import type { MessageState, Route, Transfer } from '../../../contract/index.ts';
import type { ByteRange } from '../files/byte-ranges.ts';
import type { SourceStamp } from '../files/file-source.ts';
import { isRiskyName } from '../files/risky-name.ts';
import { type TransferStage, unansweredOf } from './transfer-stage.ts';

/** All that is kept of one transfer. Immutable: a change is a new row. */
export interface TransferRow {
  readonly id: string;
  readonly talkId: string;
  readonly messageId: string;
  readonly route: Route;
  readonly stage: TransferStage;
  /** Safe to show; of what is received safe to write, too: see `safeName` and `ownName`. */
  readonly name: string;
  readonly type: string;
  readonly size: number | null;
  /** `data:` URL. */
  readonly icon: string | null;
  readonly hashes: readonly FileHash[];
  /** ms since the epoch. */
  readonly modifiedAt: number | null;
  readonly bytes: number;
  readonly createdAt: number;
  /** Taken out of the panel by a person, once it had ended. */
  readonly tidied?: boolean;
  /** While `running`: whether it can be paused. */
  readonly pausable?: boolean;
  /** Where the finished file is; while `verifying`, the name that is being tried. */
  readonly path: string | null;
  readonly side: SendingSide | ReceivingSide;
}

interface SendingSide {
  readonly direction: 'outgoing';
  /**
   * On the wire (RFC 5547 §8.1: what has the same id is the same transfer). It stays while an attempt goes on where another
   * was lost, and when the peer asks for it; what was answered gets a new one, so that the peer's person is asked again.
   */
  readonly offerId: string;
  readonly source: string;
  /** What the source looked like when it was hashed; null before. */
  readonly stamp: SourceStamp | null;
  /** The peer has accepted this offer: when it is lost it goes on by itself, and only with the same content. */
  readonly begun?: boolean;
  /** The peer was told of this content: only then may it ask for it. Missing in rows of before this was noted. */
  readonly offered?: boolean;
  /** It had arrived before, and its peer asked for it once more. */
  readonly copy?: boolean;
  /** Files chosen in one go have the same, and are offered together. */
  readonly batch?: string;
  /** The source is a copy of ours, in `outgoing/`, and goes with the transfer. */
  readonly owned: boolean;
}

export interface ReceivingSide {
  readonly direction: 'incoming';
  /** The protocol's key of the offer. */
  readonly key: string;
  readonly part: string | null;
  /** Where a person wants it, absolute; nobody has accepted it yet without. */
  readonly target?: string;
  /** The protocol can ask the peer for it again (RFC 5547 §8.2.2). */
  readonly askable?: boolean;
  /** A person accepted it when no attempt was under way, and nothing has come yet: that it is not to be had is the end. */
  readonly wantedLate?: boolean;
  /** What is in the part, as last noted. */
  readonly runs: readonly ByteRange[];
}

export type SendingRow = TransferRow & { readonly side: SendingSide };
export type ReceivingRow = TransferRow & { readonly side: ReceivingSide };

export const isSending = (row: TransferRow): row is SendingRow => row.side.direction === 'outgoing';
export const isReceiving = (row: TransferRow): row is ReceivingRow => row.side.direction === 'incoming';

/** Faults that the same file would only meet again. */
const POINTLESS: ReadonlySet<string> = new Set([
  'too-big',
  'empty-refused',
  'not-supported',
  'blocked',
  'malformed',
  'name-refused',
]);

/** What we offered can be offered again, what others offered sometimes asked for; and a *no* is an answer. */
export function canRetry(row: TransferRow): boolean {
  if (isReceiving(row)) return row.side.askable === true && row.hashes.length > 0 && isMissing(row);
  if (!isSending(row)) return false;
  switch (row.stage.state) {
    case 'failed':
      return !POINTLESS.has(row.stage.fault.code);
    case 'cancelled':
      return !row.side.owned;
    default:
      return false;
  }
}

/** Whether a person may want it all the same: lost, refused or given up, taken on another device, or no longer where it was put. */
function isMissing({ stage, path }: ReceivingRow): boolean {
  switch (stage.state) {
    case 'failed':
      return !POINTLESS.has(stage.fault.code);
    case 'declined':
      return true;
    case 'cancelled':
      // what its sender took back is not to be had
      return stage.by !== 'peer';
    case 'completed':
      return path === null;
    default:
      return false;
  }
}

/** What the line in the talk says of a file of ours. */
export function messageStateOf(stage: TransferStage): MessageState {
  switch (stage.state) {
    case 'preparing':
      return 'queued';
    case 'waiting-for-peer':
      return 'waiting';
    case 'offered':
    case 'accepted':
    case 'connecting':
    case 'running':
    case 'paused':
    case 'verifying':
      return 'sent';
    case 'completed':
      return 'delivered';
    case 'declined':
    case 'cancelled':
    case 'failed':
      return 'failed';
    default:
      return stage satisfies never;
  }
}

/** A row as a window sees it. */
export function viewOf(
  row: TransferRow,
  pace: { speed: number; secondsLeft: number | null },
  prepared: number | undefined,
): Transfer {
  const { stage } = row;
  return {
    id: row.id,
    talkId: row.talkId,
    messageId: row.messageId,
    route: row.route,
    direction: row.side.direction,
    state: stage.state,
    by: stage.state === 'cancelled' || stage.state === 'paused' ? stage.by : null,
    file: { name: row.name, type: row.type, size: row.size, icon: row.icon },
    bytes: row.bytes,
    ...(prepared === undefined ? {} : { prepared }),
    ...pace,
    fault: 'fault' in stage ? stage.fault : null,
    canRetry: canRetry(row),
    canPause: stage.state === 'running' && row.pausable === true,
    risky: isRiskyName(row.name),
    path: stage.state === 'completed' ? row.path : null,
    createdAt: row.createdAt,
    endedAt: 'endedAt' in stage ? stage.endedAt : null,
    ...(unansweredOf(stage) && { unanswered: true }),
    ...(row.tidied && { tidied: true }),
  };
}
