import type { MessageReport, MessagingOperationSet } from '../../../protocols/contract/index.ts';
import type { Route } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Driver } from '../store/driver.ts';
import type { MessageRows } from './message-rows.ts';

export interface ReportsParts {
  driver: Driver;
  messages: MessageRows;
  /** The messaging of an account that is online now. */
  messaging: (accountId: string) => MessagingOperationSet | undefined;
  /** Whether the person wants others to know what was read. */
  tellsRead: () => boolean;
  log: Log;
  clock: Clock;
}

/** When a report that is owed although the account is online is tried again; doubled each time. */
const FIRST_PAUSE = 30_000;
const LONGEST_PAUSE = 30 * 60_000;

/**
 * What the senders of texts are still to be told: that a text is here, that it was read. The debt is a mark beside the
 * text, on disk with the text itself or with the reading, and is deleted when the provider says that the report has left;
 * so a program that is killed in between pays it after the next start. A report that comes twice changes nothing.
 */
export class Reports {
  readonly #parts: ReportsParts;
  readonly #retries = new Map<string, { pause: number; cancel: () => void }>();
  /** Paid, and still on disk as owed. */
  #paid: { accountId: string; report: MessageReport }[] = [];

  constructor(parts: ReportsParts) {
    this.#parts = parts;
  }

  /** Tells what is owed to everybody on this account, or to one address: there is reason to believe that it arrives now. */
  pay({ accountId, address }: { accountId: string; address?: string }): void {
    this.#forgetRetry(accountId);
    this.#tell(accountId, address);
  }

  /** A text was read, and that is owed on disk. */
  tellRead({ accountId, address }: Route, protocolId: string): void {
    this.#parts.messaging(accountId)?.sendRead(address, protocolId);
    this.#retryLater(accountId, FIRST_PAUSE);
  }

  /** A text came whose provider reports it by itself. */
  owes(accountId: string): void {
    this.#retryLater(accountId, FIRST_PAUSE);
  }

  /** A provider has no more to say about this one. Written with all others of this turn, in one transaction. */
  paid(accountId: string, report: MessageReport): void {
    this.#paid.push({ accountId, report });
    if (this.#paid.length === 1) setImmediate(() => this.#write());
  }

  close(): void {
    for (const accountId of this.#retries.keys()) this.#forgetRetry(accountId);
    this.#write();
  }

  #tell(accountId: string, address?: string): void {
    const { messages, messaging, tellsRead } = this.#parts;
    const told = messaging(accountId);
    if (!told) return;
    this.#write();
    if (!tellsRead()) messages.forgiveRead(accountId);
    const isMeant = ({ message }: { message: { route: Route } }): boolean =>
      address === undefined || message.route.address === address;
    const delivery = messages.deliveryOwed(accountId);
    const read = messages.readOwed(accountId);
    for (const { message, protocolId, deliveryOwed } of delivery.filter(isMeant)) {
      told.sendDelivered(message.route.address, protocolId ?? '', deliveryOwed ?? message.at);
    }
    for (const { message, protocolId } of read.filter(isMeant)) told.sendRead(message.route.address, protocolId ?? '');
    if (delivery.length > 0 || read.length > 0) this.#retryLater(accountId, FIRST_PAUSE);
  }

  #retryLater(accountId: string, pause: number): void {
    if (this.#retries.has(accountId)) return;
    const cancel = this.#parts.clock.after(pause, () => {
      this.#retries.delete(accountId);
      try {
        if (this.#owesAnything(accountId)) {
          this.#retryLater(accountId, Math.min(pause * 2, LONGEST_PAUSE));
          this.#tell(accountId);
        }
      } catch (error) {
        this.#parts.log.error('reports.failed', error);
      }
    });
    this.#retries.set(accountId, { pause, cancel });
  }

  #owesAnything(accountId: string): boolean {
    const { messages, messaging } = this.#parts;
    if (!messaging(accountId)) return false;
    this.#write();
    return messages.deliveryOwed(accountId).length > 0 || messages.readOwed(accountId).length > 0;
  }

  #forgetRetry(accountId: string): void {
    this.#retries.get(accountId)?.cancel();
    this.#retries.delete(accountId);
  }

  #write(): void {
    const { driver, messages, log } = this.#parts;
    const paid = this.#paid;
    this.#paid = [];
    if (paid.length === 0) return;
    try {
      driver.transaction(() => {
        for (const { accountId, report } of paid) {
          messages.reported({ accountId, address: report.peer }, report.id, report.report);
        }
      });
    } catch (error) {
      // told once more than needed, at the next chance
      log.error('reports.failed', error);
    }
  }
}
