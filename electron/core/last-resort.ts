import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

/** Which account the running code works for, through timers, sockets and promises. */
const account = new AsyncLocalStorage<string>();

/** Runs `work`, and everything it starts, in the name of an account. */
export const forAccount = <Result>(accountId: string, work: () => Result): Result => account.run(accountId, work);

/** More than so many in so long (ms) are no single fault any more. */
const MAXIMUM_ERRORS = 20;
const WITHIN = 60_000;

export interface LastResortParts {
  log: Log;
  clock: Clock;
  /** Ends an account's provider after a bug in it. */
  failAccount: (accountId: string, error: unknown) => void;
  /** The process cannot be trusted any more. */
  onFatal: (error: unknown) => void;
}

/**
 * What becomes of an error that no code caught: a bug, which is logged and costs only what it belongs to. A rejected
 * promise has ended its own job. An exception out of a callback may leave an account half changed, so that account is
 * ended and started again. Errors that belong to no account are logged; when either comes in numbers, the account or, in
 * the end, the process is ended.
 *
 * @example process.on('uncaughtException', (error) => core.lastResort.thrown(error));
 */
export class LastResort {
  readonly #parts: LastResortParts;
  /** Times of the last errors, by account; '' is the core itself. */
  readonly #recent = new Map<string, readonly number[]>();

  constructor(parts: LastResortParts) {
    this.#parts = parts;
  }

  /** For `uncaughtException`, whose context is that of the callback that threw. */
  thrown(error: unknown): void {
    const accountId = account.getStore();
    this.#parts.log.error(accountId === undefined ? 'core.unforeseen' : 'account.unforeseen', error);
    if (accountId !== undefined) this.#parts.failAccount(accountId, error);
    else if (this.#count('') > MAXIMUM_ERRORS) this.#parts.onFatal(error);
  }

  /** For `unhandledRejection`, whose context is that of the promise. */
  rejected(error: unknown): void {
    const accountId = account.getStore();
    this.#parts.log.error(accountId === undefined ? 'core.unforeseen' : 'account.unforeseen', error);
    if (this.#count(accountId ?? '') <= MAXIMUM_ERRORS) return;
    if (accountId === undefined) this.#parts.onFatal(error);
    else this.#parts.failAccount(accountId, error);
  }

  #count(of: string): number {
    const now = this.#parts.clock.now();
    const recent = [...(this.#recent.get(of) ?? []), now].filter((at) => now - at < WITHIN).slice(-MAXIMUM_ERRORS - 1);
    this.#recent.set(of, recent);
    return recent.length;
  }
}
