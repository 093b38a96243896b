import { randomUUID } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import {
  type FileRequest,
  type FileTransferOperationSet,
  type OpenOffer,
  type ProtocolTransfer,
  ProviderError,
  type TransferPhase,
  type Unsubscribe,
} from '../../../../protocols/contract/index.ts';
import { type Route, refuse } from '../../../contract/index.ts';
import { commandErrorOf, faultOf } from '../../fault.ts';
import { sameStamp, stampOf } from '../files/file-source.ts';
import { isMediaType } from '../files/media-type.ts';
import { safeName } from '../files/safe-name.ts';
import { DEFINITE, RESUMABLE } from '../ledger/resumable.ts';
import type { TransferLedger } from '../ledger/transfer-ledger.ts';
import { canRetry, isSending, type SendingRow, type TransferRow } from '../ledger/transfer-row.ts';
import {
  type FinalStage,
  isFinal,
  isHeld,
  isOver,
  type TransferStage,
  type Unanswered,
  unansweredOf,
} from '../ledger/transfer-stage.ts';
import type { TransferProvider, TransfersContext } from '../transfers.ts';
import { Limiter } from './limiter.ts';
import { anotherOf, mayCopy, newRow } from './new-row.ts';
import { type OfferedFile, offeredFile } from './offered-file.ts';
import type { OutgoingCopies } from './outgoing-copies.ts';
import { Patience } from './patience.ts';
import { prepare } from './preparation.ts';
import { offersBeside, together } from './together.ts';
import { mayOfferAgain, unansweredBy } from './unanswered.ts';
import { wantedRow } from './wanted-row.ts';

/** Files that are hashed at once; more would only make the disk jump. */
const HASHED_AT_ONCE = 2;
/** Offers of an account that are on their way at once, counting those that the same peer has not answered yet. */
const OFFERS_AT_ONCE = 4;

interface Live {
  transfer: ProtocolTransfer;
  /** The same for files offered together. */
  offer: object;
  stop: Unsubscribe;
}

/** The files we offer: prepared in the background, sent when their peer can take them, a few at once. */
export class Sending {
  readonly #context: TransfersContext;
  readonly #ledger: TransferLedger;
  readonly #providers: ReadonlyMap<string, TransferProvider>;
  readonly #copies: OutgoingCopies;
  readonly #hashing = new Limiter(HASHED_AT_ONCE);
  readonly #patience: Patience;
  readonly #preparing = new Map<string, AbortController>();
  /** Hashed, and not out yet, in order; false for those that waited since: their file may have changed. */
  readonly #ready = new Map<string, boolean>();
  readonly #live = new Map<string, Live>();
  readonly #work = new Set<Promise<void>>();
  #dispatching = false;
  #again = false;
  #stopped = false;

  constructor(
    context: TransfersContext,
    ledger: TransferLedger,
    providers: ReadonlyMap<string, TransferProvider>,
    copies: OutgoingCopies,
  ) {
    this.#context = context;
    this.#ledger = ledger;
    this.#providers = providers;
    this.#copies = copies;
    this.#patience = new Patience(context.clock, Math.random, () => this.dispatch());
  }

