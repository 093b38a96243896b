import path from 'node:path';
import {
  type FileOffer,
  type FileTransferOperationSet,
  type OpenOffer,
  type ProtocolTransfer,
  ProviderError,
  type TransferPhase,
} from '../../../../protocols/contract/index.ts';
import { refuse } from '../../../contract/index.ts';
import { commandErrorOf, faultOf } from '../../fault.ts';
import { type PartFile, removePart } from '../files/part-file.ts';
import { RESUMABLE } from '../ledger/resumable.ts';
import type { TransferLedger } from '../ledger/transfer-ledger.ts';
import { canRetry, isReceiving, type ReceivingRow, type TransferRow } from '../ledger/transfer-row.ts';
import { type FinalStage, isFinal, isHeld, isOver, unansweredOf } from '../ledger/transfer-stage.ts';
import type { TransferProvider, TransfersContext } from '../transfers.ts';
import {
  adoptLost,
  canComeAgain,
  countedSink,
  FULL,
  hashesOf,
  isSameContent,
  isWorthKeeping,
  mayBeSame,
  refusalOf,
  waitingTwins,
  wantedOf,
} from './checks.ts';
import { Finishing } from './finishing.ts';
import type { Live } from './live.ts';
import { offeredRow } from './offered-row.ts';
import { Parts } from './parts.ts';

