import type { TransferPhase } from '../../../../protocols/contract/index.ts';
import type { Fault, Transfer } from '../../../contract/index.ts';

/**
 * The state of one attempt, with the facts that belong to it.
 *
 * ```
 *  sending                              receiving
 *  preparing                                |
 *     |   \                                 |
 *     |    waiting-for-peer                 |
 *     v   /                                 v
 *  offered <-----------------------------> offered
 *     |                                     |
 *  accepted -> connecting -> running -> verifying -> completed
 *     \            \         | ^ |  \        \
 *      \            \        v |  \  +--------+--> declined | cancelled{by} | failed{fault}
 *       +------------+-----> paused{by} -----/
 * ```
 * Always to the right or down: none is entered twice but `running` and `paused`, some may be passed over (an upload to a
 * server is never `accepted`), and the last row and `completed` are final. From every state that is not final there is a
 * way to `declined`, `cancelled` and `failed`. A new attempt begins from a final state, or from where the connection was
 * lost: then it waits for the peer, and goes on by itself. What was `paused` by us when it was lost stays so, over
 * restarts too, until the person says otherwise.
 */
export type TransferStage =
  | { state: 'preparing' }
  | { state: 'waiting-for-peer' }
  /** `fault`: the person said yes, and the disk did not. The offer stands all the same. */
  | { state: 'offered'; fault?: Fault; unanswered?: Unanswered }
  | { state: 'accepted' }
  | { state: 'connecting' }
  | { state: 'running' }
  | { state: 'paused'; by: 'us' | 'peer' }
  | { state: 'verifying' }
  | FinalStage;

/** No attempt is under way, because no person has answered in time. The offer stands all the same, over restarts too. */
export interface Unanswered {
  /** When the last attempt was over, ms since the epoch. */
  at: number;
  /** Sending: the receiver's program asks for the file; false: it has to be offered again. */
  asked: boolean;
}

export type FinalStage =
  | { state: 'completed'; endedAt: number }
  | { state: 'declined'; endedAt: number }
  | { state: 'cancelled'; by: NonNullable<Transfer['by']>; endedAt: number }
  | { state: 'failed'; fault: Fault; endedAt: number };

type StageName = TransferStage['state'];

const ORDER: readonly StageName[] = [
  'preparing',
  'waiting-for-peer',
  'offered',
  'accepted',
  'connecting',
  'running',
  'verifying',
  'completed',
];

export const isFinal = (stage: TransferStage): stage is FinalStage => {
  switch (stage.state) {
    case 'completed':
    case 'declined':
    case 'cancelled':
    case 'failed':
      return true;
    case 'preparing':
    case 'waiting-for-peer':
    case 'offered':
    case 'accepted':
    case 'connecting':
    case 'running':
    case 'paused':
    case 'verifying':
      return false;
    default:
      return stage satisfies never;
  }
};

/** Paused by us: nothing but a person's word lets it go on. */
export const isHeld = (stage: TransferStage): boolean => stage.state === 'paused' && stage.by === 'us';

/** Whether the picture has a way from one to the other within an attempt. */
export function mayMove(from: TransferStage, to: TransferStage): boolean {
  if (isFinal(from)) return false;
  if (to.state === 'paused') return from.state === 'running' || (from.state === 'paused' && from.by !== to.by);
  if (from.state === 'paused') return to.state === 'running' || mayMove({ state: 'running' }, to);
  return isFinal(to) && to.state !== 'completed' ? true : ORDER.indexOf(to.state) > ORDER.indexOf(from.state);
}

/** Whether a new attempt may begin there. */
export const mayBegin = (stage: TransferStage): boolean =>
  stage.state === 'preparing' || stage.state === 'waiting-for-peer' || stage.state === 'offered';

/** Offered, with nothing on the wire. */
export const unansweredOf = (stage: TransferStage): Unanswered | undefined =>
  stage.state === 'offered' ? stage.unanswered : undefined;

/** Whether a provider has nothing more to say about its share. */
export const isOver = (phase: TransferPhase): boolean =>
  phase.state === 'finished' ||
  phase.state === 'declined' ||
  phase.state === 'cancelled' ||
  phase.state === 'unanswered' ||
  phase.state === 'failed';
