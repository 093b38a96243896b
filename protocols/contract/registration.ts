import type { ProviderError } from './errors.ts';

/** What a provider is doing while it connects, in the order it happens. The window has words for each. */
export type ConnectingStep = 'locating' | 'connecting' | 'securing' | 'authenticating' | 'registering' | 'restoring';

/**
 * The state of one account's connection.
 *
 * ```
 * offline --start--> connecting{step} --ok--> online{since}
 *    ^                   |    ^                   |
 *    |                 fault  retryAt, wake     fault
 *   stop                 v    |                   |
 *    +-------------- waiting{retryAt, cause} <----+
 *    +-------------- stopped{cause}      a person must act: wrong password, untrusted certificate
 * ```
 * In `waiting` the provider tries again by itself at `retryAt` (ms since the epoch); where the computer's clock is set meanwhile, it
 * may tell `waiting` again with the time by the new clock. Only `start()` leaves `stopped`.
 */
export type Registration =
  | { state: 'offline' }
  | { state: 'connecting'; step: ConnectingStep }
  | { state: 'online'; since: number }
  | { state: 'waiting'; retryAt: number; cause: ProviderError }
  | { state: 'stopped'; cause: ProviderError };

const ALLOWED: Record<Registration['state'], readonly Registration['state'][]> = {
  offline: ['connecting', 'stopped'],
  connecting: ['connecting', 'online', 'waiting', 'stopped', 'offline'],
  online: ['connecting', 'waiting', 'stopped', 'offline'],
  waiting: ['waiting', 'connecting', 'stopped', 'offline'],
  stopped: ['connecting', 'offline'],
};

/** Whether a move is drawn in the picture above. */
export const registrationMayMove = (from: Registration['state'], to: Registration['state']): boolean =>
  ALLOWED[from].includes(to);