/** The files others offer us: kept as rows when they are offered, as parts while they come, as files when they are whole. */
export class Receiving {
  readonly #context: TransfersContext;
  readonly #ledger: TransferLedger;
  readonly #providers: ReadonlyMap<string, TransferProvider>;
  readonly #live = new Map<string, Live>();
  readonly #parts: Parts;
  readonly #finishing: Finishing;
  readonly #work = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(context: TransfersContext, ledger: TransferLedger, providers: ReadonlyMap<string, TransferProvider>) {
    this.#context = context;
    this.#ledger = ledger;
    this.#providers = providers;
    this.#parts = new Parts(ledger);
    this.#finishing = new Finishing(context, ledger, this.#parts);
  }

  /** Puts an offer on disk. Never throws: an offer that cannot be kept is refused. `askable`: it can be asked for again. */
  take(accountId: string, offer: FileOffer, askable: boolean): void {
    try {
      this.#keep(accountId, offer, askable);
    } catch (error) {
      this.#context.log('error', 'offer-not-kept', { error: error instanceof Error ? error.message : 'unknown' });
      // nobody was asked, so nobody has said no
      offer.transfer.fail(ProviderError.from(error));
    }
  }

  /** `wished`: an absolute path; otherwise the offered name in the download folder. */
  accept(row: ReceivingRow, wished: string | undefined): Promise<void> {
    const work = this.#accept(row, wished).catch((error: unknown) => {
      if (error instanceof ProviderError) this.#keepOpen(row.id, error);
      throw commandErrorOf(error);
    });
    this.#track(work.catch(() => {}));
    return work;
  }

  /** Still offered: another folder or some room on the disk, and it can be accepted after all. The peer is told nothing. */
  #keepOpen(id: string, error: ProviderError): void {
    const state = this.#ledger.get(id)?.stage.state;
    if (state === 'offered' || (state === 'waiting-for-peer' && this.#live.has(id)))
      this.#ledger.again(id, { state: 'offered', fault: faultOf(error) });
  }

  async #accept(row: ReceivingRow, wished: string | undefined): Promise<void> {
    if (wished !== undefined && !path.isAbsolute(wished)) throw refuse('command-invalid');
    const target = wished ?? path.join(this.#context.downloadFolder(), row.name);
    if (unansweredOf(row.stage) && !this.#live.has(row.id) && !this.#askLate(row, target)) return;
    const live = this.#live.get(row.id);
    const open = row.stage.state === 'offered' || row.stage.state === 'waiting-for-peer' || live?.held;
    if (!live || live.accepted || !open) throw refuse('wrong-state');
    const accepted: NonNullable<Live['accepted']> = { abort: new AbortController(), target };
    live.accepted = accepted;
    const part = await this.#parts.open(row, accepted).catch((error: unknown) => {
      delete live.accepted;
      if (!accepted.abort.signal.aborted) throw error;
    });
    if (!part) {
      // its offer went unanswered in this moment, and it is asked for instead
      if (this.#live.has(row.id)) return;
      throw refuse('wrong-state');
    }
    // what an earlier attempt brought counts as bytes, and not as speed
    this.#ledger.startAt(row.id, part.bytes, part.runs);
    live.transfer.accept({
      sink: countedSink(part, () => this.#ledger.progress(row.id, part.bytes, part.runs)),
      from: part.prefix,
      complete: () => {
        if (!accepted.completing) {
          accepted.completing = this.#complete(row.id, part, accepted);
          this.#track(accepted.completing.catch(() => {}));
        }
        return accepted.completing;
      },
    });
  }

  /** Accepted after its offer had gone unanswered: from here on it is this side that asks for it. False: not yet. */
  #askLate(row: ReceivingRow, target: string): boolean {
    const files = this.#files(row);
    const side = { ...row.side, wantedLate: true };
    // as soon as the account is there: see `askAgain`
    const later = !files && row.hashes.length > 0;
    if (later) return !this.#ledger.again(row.id, { state: 'waiting-for-peer' }, { side: { ...side, target } });
    const transfer = files?.fetch?.(row.route.address, wantedOf(row));
    if (!transfer) throw refuse('wrong-state');
    this.#ledger.amend(row.id, { side });
    this.#follow(row.id, transfer);
    return true;
  }

  #files({ route }: ReceivingRow): FileTransferOperationSet | undefined {
    return this.#providers.get(route.accountId)?.operationSet('fileTransfer');
  }

  decline(row: ReceivingRow): void {
    if (row.stage.state !== 'offered') throw refuse('wrong-state');
    const live = this.#live.get(row.id);
    this.#end(row.id, { state: 'declined', endedAt: this.#context.clock.now() }, () => live?.transfer.decline());
    const offer = { peer: row.route.address, direction: 'incoming', key: row.side.key } as const;
    if (!live) this.#files(row)?.close?.(offer, wantedOf(row));
  }

  /** Its sender has taken back what was open. */
  closed(accountId: string, { key }: OpenOffer): void {
    const row = this.#ledger.get(this.#ledger.rows.byOffer(accountId, key)?.id ?? '');
    if (row && unansweredOf(row.stage))
      this.#end(row.id, { state: 'cancelled', by: 'peer', endedAt: this.#context.clock.now() });
  }

  cancel(row: ReceivingRow): void {
    this.#end(row.id, { state: 'cancelled', by: 'us', endedAt: this.#context.clock.now() });
  }

  /** Asks the peer for the file, from where it stopped. While the peer is away it waits, and is asked for when they are back. */
  async retry(row: ReceivingRow, files: FileTransferOperationSet | undefined): Promise<void> {
    if (!canRetry(row) || !files?.fetch) throw refuse('wrong-state');
    const { id, route, side } = row;
    // nobody offers it: a person who asks is not asked
    this.#ledger.begin(id, { state: 'waiting-for-peer' });
    this.#follow(id, files.fetch(route.address, wantedOf(row)));
    const now = this.#ledger.get(id);
    if (now && isReceiving(now)) await this.accept(now, side.target);
  }

  /** Asks for what waits for its sender, who may not have noticed that it was lost, or waits to be asked. */
  askAgain(row: ReceivingRow, files: FileTransferOperationSet): void {
    const waits = row.stage.state === 'waiting-for-peer' && canComeAgain(row) && !this.#live.has(row.id);
    const transfer = waits && row.side.askable ? files.fetch?.(row.route.address, wantedOf(row)) : undefined;
    if (transfer) this.#goOn(row, transfer, { held: false, byItself: true });
  }

  pause({ id, stage }: ReceivingRow): void {
    const live = this.#live.get(id);
    if (stage.state !== 'running' || live?.transfer.pausable !== true) throw refuse('wrong-state');
    live.transfer.pause();
  }

  resume({ id, stage }: ReceivingRow): void {
    if (!isHeld(stage)) throw refuse('wrong-state');
    const live = this.#live.get(id);
    if (!live) this.#ledger.again(id, { state: 'waiting-for-peer' });
    else if (live.transfer.phase.state === 'paused') live.transfer.resume();
    // it is just coming again
    else live.held = false;
  }

  /** The part of a transfer that nobody sees any more. */
  forget(row: ReceivingRow): void {
    if (row.side.part !== null && !this.#live.has(row.id)) this.#track(removePart(row.side.part));
  }

  /** Before `recover`: from here on each part there is belongs to one row. */
  settle = (): Promise<void> => this.#parts.settle(this.#context.clock.now());

  /** What an earlier life of the program left. */
  recover(row: ReceivingRow): void {
    switch (row.stage.state) {
      case 'offered':
        // an offer that cannot be asked for is over, and becomes a new attempt when its protocol repeats it
        if (!unansweredOf(row.stage)) this.#fail(row.id, new ProviderError('peer-offline'));
        break;
      case 'verifying':
        // all bytes were here: nobody else is needed to find out whether they are right
        this.#track(
          this.#finishing.again(row, this.#stopping.signal).then((fault) => {
            if (fault && !this.#stopping.signal.aborted) this.#fail(row.id, fault);
          }),
        );
        break;
      default:
        if (isFinal(row.stage) || isHeld(row.stage)) break;
        if (canComeAgain(row)) this.#ledger.again(row.id, { state: 'waiting-for-peer' });
        else this.#fail(row.id, new ProviderError('network'));
    }
  }

  async shutDown(): Promise<void> {
    this.#stopping.abort();
    for (const [id, live] of this.#live) {
      switch (this.#ledger.get(id)?.stage.state) {
        case 'verifying':
          // needs nobody else, and is taken up again at the next start
          live.stop();
          live.accepted?.abort.abort();
          if (!isOver(live.transfer.phase)) live.transfer.cancel();
          break;
        case 'offered':
          this.#fail(id, new ProviderError('peer-offline'), () => live.transfer.interrupt());
          break;
        default:
          this.#fail(id, new ProviderError('network'), () => live.transfer.interrupt());
      }
    }
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  #keep(accountId: string, offer: FileOffer, askable: boolean): void {
    const { transfer, key, lasting } = offer;
    const known =
      this.#ledger.rows.byOffer(accountId, key) ??
      adoptLost(this.#ledger, accountId, offer, (id) => this.#live.has(id));
    if (known) {
      this.#repeat(known, transfer, lasting === true);
      return;
    }
    const refusal = refusalOf(this.#ledger.all(), transfer);
    if (refusal) {
      this.#context.log('warn', 'offer-refused', { account: accountId, code: refusal.code });
      transfer.fail(refusal);
      return;
    }
    const [row] = this.#ledger.insert(() => [offeredRow(this.#context, accountId, offer, askable)]);
    if (row) this.#follow(row.id, transfer);
  }

  /**
   * The same offer again. Out of an archive, or because the sender lost us, or never heard our last word. `known` may belong
   * to a talk that was forgotten.
   */
  #repeat(known: TransferRow, transfer: ProtocolTransfer, lasting: boolean): void {
    const row = this.#ledger.get(known.id);
    if (isOver(transfer.phase)) return;
    const { id, stage } = row ?? known;
    const again = row && isReceiving(row) && canComeAgain(row) ? row : undefined;
    // RFC 5547 §8.1: an error. What the person saw, and may have said yes to, was something else
    if (!lasting && !again && !mayBeSame(known, transfer)) {
      transfer.decline();
      return;
    }
    switch (stage.state) {
      case 'waiting-for-peer':
      case 'accepted':
      case 'connecting':
      case 'running':
      case 'paused':
        if (again) this.#comeAgain(again, transfer);
        else if (!lasting) transfer.decline();
        break;
      case 'offered':
        // nobody has answered yet; whoever offered it has begun anew
        if (lasting || !row) break;
        this.#beginAnew(id, transfer);
        break;
      case 'verifying':
      case 'completed':
        if (!lasting) this.#confirm(known, transfer);
        break;
      case 'failed':
        if (RESUMABLE.has(stage.fault.code) && this.#ledger.begin(id, { state: 'offered' })) this.#follow(id, transfer);
        else if (!lasting) transfer.decline();
        break;
      case 'cancelled':
        if (lasting) break;
        if (stage.by !== 'us' && this.#ledger.begin(id, { state: 'offered' })) this.#follow(id, transfer);
        else transfer.decline();
        break;
      case 'declined':
        if (!lasting) transfer.decline();
        break;
      case 'preparing':
        break;
      default:
        stage satisfies never;
    }
  }

  /** Another attempt at what is offered; a person who has just said yes has said it to this one. */
  #beginAnew(id: string, transfer: ProtocolTransfer): void {
    const accepted = this.#drop(id)?.accepted;
    this.#ledger.again(id, { state: 'offered' });
    this.#follow(id, transfer);
    this.#acceptAgain(id, accepted);
  }

  /** Goes on where it was lost, without asking anybody: accepted once, by the same peer, the same content. */
  #comeAgain(row: ReceivingRow, transfer: ProtocolTransfer): void {
    const { id } = row;
    if (!isSameContent(row, transfer.file.size ?? null, hashesOf(transfer))) {
      transfer.decline();
      this.#fail(id, new ProviderError('source-changed'));
      return;
    }
    // the earlier connection is dead, though nobody has noticed yet
    if (this.#live.has(id)) this.#wait(id);
    const held = isHeld(row.stage);
    if (!held) this.#ledger.again(id, { state: 'waiting-for-peer' });
    this.#goOn(row, transfer, { held, byItself: false });
  }

  #goOn({ id, side }: ReceivingRow, transfer: ProtocolTransfer, how: Pick<Live, 'held' | 'byItself'>): void {
    this.#follow(id, transfer, how);
    const now = this.#ledger.get(id);
    if (!now || !isReceiving(now) || isOver(transfer.phase)) return;
    const work = this.#accept(now, side.target);
    this.#track(
      work.catch((error: unknown) => {
        if (this.#live.get(id)?.transfer === transfer) this.#fail(id, ProviderError.from(error));
      }),
    );
  }

  /** The sender has not heard that it is whole: it is told so, and sends nothing. */
  #confirm({ id, size }: TransferRow, transfer: ProtocolTransfer): void {
    if (size === null || transfer.file.size !== size) {
      transfer.decline();
      return;
    }
    const complete = async (): Promise<void> => {
      await this.#live.get(id)?.accepted?.completing;
      if (this.#ledger.rows.byId(id)?.stage.state !== 'completed') throw new ProviderError('network');
    };
    transfer.accept({ sink: FULL, from: size, complete });
  }

  #follow(id: string, transfer: ProtocolTransfer, how = { held: false, byItself: false }): void {
    const stop = transfer.onPhase((phase) => this.#onPhase(id, phase));
    this.#live.set(id, { transfer, stop, ...how });
    if (transfer.phase.state !== 'offered') this.#onPhase(id, transfer.phase);
  }

  #onPhase(id: string, phase: TransferPhase): void {
    const endedAt = this.#context.clock.now();
    const live = this.#live.get(id);
    const row = this.#ledger.get(id);
    const late = row && isReceiving(row) && row.side.wantedLate ? row : undefined;
    switch (phase.state) {
      case 'offered':
        break;
      case 'accepted':
      case 'connecting':
        if (!live?.held) this.#ledger.move(id, phase);
        break;
      case 'running':
      case 'paused':
        if (live) live.byItself = false;
        if (late) this.#ledger.amend(id, { side: { ...late.side, wantedLate: false } });
        if (live?.held && phase.state === 'running') {
          live.held = false;
          live.transfer.pause();
        } else this.#ledger.move(id, phase, { pausable: live?.transfer.pausable === true });
        break;
      case 'finished':
        // the end is what `complete` said; a provider that never asked has not kept to the contract
        if (!live?.accepted?.completing) this.#fail(id, new ProviderError('internal'));
        break;
      case 'declined':
        this.#end(id, { state: 'declined', endedAt });
        break;
      case 'cancelled':
        this.#end(id, { state: 'cancelled', by: phase.by, endedAt });
        break;
      case 'unanswered':
        this.#unanswered(id);
        break;
      case 'failed':
        if (phase.error.code === 'source-missing' && late) this.#end(id, { state: 'cancelled', by: 'peer', endedAt });
        else if (live?.byItself && row) {
          this.#ledger.interrupted(row, phase.error);
          this.#wait(id);
        } else this.#fail(id, phase.error);
        break;
      default:
        phase satisfies never;
    }
  }

  /** The attempt is over, and the offer is not; whoever said yes in the last moment gets it all the same. */
  #unanswered(id: string): void {
    const live = this.#drop(id);
    const row = this.#ledger.get(id);
    if (!row || !isReceiving(row) || isFinal(row.stage)) return;
    this.#ledger.again(id, { state: 'offered', unanswered: { at: this.#context.clock.now(), asked: true } });
    this.#acceptAgain(id, live?.accepted);
  }

  /** What a person said yes to in the last moment, with the part of the attempt that is over put away. */
  #acceptAgain(id: string, accepted: Live['accepted']): void {
    if (!accepted) return;
    // a protocol that had not begun with it lets go of no file
    if (accepted.part) this.#track(this.#parts.putAway(id, accepted.part, undefined, true));
    const open = this.#ledger.get(id);
    if (open && isReceiving(open)) this.accept(open, accepted.target).catch(() => undefined);
  }

  async #complete(id: string, part: PartFile, accepted: NonNullable<Live['accepted']>): Promise<void> {
    if (!this.#ledger.move(id, { state: 'verifying' })) throw new ProviderError('cancelled');
    try {
      await this.#finishing.finish(id, part, path.basename(accepted.target), accepted.abort.signal);
      this.#live.get(id)?.stop();
      this.#live.delete(id);
      for (const twin of waitingTwins(this.#ledger, id))
        this.#end(twin, { state: 'completed', endedAt: this.#context.clock.now() });
    } catch (error) {
      const fault = ProviderError.from(error);
      // the provider learns it by this rejection, and tells the peer
      if (!this.#stopping.signal.aborted) this.#fail(id, fault, () => {});
      throw fault;
    }
  }

  #fail(id: string, error: ProviderError, tell?: () => void): void {
    // what the disk said is closer to the cause than what the connection made of it
    const live = this.#live.get(id);
    const fault = live?.accepted?.part?.failure ?? error;
    const row = this.#ledger.get(id);
    if (row && isReceiving(row) && RESUMABLE.has(fault.code) && canComeAgain(row)) {
      this.#ledger.interrupted(row, fault);
      this.#wait(id);
      return;
    }
    // the connection or one of the programs went away, and no person has said anything
    if (row && isReceiving(row) && row.stage.state === 'offered' && row.side.askable && RESUMABLE.has(fault.code)) {
      tell?.();
      this.#unanswered(id);
      return;
    }
    const told = tell ?? (() => live?.transfer.fail(fault));
    this.#end(id, { state: 'failed', fault: faultOf(fault), endedAt: this.#context.clock.now() }, told);
  }

  /** The attempt is over, the transfer is not: its sender offers it again, and then it goes on by itself. */
  #wait(id: string): void {
    const row = this.#ledger.get(id);
    const live = this.#drop(id);
    if (!row || isFinal(row.stage)) return;
    if (!isHeld(row.stage)) this.#ledger.again(id, { state: 'waiting-for-peer' });
    const part = live?.accepted?.part;
    if (part) this.#track(this.#parts.putAway(id, part, live?.accepted?.completing, true));
  }

  /** Lets go of an attempt; its peer may make another. */
  #drop(id: string): Live | undefined {
    const live = this.#live.get(id);
    this.#live.delete(id);
    live?.stop();
    live?.accepted?.abort.abort();
    if (live && !isOver(live.transfer.phase)) live.transfer.interrupt();
    return live;
  }

  #end(id: string, stage: FinalStage, tell?: () => void): void {
    const row = this.#ledger.get(id);
    if (!row || !this.#ledger.move(id, stage)) return;
    const live = this.#live.get(id);
    this.#live.delete(id);
    live?.stop();
    live?.accepted?.abort.abort();
    if (live && !isOver(live.transfer.phase)) {
      if (tell) tell();
      else live.transfer.cancel();
    }
    const part = live?.accepted?.part;
    const keep = stage.state === 'failed' && row.hashes.length > 0 && isWorthKeeping(stage.fault.code, part);
    if (part) this.#track(this.#parts.putAway(id, part, live?.accepted?.completing, keep));
    // what is just being opened is put away by the opening
    else if (!live?.accepted && isReceiving(row) && row.side.part !== null && !(keep && row.side.runs[0]?.[0] === 0)) {
      this.#track(this.#parts.remove(id, row.side.part));
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}
