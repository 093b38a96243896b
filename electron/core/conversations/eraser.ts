import type { Log } from '../log.ts';
import type { MessageRows } from './message-rows.ts';

/** What is deleted in one go: some ten milliseconds, in which nothing else happens in this process. */
const AT_ONCE = 50;

/**
 * Takes the messages of removed talks off the disk, a few in each turn: taking 100,000 out of the full-text index
 * at once would stop every transfer for half a minute. What a run does not finish, the next one does.
 */
export class Eraser {
  readonly #messages: MessageRows;
  readonly #log: Log;
  #next: NodeJS.Immediate | undefined;

  constructor(messages: MessageRows, log: Log) {
    this.#messages = messages;
    this.#log = log;
  }

  /** There may be something to do. */
  wake(): void {
    this.#next ??= setImmediate(() => {
      this.#next = undefined;
      try {
        if (this.#messages.deleteSome(AT_ONCE)) this.wake();
      } catch (error) {
        // a full disk: deleting needs room too; the next start tries again
        this.#log.error('eraser.failed', error);
      }
    });
  }

  close(): void {
    if (this.#next) clearImmediate(this.#next);
    this.#next = undefined;
  }
}
