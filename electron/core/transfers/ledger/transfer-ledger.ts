import type { ProviderError } from '../../../../protocols/contract/index.ts';
import type { Transfer } from '../../../contract/index.ts';
import type { ByteRange } from '../files/byte-ranges.ts';
import type { TransfersContext } from '../transfers.ts';
import { endOf } from './ended.ts';
import { SpeedMeter } from './speed-meter.ts';
import { isReceiving, isSending, messageStateOf, type TransferRow, viewOf } from './transfer-row.ts';
import { TransferRows } from './transfer-rows.ts';
import { isFinal, mayBegin, mayMove, type TransferStage } from './transfer-stage.ts';

/** At most ten progress events a second, all transfers together. */
const EVENT_INTERVAL = 100;
/** A running transfer that stands still is told at this pace, so that its speed falls to nothing. */
const STILL_INTERVAL = 1_000;
const WRITE_INTERVAL = 1_000;
const AT_REST = { speed: 0, secondsLeft: null };

interface Entry {
  row: TransferRow;
  meter: SpeedMeter | undefined;
  prepared: number | undefined;
  writtenAt: number;
  /** Something of what this attempt brought is written down. */
  begun: boolean;
  /** Has news that no event has told yet. */
  news: boolean;
}

type Changes = Partial<Omit<TransferRow, 'id' | 'stage' | 'bytes'>>;

/**
 * Every transfer that is shown, in memory and on disk, and the one place where a state changes: written first, then told.
 * Progress is told at most ten times a second and written at most once.
 */
export class TransferLedger {
  readonly rows: TransferRows;
  readonly #context: TransfersContext;
  readonly #entries = new Map<string, Entry>();
  /** Those whose last state the disk did not take. */
  readonly #unwritten = new Set<string>();
  #emittedAt = Number.NEGATIVE_INFINITY;
  #timer: { due: number; stop: () => void } | undefined;

  constructor(context: TransfersContext) {
    this.#context = context;
    this.rows = new TransferRows(context.driver);
  }

  load(): void {
    for (const row of this.rows.shown()) this.#put(row);
  }

  get(id: string): TransferRow | undefined {
    return this.#entries.get(id)?.row;
  }

  all(): TransferRow[] {
    return [...this.#entries.values()].map((entry) => entry.row);
  }

  views(): Transfer[] {
    const now = this.#context.clock.now();
    return [...this.#entries.values()].map((entry) => this.#view(entry, now));
  }

  /**
   * Writes new transfers, in one transaction with whatever `make` writes, and tells them. Throws what `make` and the store
   * throw: then none was kept.
   */
  insert(make: () => readonly TransferRow[]): readonly TransferRow[] {
    const rows = this.#context.driver.transaction(() => {
      const made = make();
      for (const row of made) this.rows.save(row);
      return made;
    });
    for (const row of rows) this.#put(row);
    this.#tell(rows.map((row) => row.id));
    return rows;
  }

  /** Goes to another state of the same attempt. False when the picture has no such way: nothing happened then. */
  move(id: string, stage: TransferStage, changes: Changes = {}): boolean {
    const entry = this.#entries.get(id);
    if (!entry || !mayMove(entry.row.stage, stage)) return false;
    this.#change(entry, { ...entry.row, ...changes, stage });
    return true;
  }

  /** Begins a new attempt at something that is over. */
  begin(id: string, stage: TransferStage, changes: Changes = {}): boolean {
    const entry = this.#entries.get(id);
    if (!entry || !isFinal(entry.row.stage) || !mayBegin(stage)) return false;
    this.#change(entry, { ...entry.row, ...changes, stage, bytes: 0, tidied: false });
    return true;
  }

  /** Begins another attempt where one was lost, without a word of an end in between. Its bytes are still true. */
  again(id: string, stage: TransferStage, changes: Changes = {}): boolean {
    const entry = this.#entries.get(id);
    if (!entry || !mayBegin(stage)) return false;
    this.#change(entry, { ...entry.row, ...changes, stage, tidied: false });
    return true;
  }

