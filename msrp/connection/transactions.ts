import type { Clock, Timer } from '../clock.ts';
import { MsrpError } from '../errors.ts';
import type { ResponseHead } from '../framing/head.ts';

/** What became of a request: the peer's response, or why there is none. */
export type Settlement = ResponseHead | MsrpError;

/** A request that waits for its response. */
export interface Transaction {
  readonly id: string;
  /** Who can have all of its own forgotten. */
  readonly owner: object;
  settle(settlement: Settlement): void;
  /** Infinite while the request is still being written. */
  deadline: number;
  /** Without a response nothing is wrong (Failure-Report `partial`, RFC 4975 §7.1.1). */
  readonly optional: boolean;
}

/** The requests of one connection that wait for their responses. They are matched by transaction id alone. */
export class Transactions {
  readonly #clock: Clock;
  readonly #timeout: number;
  /** In the order in which they will expire. */
  readonly #waiting = new Map<string, Transaction>();
  #timer: Timer | undefined;
  /** The one opened last stands where it belongs. */
  #latest: Transaction | undefined;

  constructor(clock: Clock, timeout: number) {
    this.#clock = clock;
    this.#timeout = timeout;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Waits for a response from now on. */
  open(transaction: Transaction): void {
    this.#waiting.set(transaction.id, transaction);
    this.#latest = transaction;
  }

  /** RFC 4975 §7.1.1: the timer runs from the time the last byte of the request is submitted for sending. */
  arm(transaction: Transaction): void {
    transaction.deadline = this.#clock.now() + this.#timeout;
    if (transaction !== this.#latest) {
      // a response may have come before all of the request was written
      if (!this.#waiting.delete(transaction.id)) return;
      this.#waiting.set(transaction.id, transaction);
    }
    this.#timer ??= this.#clock.after(this.#timeout, this.#sweep);
  }

  /** Nobody is interested any more. */
  forget(transaction: Transaction): void {
    this.#waiting.delete(transaction.id);
  }

  /** Nobody is interested in any of these any more. */
  forgetAll(owner: object): void {
    for (const transaction of this.#waiting.values()) if (transaction.owner === owner) this.forget(transaction);
  }

  /** Hands a response to its request; false if there is none, which is no fault (RFC 4975 has peers that answer late). */
  settle(response: ResponseHead): boolean {
    const transaction = this.#waiting.get(response.transactionId);
    if (transaction === undefined) return false;
    this.#waiting.delete(response.transactionId);
    transaction.settle(response);
    return true;
  }

  /** The connection is gone: no response will come. */
  failAll(error: MsrpError): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const transactions = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const transaction of transactions) if (!transaction.optional) transaction.settle(error);
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const [transactionId, transaction] of this.#waiting) {
      if (transaction.deadline === Number.POSITIVE_INFINITY) continue;
      if (transaction.deadline > now) {
        this.#timer = this.#clock.after(transaction.deadline - now, this.#sweep);
        return;
      }
      this.#waiting.delete(transactionId);
      if (transaction.optional) continue;
      transaction.settle(new MsrpError('transaction-timeout', 'The peer did not answer in time', { status: 408 }));
    }
  };
}
