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
 *     \            \            \           \
 *      +------------+------------+-----------+--> declined | cancelled{by} | failed{fault}
 * ```
 * Always to the right or down: none is entered twice, some may be passed over (an upload to a server is never
 * `accepted`), and the last row and `completed` are final. From every state that is not final there is a way to
 * `declined`, `cancelled` and `failed`. A new attempt begins from a final state.
 */
export type TransferStage =
  | { state: 'preparing' }
  | { state: 'waiting-for-peer' }
  | { state: 'offered' }
  | { state: 'accepted' }
  | { state: 'connecting' }
  | { state: 'running' }
  | { state: 'verifying' }
  | FinalStage;

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
    case 'verifying':
      return false;
    default:
      return stage satisfies never;
  }
};

/** Whether the picture has a way from one to the other within an attempt. */
export function mayMove(from: TransferStage, to: TransferStage): boolean {
  if (isFinal(from)) return false;
  return isFinal(to) && to.state !== 'completed' ? true : ORDER.indexOf(to.state) > ORDER.indexOf(from.state);
}

/** Whether a new attempt may begin there: its first states, one for each direction. */
export const mayBegin = (stage: TransferStage): boolean =>
  stage.state === 'preparing' || stage.state === 'waiting-for-peer' || stage.state === 'offered';

/** Whether a provider has nothing more to say about its share. */
export const isOver = (phase: TransferPhase): boolean =>
  phase.state === 'finished' || phase.state === 'declined' || phase.state === 'cancelled' || phase.state === 'failed';
