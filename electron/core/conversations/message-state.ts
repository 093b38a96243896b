import type { MessageState } from '../../contract/index.ts';

/**
 * How far a text of ours has come.
 *
 * ```
 * queued -> waiting -> sent -> delivered -> read
 *    \---------\--------\--> failed -> delivered, read (a late proof); queued again only when a person asks
 * ```
 * Steps may be jumped over; none is taken back. `received` is for texts of others and stays.
 */
const STEP: Partial<Record<MessageState, number>> = { queued: 0, waiting: 1, sent: 2, delivered: 3, read: 4 };

export function messageMayMove(from: MessageState, to: MessageState): boolean {
  const there = STEP[to];
  if (to === 'failed') return from === 'queued' || from === 'waiting' || from === 'sent';
  if (from === 'failed') return to === 'delivered' || to === 'read';
  const here = STEP[from];
  return here !== undefined && there !== undefined && there > here;
}
