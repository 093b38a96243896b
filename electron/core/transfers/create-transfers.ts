import { access } from 'node:fs/promises';
import path from 'node:path';
import { type Address, ProviderError, type Unsubscribe } from '../../../protocols/contract/index.ts';
import { refuse } from '../../contract/index.ts';
import { commandErrorOf } from '../fault.ts';
import { isRiskyName } from './files/risky-name.ts';
import { TransferLedger } from './ledger/transfer-ledger.ts';
import { isReceiving, isSending, type TransferRow } from './ledger/transfer-row.ts';
import { isFinal } from './ledger/transfer-stage.ts';
import { Receiving } from './receiving/receiving.ts';
import { OutgoingCopies } from './sending/outgoing-copies.ts';
import { Sending } from './sending/sending.ts';
import type { TransferProvider, Transfers, TransfersContext } from './transfers.ts';

/** What a sender who came back, or sees us again, has not offered by then is asked for, in ms. */
const ASK_AFTER = 3_000;

/** The whole of the transfers, wired. */
export function createTransfers(context: TransfersContext): Transfers {
  const providers = new Map<string, TransferProvider>();
  const subscriptions = new Map<string, Unsubscribe>();
  const copies = new OutgoingCopies(context.folder);
  const ledger = new TransferLedger(context);
  const sending = new Sending(context, ledger, providers, copies);
  const receiving = new Receiving(context, ledger, providers);

  const rowOf = (id: string): TransferRow => {
    const row = ledger.get(id);
    if (!row) throw refuse('not-found');
    return row;
  };
  const incoming = (id: string) => {
    const row = rowOf(id);
    if (!isReceiving(row)) throw refuse('wrong-state');
    return row;
  };

  /** The finished file of a transfer, if it is still where it was put. */
  const finishedFile = async (id: string): Promise<string> => {
    const row = rowOf(id);
    const { stage, path: file } = row;
    if (stage.state !== 'completed') throw refuse('wrong-state');
    // one's own file was not saved here, and the one to have it from is oneself
    const gone = (cause?: unknown): unknown =>
      isSending(row) ? commandErrorOf(new ProviderError('source-missing', { cause })) : refuse('file-gone', { cause });
    if (file === null) throw gone();
    try {
      await access(file);
      return file;
    } catch (cause) {
      ledger.amend(id, { path: null });
      throw gone(cause);
    }
  };

  const cancel = (row: TransferRow): void => {
    if (isFinal(row.stage)) throw refuse('wrong-state');
    if (isSending(row)) sending.cancel(row);
    else if (isReceiving(row)) receiving.cancel(row);
  };

  const forget = (rows: readonly TransferRow[]): void => {
    ledger.forget(rows.map((row) => row.id));
    for (const row of rows) {
      if (isReceiving(row)) receiving.forget(row);
      else if (isSending(row)) sending.forget(row);
    }
  };

  const cancelAll = (rows: readonly TransferRow[]): void => {
    for (const row of rows) if (!isFinal(row.stage)) cancel(row);
  };

  const detach = (accountId: string): void => {
    subscriptions.get(accountId)?.();
    subscriptions.delete(accountId);
    providers.delete(accountId);
  };

  return {
    handlers: {
      'transfers.offer': async ({ talkId, paths, note }) => ({
        transferIds: await sending.offer(talkId, paths, note),
      }),
      'transfers.offerData': async ({ talkId, name, type, data }) => ({
        transferId: await sending.offerData(talkId, name, type, data),
      }),
      'transfers.accept': async ({ transferId, path: wished }) => {
        await receiving.accept(incoming(transferId), wished);
        return null;
      },
      'transfers.decline': ({ transferId }) => {
        receiving.decline(incoming(transferId));
        return null;
      },
      'transfers.cancel': ({ transferId }) => {
        cancel(rowOf(transferId));
        return null;
      },
      'transfers.pause': ({ transferId }) => {
        const row = rowOf(transferId);
        if (isSending(row)) sending.pause(row);
        else if (isReceiving(row)) receiving.pause(row);
        return null;
      },
      'transfers.resume': ({ transferId }) => {
        const row = rowOf(transferId);
        if (isSending(row)) sending.resume(row);
        else if (isReceiving(row)) receiving.resume(row);
        return null;
      },
      'transfers.retry': async ({ transferId }) => {
        const row = rowOf(transferId);
        if (isSending(row)) sending.retry(row);
        else if (isReceiving(row)) {
          await receiving.retry(row, providers.get(row.route.accountId)?.operationSet('fileTransfer'));
        }
        return null;
      },
      'transfers.open': async ({ transferId }) => {
        const file = await finishedFile(transferId);
        if (isRiskyName(path.basename(file)) || isRiskyName(rowOf(transferId).name)) throw refuse('risky-file');
        const refusal = await context.shell.openPath(file);
        // the system's own words may hold the path: they go no further
        if (refusal !== '') throw refuse('not-available-here');
        return null;
      },
      'transfers.reveal': async ({ transferId }) => {
        await context.shell.revealPath(await finishedFile(transferId));
        return null;
      },
      'transfers.clear': () => {
        ledger.tidy();
        return null;
      },
    },

    snapshot: () => ledger.views(),

    async recover() {
      ledger.load();
      await receiving.settle();
      const rows = ledger.all();
      await copies.removeAllBut(new Set(rows.map((row) => row.id)));
      for (const row of rows) {
        if (isSending(row)) sending.recover(row);
        else if (isReceiving(row)) receiving.recover(row);
      }
    },

    attach(accountId, provider) {
      detach(accountId);
      providers.set(accountId, provider);
      const files = provider.operationSet('fileTransfer');
      let callOff: Unsubscribe = () => {};
      /** Peers that have appeared, and not left since. */
      const here = new Set<Address>();
      const askSoon = () => {
        callOff();
        callOff = context.clock.after(ASK_AFTER, () => {
          for (const row of ledger.all()) {
            const { fileTransfer } = provider.capabilitiesOf(row.route.address);
            if (files && isReceiving(row) && row.route.accountId === accountId && fileTransfer.on)
              receiving.askAgain(row, files);
          }
        });
      };
      const stops = [
        () => callOff(),
        files?.onOffer((offer) => receiving.take(accountId, offer, files.fetch !== undefined)),
        files?.onRequest?.((request) => sending.give(accountId, request)),
        files?.onClosed?.((offer) => {
          if (offer.direction === 'incoming') receiving.closed(accountId, offer);
          else sending.closed(accountId, offer);
        }),
        provider.onCapabilities(({ address, capabilities }) => {
          if (capabilities.fileTransfer.on) {
            sending.hurry({ accountId, address });
            if (!here.has(address)) sending.offerAgain({ accountId, address });
            here.add(address);
            askSoon();
          } else here.delete(address);
          sending.dispatch();
        }),
        provider.onRegistration(({ state }) => {
          if (state === 'online') {
            sending.hurry({ accountId });
            askSoon();
          }
          sending.dispatch();
        }),
      ];
      subscriptions.set(accountId, () => {
        for (const stop of stops) stop?.();
      });
      sending.dispatch();
    },

    detach,

    forgetAccount(accountId) {
      detach(accountId);
      cancelAll(ledger.all().filter((row) => row.route.accountId === accountId));
    },

    forgetTalk(talkId) {
      const rows = ledger.all().filter((row) => row.talkId === talkId);
      cancelAll(rows);
      forget(rows.flatMap((row) => ledger.get(row.id) ?? []));
    },

    moveTalk(talkId, into) {
      ledger.rows.moveTalk(talkId, into);
      ledger.amendTogether(
        ledger
          .all()
          .filter((row) => row.talkId === talkId)
          .map((row) => [row.id, { talkId: into }] as const),
      );
    },

    roomAgain: () => ledger.roomAgain(),

    async shutDown() {
      for (const accountId of providers.keys()) detach(accountId);
      await Promise.all([sending.shutDown(), receiving.shutDown()]);
      ledger.stop();
    },
  };
}