  /** An attempt was lost, and another follows. */
  interrupted({ id, route, side, bytes }: TransferRow, { code, protocolCode }: ProviderError): void {
    const codes = { code, ...(protocolCode === undefined ? {} : { protocolCode }) };
    const facts = { id, account: route.accountId, direction: side.direction, bytes, ...codes };
    this.#context.log('info', 'transfer-interrupted', facts);
  }

  /** Other facts of a transfer, in the same state. */
  amend(id: string, changes: Changes): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.prepared = undefined;
    this.#change(entry, { ...entry.row, ...changes });
  }

  /** Facts of several at once: all of them are on disk, or none. */
  amendTogether(changes: readonly (readonly [id: string, Changes])[]): void {
    const rows = changes.flatMap(([id, change]) => {
      const entry = this.#entries.get(id);
      if (!entry) return [];
      entry.row = { ...entry.row, ...change };
      entry.prepared = undefined;
      entry.writtenAt = this.#context.clock.now();
      return [entry.row];
    });
    const ids = rows.map(({ id }) => id);
    this.#safely(ids, () => {
      this.#context.driver.transaction(() => {
        for (const row of rows) this.rows.save(row);
      });
      for (const id of ids) this.#unwritten.delete(id);
    });
    this.#tell(ids);
  }

  /** An attempt begins with so many bytes, which may be fewer than an earlier one had. */
  startAt(id: string, bytes: number, runs: readonly ByteRange[] = []): void {
    const entry = this.#entries.get(id);
    if (!entry || isFinal(entry.row.stage)) return;
    entry.row = { ...entry.row, bytes: 0 };
    entry.begun = false;
    this.progress(id, bytes, runs);
  }

  /** `runs`: what is in the part, when receiving. Fewer bytes than before are no news. */
  progress(id: string, bytes: number, runs: readonly ByteRange[] = []): void {
    const entry = this.#entries.get(id);
    if (!entry || isFinal(entry.row.stage) || bytes <= entry.row.bytes) return;
    const { row } = entry;
    entry.row = isReceiving(row) ? { ...row, bytes, side: { ...row.side, runs: [...runs] } } : { ...row, bytes };
    const now = this.#context.clock.now();
    entry.meter?.add(now, bytes);
    // a clock that was set back must not keep it from the disk
    if (Math.abs(now - entry.writtenAt) >= WRITE_INTERVAL) {
      entry.writtenAt = now;
      this.#safely([id], () => this.rows.saveProgress(id, bytes, runs));
    }
    entry.news = true;
    this.#schedule(this.#emittedAt + EVENT_INTERVAL);
  }

  /** What is in the part outlives us now. The first of it is written down at once. */
  kept(id: string, runs: readonly ByteRange[]): void {
    const entry = this.#entries.get(id);
    if (!entry || !isReceiving(entry.row) || isFinal(entry.row.stage)) return;
    const { row } = entry;
    entry.row = { ...row, side: { ...row.side, runs: [...runs] } };
    const now = this.#context.clock.now();
    if (entry.begun && Math.abs(now - entry.writtenAt) < WRITE_INTERVAL) return;
    entry.writtenAt = now;
    entry.begun = true;
    this.#safely([id], () => this.rows.saveProgress(id, row.bytes, runs));
  }

  /** How far the hash is, in bytes. */
  prepared(id: string, bytes: number): void {
    const entry = this.#entries.get(id);
    if (!entry || isFinal(entry.row.stage)) return;
    entry.prepared = bytes;
    entry.news = true;
    this.#schedule(this.#emittedAt + EVENT_INTERVAL);
  }

  /** Takes all that have ended out of the panel; in their talks they stay. In one transaction. */
  tidy(): void {
    const ended = [...this.#entries.values()].filter(({ row }) => isFinal(row.stage) && !row.tidied);
    this.#context.driver.transaction(() => {
      for (const { row } of ended) this.rows.save({ ...row, tidied: true });
    });
    for (const entry of ended) entry.row = { ...entry.row, tidied: true };
    this.#tell(ended.map(({ row }) => row.id));
  }

  /** Takes transfers out of everything that is shown: their talk is gone. */
  forget(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.rows.forget(ids);
    for (const id of ids) this.#entries.delete(id);
    this.#context.emit({ type: 'transfers', changed: [], removed: [...ids] });
  }

  /** The disk takes writes again. */
  roomAgain(): void {
    for (const id of this.#unwritten) {
      const entry = this.#entries.get(id);
      if (entry) this.#safely([id], () => this.#write(entry.row));
      else this.#unwritten.delete(id);
    }
  }

  stop(): void {
    this.#timer?.stop();
    this.#timer = undefined;
  }

  #put(row: TransferRow): void {
    this.#entries.set(row.id, { row, meter: undefined, prepared: undefined, writtenAt: 0, begun: false, news: false });
  }

  #change(entry: Entry, row: TransferRow): void {
    const before = entry.row.stage;
    const now = this.#context.clock.now();
    entry.row = row;
    if (row.stage.state !== before.state) {
      entry.meter = row.stage.state === 'running' ? new SpeedMeter(now, row.bytes) : undefined;
      entry.prepared = undefined;
    }
    entry.writtenAt = now;
    if (row.stage !== before) this.#log(row, before);
    this.#safely([row.id], () => this.#write(row, before));
    this.#tell([row.id]);
  }

  /** Every end, with its codes and without names, so that a help desk can say why. */
  #log(row: TransferRow, before: TransferStage): void {
    const end = endOf(row.stage, before);
    if (!end) return;
    const { id, route, side, bytes } = row;
    const { level, event, facts } = end;
    this.#context.log(level, event, { id, account: route.accountId, direction: side.direction, bytes, ...facts });
  }

  #write(row: TransferRow, before?: TransferStage): void {
    this.#context.driver.transaction(() => {
      this.rows.save(row);
      if (isSending(row) && (!before || messageStateOf(before) !== messageStateOf(row.stage))) {
        this.#context.talks.markFile(row.messageId, messageStateOf(row.stage));
      }
    });
    this.#unwritten.delete(row.id);
  }

  /**
   * A state that cannot be written is true all the same: the transfer goes on, and what an older row says is put right
   * when there is room, or at the next start.
   */
  #safely(ids: readonly string[], write: () => void): void {
    try {
      write();
    } catch (error) {
      for (const id of ids) this.#unwritten.add(id);
      this.#context.log('error', 'transfer-not-written', { error: error instanceof Error ? error.message : 'unknown' });
    }
  }

  #view(entry: Entry, now: number): Transfer {
    return viewOf(entry.row, entry.meter?.pace(now, entry.row.size) ?? AT_REST, entry.prepared);
  }

  #tell(ids: readonly string[]): void {
    const now = this.#context.clock.now();
    const changed: Transfer[] = [];
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (!entry) continue;
      entry.news = false;
      changed.push(this.#view(entry, now));
    }
    if (changed.length > 0) this.#context.emit({ type: 'transfers', changed, removed: [] });
    if (changed.some((transfer) => transfer.speed > 0)) this.#schedule(now + STILL_INTERVAL);
  }

  #schedule(due: number): void {
    if (this.#timer && this.#timer.due <= due) return;
    this.#timer?.stop();
    // never longer than the longest of them, wherever the clock was set meanwhile
    const wait = Math.min(STILL_INTERVAL, Math.max(0, due - this.#context.clock.now()));
    const stop = this.#context.clock.after(wait, () => {
      this.#timer = undefined;
      this.#emittedAt = this.#context.clock.now();
      const moving = (entry: Entry) => entry.news || entry.meter !== undefined;
      this.#tell([...this.#entries].filter(([, entry]) => moving(entry)).map(([id]) => id));
    });
    this.#timer = { due, stop };
  }
}