  /** One transfer for each path, on disk when this returns. A path that cannot be read becomes a failed one. */
  async offer(talkId: string, paths: readonly string[], note: string | undefined): Promise<string[]> {
    if (!paths.every((file) => path.isAbsolute(file))) throw refuse('command-invalid');
    // the file itself, not a link to it: the link may point elsewhere tomorrow
    const sources = await Promise.all(paths.map((file) => realpath(file).catch(() => file)));
    const names = paths.map((file) => path.basename(file));
    const batch = paths.length > 1 ? { batch: randomUUID() } : {};
    return this.#add(() => {
      if (note?.trim()) this.#context.talks.sendText(talkId, note);
      return sources.map((source, index) => {
        const row = newRow(this.#context, talkId, names[index] ?? '', source);
        return { ...row, side: { ...row.side, ...batch } };
      });
    });
  }

  /** The same for something that is no file yet. */
  async offerData(talkId: string, name: string, type: string, data: Uint8Array): Promise<string> {
    if (!this.#context.talks.routeOf(talkId)) throw refuse('not-found');
    const id = randomUUID();
    const source = await this.#copies.keep(id, safeName(name), data).catch((error: unknown) => {
      throw commandErrorOf(error);
    });
    try {
      this.#add(() => {
        const row = newRow(this.#context, talkId, name, source, id);
        return [isMediaType(type) ? { ...row, type } : row];
      });
      return id;
    } catch (error) {
      await this.#copies.remove(id);
      throw error;
    }
  }

  retry(row: SendingRow): void {
    if (!canRetry(row)) throw refuse('wrong-state');
    const goesOn = row.stage.state === 'failed' && RESUMABLE.has(row.stage.fault.code) && row.side.begun === true;
    const side = goesOn ? row.side : { ...row.side, begun: false, offerId: randomUUID() };
    this.#patience.forget(row.id);
    this.#ledger.begin(row.id, { state: 'preparing' }, { path: null, side });
    this.#prepare(row.id);
  }

  pause({ id, stage }: SendingRow): void {
    const live = this.#live.get(id);
    if (stage.state !== 'running' || live?.transfer.pausable !== true) throw refuse('wrong-state');
    live.transfer.pause();
  }

  resume({ id, stage }: SendingRow): void {
    if (stage.state !== 'paused' || stage.by !== 'us') throw refuse('wrong-state');
    const live = this.#live.get(id);
    if (live) {
      live.transfer.resume();
      return;
    }
    this.#patience.forget(id);
    this.#ledger.again(id, { state: 'waiting-for-peer' });
    this.#prepare(id);
  }

  /** There is reason to believe that what was lost to this account, or to this address of it, can go on now. */
  hurry({ accountId, address }: { accountId: string; address?: string }): void {
    for (const id of this.#ready.keys()) {
      const route = this.#ledger.get(id)?.route;
      if (route?.accountId === accountId && (address === undefined || route.address === address))
        this.#patience.hurry(id);
    }
  }

  cancel(row: SendingRow): void {
    this.#preparing.get(row.id)?.abort();
    const open = unansweredOf(row.stage) ? offeredFile(row)?.outgoing : undefined;
    this.#end(row.id, { state: 'cancelled', by: 'us', endedAt: this.#context.clock.now() });
    const { accountId, address } = row.route;
    const files = this.#providers.get(accountId)?.operationSet('fileTransfer');
    if (open) files?.close?.({ peer: address, direction: 'outgoing', key: open.id }, open.file);
  }

  /** The receiver has declined what was open. */
  closed(accountId: string, { peer, key }: OpenOffer): void {
    for (const { id, side } of unansweredBy({ accountId, address: peer }, this.#ledger.all()))
      if (side.offerId === key) this.#end(id, { state: 'declined', endedAt: this.#context.clock.now() });
  }

  /** The peer was away, and is there: what its program does not ask for by itself is offered again, once a day at most. */
  offerAgain(route: Route): void {
    for (const row of unansweredBy(route, this.#ledger.all())) {
      if (!mayOfferAgain(row, this.#context.clock.now())) continue;
      this.#ledger.again(row.id, { state: 'waiting-for-peer' });
      this.#prepare(row.id);
    }
  }

  /** The copy of a transfer that nobody sees any more. */
  forget(row: SendingRow): void {
    if (row.side.owned) this.#track(this.#copies.remove(row.id));
  }

  /** What an earlier life of the program left goes on: offered again, once the peer can take it. */
  recover(row: SendingRow): void {
    const { id, stage } = row;
    if (isFinal(stage) || isHeld(stage) || unansweredOf(stage)) return;
    if (stage.state !== 'preparing') this.#ledger.again(id, { state: 'waiting-for-peer' });
    this.#prepare(id);
  }

  /** Something changed that an offer may have waited for: a peer came back, an account was attached, another file ended. */
  dispatch(): void {
    this.#again = true;
    // an offer may fail while it is made, and so come here again: the loop that runs goes round once more
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        for (const id of this.#ready.keys()) {
          const row = this.#ledger.get(id);
          if (row && isSending(row) && !isFinal(row.stage)) this.#tryToSend(row);
          else this.#ready.delete(id);
        }
      }
    } finally {
      this.#dispatching = false;
    }
  }

  async shutDown(): Promise<void> {
    this.#stopped = true;
    for (const abort of this.#preparing.values()) abort.abort();
    this.#patience.stop();
    for (const id of this.#live.keys()) this.#wait(id);
    await Promise.all(this.#work);
  }

  #add(make: () => TransferRow[]): string[] {
    const ids = this.#ledger.insert(make).map((row) => row.id);
    for (const id of ids) this.#prepare(id);
    return ids;
  }

  #prepare(id: string): void {
    const abort = new AbortController();
    this.#preparing.set(id, abort);
    this.#track(
      this.#hashing
        .run(abort.signal, () =>
          prepare(this.#context, this.#ledger, id, { signal: abort.signal, maximum: this.#maximumOf(id) }),
        )
        .then(
          () => {
            if (!abort.signal.aborted) this.#ready.set(id, true);
          },
          (error: unknown) => {
            if (!abort.signal.aborted) this.#fail(id, ProviderError.from(error));
          },
        )
        .then(() => {
          // a retry may have begun to prepare it anew
          if (this.#preparing.get(id) === abort) this.#preparing.delete(id);
          this.dispatch();
        }),
    );
  }

  /** The largest file in bytes that the route of this transfer takes; undefined while that is not known. */
  #maximumOf(id: string): number | undefined {
    const provider = this.#providers.get(this.#ledger.get(id)?.route.accountId ?? '');
    return provider?.registration.state === 'online' ? provider.operationSet('fileTransfer')?.maximumBytes : undefined;
  }

  #tryToSend(row: SendingRow): void {
    const provider = this.#providers.get(row.route.accountId);
    const capability = provider?.capabilitiesOf(row.route.address).fileTransfer;
    const files = provider?.operationSet('fileTransfer');
    if (provider && (!files || (capability?.on === false && DEFINITE.has(capability.off.code)))) {
      this.#ready.delete(row.id);
      this.#fail(row.id, capability?.on === false ? capability.off : new ProviderError('not-supported'));
    } else if (
      !files ||
      !capability?.on ||
      provider?.registration.state !== 'online' ||
      !this.#patience.isDue(row.id)
    ) {
      this.#ledger.move(row.id, { state: 'waiting-for-peer' });
      this.#ready.set(row.id, false);
    } else if ((row.size ?? 0) > files.maximumBytes) {
      this.#ready.delete(row.id);
      this.#fail(row.id, new ProviderError('too-big', { limit: files.maximumBytes }));
    } else if (this.#room(row)) {
      const group = this.#group(row, files);
      const stale = group.filter(({ id }) => this.#ready.get(id) === false);
      for (const { id } of stale.length > 0 ? stale : group) this.#ready.delete(id);
      if (stale.length > 0) for (const { id } of stale) this.#prepare(id);
      else if (group.length > 0) this.#send(group, files);
    }
  }

  /** The files that are offered with this one; none while they have to wait for another of them. */
  #group(row: SendingRow, files: FileTransferOperationSet): readonly SendingRow[] {
    const group = together(row, this.#ledger.all(), {
      maximum: files.maximumFiles,
      isPreparing: (id) => this.#preparing.has(id),
      isReady: ({ id, size, route }) =>
        this.#ready.has(id) &&
        (size ?? 0) <= files.maximumBytes &&
        route.accountId === row.route.accountId &&
        route.address === row.route.address,
    });
    return group ?? [];
  }

  #room(row: SendingRow): boolean {
    const live = [...this.#live].flatMap(([id, { offer }]) => {
      const other = this.#ledger.get(id);
      return other ? [{ row: other, offer }] : [];
    });
    return offersBeside(row, live) < OFFERS_AT_ONCE;
  }

  #send(rows: readonly SendingRow[], files: FileTransferOperationSet): void {
    const offered = rows.flatMap((row) => {
      const file = offeredFile(row);
      if (!file) this.#fail(row.id, new ProviderError('internal'));
      return file ? [{ row, file }] : [];
    });
    const [first] = offered;
    if (!first) return;
    for (const { row } of offered)
      this.#ledger.move(row.id, { state: 'offered' }, { side: { ...row.side, offered: true } });
    let transfers: readonly ProtocolTransfer[];
    try {
      transfers = files.offer(
        first.row.route.address,
        offered.map(({ file }) => file.outgoing),
      );
    } catch (error) {
      for (const { row } of offered) {
        // nothing was on the wire
        this.#ledger.amend(row.id, { side: row.side });
        this.#fail(row.id, ProviderError.from(error));
      }
      return;
    }
    const offer = {};
    for (const [index, { row, file }] of offered.entries()) {
      const transfer = transfers[index];
      if (transfer) this.#follow(row.id, transfer, { offer, fault: file.fault });
    }
  }

  #follow(
    id: string,
    transfer: ProtocolTransfer,
    { offer, fault }: { offer: object; fault: OfferedFile['fault'] },
  ): void {
    const stops = [
      transfer.onPhase((phase) => this.#onPhase(id, phase, fault())),
      transfer.onBytes((bytes) => this.#ledger.progress(id, bytes)),
    ];
    this.#live.set(id, {
      transfer,
      offer,
      stop: () => {
        for (const stop of stops) stop();
      },
    });
    if (transfer.phase.state !== 'offered') this.#onPhase(id, transfer.phase, fault());
  }

  /** Somebody asks for a file: they get what was offered to them before, while it is still there and the same. */
  give(accountId: string, request: FileRequest): void {
    if (this.#stopped) {
      request.refuse(new ProviderError('peer-offline'));
      return;
    }
    const row = wantedRow(this.#ledger.all(), accountId, request);
    // a person has stopped it here: it goes on when they say so
    if (row && !isHeld(row.stage)) this.#track(this.#give(row, request));
    else request.refuse();
  }

  async #give(row: SendingRow, request: FileRequest): Promise<void> {
    const stamp = await stampOf(row.side.source).catch(() => undefined);
    const now = this.#ledger.get(row.id);
    const same = stamp && row.side.stamp && sameStamp(stamp, row.side.stamp);
    if (this.#stopped) {
      request.refuse(new ProviderError('peer-offline'));
      return;
    }
    if (!same || !now || !isSending(now)) {
      request.refuse();
      // nobody will ask again, and its person thinks that it can still be had
      const gone = new ProviderError(stamp ? 'source-changed' : 'source-missing');
      if (!same && now && unansweredOf(now.stage)) this.#fail(row.id, gone);
      return;
    }
    if (now.stage.state === 'completed' && !mayCopy(now, this.#ledger.all(), this.#context.clock.now())) {
      request.refuse();
      return;
    }
    const id = this.#newAttempt(now);
    const given = this.#ledger.get(id);
    const file = given && isSending(given) ? offeredFile(given) : undefined;
    if (file) this.#follow(id, request.give(file.outgoing), { offer: {}, fault: file.fault });
    else request.refuse();
  }

  /** What arrived once stays arrived: whoever wants it again gets it as another transfer. */
  #newAttempt(row: SendingRow): string {
    const { id, stage } = row;
    const live = this.#live.get(id);
    this.#live.delete(id);
    this.#ready.delete(id);
    this.#patience.forget(id);
    live?.stop();
    // the peer would not ask if it still had that
    if (live && !isOver(live.transfer.phase)) live.transfer.interrupt();
    // with the id they know: when this attempt is lost, what is offered again is what they asked for
    if (stage.state === 'completed') {
      const [copy] = this.#ledger.insert(() => [anotherOf(this.#context, row)]);
      return copy?.id ?? id;
    }
    if (isFinal(stage)) this.#ledger.begin(id, { state: 'offered' }, { path: null });
    else this.#ledger.again(id, { state: 'offered' });
    return id;
  }

  #onPhase(id: string, phase: TransferPhase, sourceFault: ProviderError | undefined): void {
    const endedAt = this.#context.clock.now();
    switch (phase.state) {
      case 'offered':
        break;
      case 'accepted':
      case 'connecting':
      case 'running':
      case 'paused':
        this.#goOn(id, phase);
        break;
      case 'finished':
        this.#end(id, { state: 'completed', endedAt });
        break;
      case 'declined':
        this.#end(id, { state: 'declined', endedAt });
        break;
      case 'cancelled':
        this.#end(id, { state: 'cancelled', by: phase.by, endedAt });
        break;
      case 'unanswered':
        this.#rest(id, { at: endedAt, asked: phase.asked });
        break;
      case 'failed':
        this.#fail(id, sourceFault ?? phase.error);
        break;
      default:
        phase satisfies never;
    }
  }

  #goOn(id: string, phase: Extract<TransferStage, TransferPhase>): void {
    const row = this.#ledger.get(id);
    if (!row || !isSending(row)) return;
    const transfer = this.#live.get(id)?.transfer;
    const side = row.side.begun ? row.side : { ...row.side, begun: true };
    // what the peer has of an earlier attempt
    if (phase.state === 'running' && row.stage.state !== 'paused') this.#ledger.startAt(id, transfer?.bytes ?? 0);
    this.#ledger.move(id, phase, { side, pausable: transfer?.pausable === true });
  }

  #fail(id: string, error: ProviderError): void {
    const row = this.#ledger.get(id);
    if (row && isSending(row) && this.#canGoOn(row, error)) {
      this.#ledger.interrupted(row, error);
      this.#wait(id);
      return;
    }
    this.#end(id, { state: 'failed', fault: faultOf(error), endedAt: this.#context.clock.now() });
  }

  /** Lost on the way after the peer had accepted, or before anybody could be asked: the same offer is made again in time. */
  #canGoOn({ id, bytes, stage, side }: SendingRow, { code }: ProviderError): boolean {
    if (isFinal(stage)) return false;
    if (side.begun !== true) {
      if (stage.state !== 'offered') return false;
      // as a text that is kept: until the peer appears, or for some minutes where nobody tells of that
      if (code === 'peer-offline') this.#patience.absent(id);
      return code === 'peer-offline' || (code === 'network' && this.#patience.lost(id, bytes));
    }
    if (!(RESUMABLE.has(code) || code === 'peer-busy')) return false;
    return isHeld(stage) || this.#patience.lost(id, bytes);
  }

  /** Nobody has answered in time: the offer is left open, until its receiver asks for the file. */
  #rest(id: string, unanswered: Unanswered): void {
    const row = this.#ledger.get(id);
    const live = this.#live.get(id);
    this.#live.delete(id);
    this.#patience.forget(id);
    live?.stop();
    if (row?.stage.state === 'offered') this.#ledger.again(id, { state: 'offered', unanswered });
    this.dispatch();
  }

  /** The attempt is over, the transfer is not: it is offered again in time, or when whoever paused it says so. */
  #wait(id: string): void {
    const row = this.#ledger.get(id);
    const live = this.#live.get(id);
    this.#live.delete(id);
    live?.stop();
    if (live && !isOver(live.transfer.phase)) live.transfer.interrupt();
    if (!row || isFinal(row.stage)) return;
    if (!isHeld(row.stage)) {
      this.#ledger.again(id, { state: 'waiting-for-peer' });
      this.#ready.set(id, false);
    }
    this.dispatch();
  }

  #end(id: string, stage: FinalStage): void {
    const row = this.#ledger.get(id);
    if (!row || !isSending(row)) return;
    const live = this.#live.get(id);
    const finished = stage.state === 'completed';
    if (finished) this.#ledger.progress(id, row.size ?? 0);
    if (!this.#ledger.move(id, stage, finished && !row.side.owned ? { path: row.side.source } : {})) return;
    this.#live.delete(id);
    this.#ready.delete(id);
    this.#patience.forget(id);
    live?.stop();
    // the peer is told, unless it was the peer that told us
    if (live && !isOver(live.transfer.phase)) live.transfer.cancel();
    // a failed one may be tried again, and there is no other copy of it
    if (row.side.owned && stage.state !== 'failed') this.#track(this.#copies.remove(id));
    this.dispatch();
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}
