import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type CoreEvent, type Thumbnail, type Transfer, transferSchema } from '../../../../electron/contract/index.ts';
import type { Clock } from '../../../../electron/core/clock.ts';
import { type Driver, openDriver } from '../../../../electron/core/store/driver.ts';
import { migrate } from '../../../../electron/core/store/migrations.ts';
import {
  createTransfers,
  type FileLine,
  type Transfers,
  type TransfersContext,
} from '../../../../electron/core/transfers/index.ts';
import { temporaryFolder } from '../../support/folder.ts';

/** Time that stands still until it is told to go on. */
export class HeldClock implements Pick<Clock, 'now' | 'after'> {
  #now = 1_700_000_000_000;
  #timers: { at: number; run: () => void }[] = [];

  now = (): number => this.#now;

  after = (milliseconds: number, run: () => void): (() => void) => {
    const timer = { at: this.#now + milliseconds, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  get pending(): number {
    return this.#timers.length;
  }

  /** Somebody sets the clock: what waits goes on waiting as long as it would have. */
  jump(milliseconds: number): void {
    this.#now += milliseconds;
    for (const timer of this.#timers) timer.at += milliseconds;
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }
}

export const TALK = 'talk-1';
export const ACCOUNT = 'account-1';

/** One person's core as far as transfers see it: real database, real folders; talks as a list of lines. */
export class Desk {
  readonly folder: string;
  readonly downloads: string;
  readonly clock = new HeldClock();
  readonly events: CoreEvent[] = [];
  /** When each of the events was told. */
  readonly toldAt: number[] = [];
  readonly lines: (FileLine & { messageId: string; state: string })[] = [];
  readonly texts: string[] = [];
  readonly opened: string[] = [];
  readonly revealed: string[] = [];
  /** By path. */
  readonly thumbnails = new Map<string, Thumbnail>();
  readonly logged: string[] = [];
  /** The facts of each of these lines. */
  readonly loggedFacts: unknown[] = [];
  refusal = '';
  /** Called before and after everything that is written to the database. */
  onWrite = (): void => {};
  driver: Driver;
  transfers: Transfers;
  readonly #key: string;
  readonly #peer: string;
  #listeners = new Set<() => void>();

  constructor(peer: string, folder = temporaryFolder(), key = randomBytes(32).toString('hex')) {
    this.#peer = peer;
    this.#key = key;
    this.folder = folder;
    this.downloads = path.join(folder, 'downloads');
    [this.driver, this.transfers] = this.#start();
    onTestFinished(async () => {
      await this.transfers.shutDown();
      this.driver.close();
    });
  }

  /** The program ends without a word and starts again. */
  async restart(): Promise<void> {
    this.driver.close();
    [this.driver, this.transfers] = this.#start();
    await this.transfers.recover();
  }

  transfer(id: string): Transfer {
    const found = this.transfers.snapshot().find((transfer) => transfer.id === id);
    if (!found) throw new Error('no such transfer');
    return transferSchema.parse(found);
  }

  /** The only transfer there is. */
  get only(): Transfer {
    const [transfer, ...others] = this.transfers.snapshot();
    if (!transfer || others.length > 0) throw new Error(`${others.length + 1} transfers`);
    return transferSchema.parse(transfer);
  }

  /** All states a transfer has been in, in order, without repetitions. */
  statesOf(id: string): string[] {
    const states = this.events
      .flatMap((event) => (event.type === 'transfers' ? event.changed : []))
      .filter((transfer) => transfer.id === id)
      .map((transfer) => transfer.state);
    return states.filter((state, index) => state !== states[index - 1]);
  }

  /** Resolves when the test holds, looking again after every event. */
  async until<T>(test: () => T | undefined | false): Promise<T> {
    for (;;) {
      const found = test();
      if (found) return found;
      await new Promise<void>((resolve) => {
        const listener = () => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }

  async untilState(id: string, state: Transfer['state']): Promise<Transfer> {
    return await this.until(() => {
      const transfer = this.transfers.snapshot().find((candidate) => candidate.id === id);
      return transfer?.state === state && transfer;
    });
  }

  /** The newest transfer, once there is one in this state. */
  async untilAny(state: Transfer['state']): Promise<Transfer> {
    return await this.until(() => this.transfers.snapshot().findLast((transfer) => transfer.state === state));
  }

  downloaded(): string[] {
    return fs.existsSync(this.downloads) ? fs.readdirSync(this.downloads).sort() : [];
  }

  #watched(driver: Driver): Driver {
    const around = <Result>(work: () => Result): Result => {
      this.onWrite();
      const result = work();
      this.onWrite();
      return result;
    };
    return {
      all: (sql, ...values) => driver.all(sql, ...values),
      get: (sql, ...values) => driver.get(sql, ...values),
      run: (sql, ...values) => around(() => driver.run(sql, ...values)),
      exec: (sql) => driver.exec(sql),
      transaction: (work) => around(() => driver.transaction(work)),
      onRollback: (undo) => driver.onRollback(undo),
      close: () => driver.close(),
    };
  }

  #start(): [Driver, Transfers] {
    const opened = openDriver(path.join(this.folder, 'test.db'), this.#key, () => {});
    migrate(opened);
    const driver = this.#watched(opened);
    const route = { accountId: ACCOUNT, address: this.#peer };
    const context: TransfersContext = {
      folder: this.folder,
      driver,
      downloadFolder: () => this.downloads,
      clock: this.clock,
      log: (level, event, facts) => {
        this.logged.push(`${level} ${event}`);
        this.loggedFacts.push(facts);
      },
      emit: (event) => {
        this.events.push(event);
        this.toldAt.push(this.clock.now());
        // as the core does: whoever listens hears of it later, not within the change
        queueMicrotask(() => {
          for (const listener of this.#listeners) listener();
        });
      },
      shell: {
        openPath: async (file) => {
          this.opened.push(file);
          return this.refusal;
        },
        revealPath: async (file) => void this.revealed.push(file),
        thumbnail: async (file) => this.thumbnails.get(file),
      },
      talks: {
        routeOf: (talkId) => (talkId === TALK ? route : undefined),
        talkFor: () => TALK,
        addFile: (_talkId, line) => {
          const messageId = `message-${this.lines.length + 1}`;
          this.lines.push({ ...line, messageId, state: line.direction === 'incoming' ? 'received' : 'queued' });
          return messageId;
        },
        markFile: (messageId, state) => {
          const line = this.lines.find((candidate) => candidate.messageId === messageId);
          if (line) line.state = state;
        },
        sendText: (_talkId, text) => this.texts.push(text),
      },
    };
    return [driver, createTransfers(context)];
  }
}
