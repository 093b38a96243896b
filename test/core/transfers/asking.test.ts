import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FileRequest, type OutgoingFile, ProviderError } from '../../../protocols/contract/index.ts';
import { ACCOUNT } from './support/desk.ts';
import { MemoryTransfer } from './support/memory-pair.ts';
import { ANA, call, pair, RUI } from './support/pair.ts';

// Files that a receiver asks for (RFC 5547 §8.2.2): because a person wants them after all, or because nobody offers them again.

const HALF_A_MOMENT = 1_500;
const content = Buffer.from('hello, once more');
const file = {
  name: 'a.txt',
  type: 'text/plain',
  size: content.length,
  hashes: [{ algorithm: 'sha-256', value: createHash('sha256').update(content).digest('hex') }] as const,
};

/** Rui, whose protocol can ask; an offer of Ana's that is there already. */
async function offered() {
  const { rui, ruiProvider: provider } = await pair();
  provider.allowRequests();
  rui.transfers.attach(ACCOUNT, provider);
  const offer = provider.offerFrom(ANA, file, 'k');
  const { id } = rui.only;
  const asked = () => provider.received.filter((transfer) => transfer.id === 'asked');
  /** What was asked for comes. */
  const bring = async (transfer: MemoryTransfer | undefined): Promise<void> => {
    const taken = await transfer?.taken;
    for (const state of ['accepted', 'connecting', 'running'] as const) transfer?.to({ state });
    await taken?.sink.write(content.subarray(taken.from), taken.from);
    await taken?.sink.close();
    await taken?.complete();
    transfer?.to({ state: 'finished' });
  };
  /** Accepted, and lost with half of it on disk. */
  const loseHalf = async (): Promise<void> => {
    await call(rui, 'transfers.accept', { transferId: id });
    const taken = await offer.taken;
    for (const state of ['accepted', 'connecting', 'running'] as const) offer.to({ state });
    await taken.sink.write(content.subarray(0, 8), 0);
    offer.to({ state: 'failed', error: new ProviderError('network') });
    await rui.untilState(id, 'waiting-for-peer');
  };
  return { rui, provider, offer, id, asked, bring, loseHalf };
}

describe('a person may ask for a file', () => {
  test('that was declined by mistake, and is not told of it as of an offer', async () => {
    const { rui, id, asked, bring } = await offered();
    await call(rui, 'transfers.decline', { transferId: id });
    expect(rui.only).toMatchObject({ state: 'declined', canRetry: true });
    await call(rui, 'transfers.retry', { transferId: id });
    await bring(asked()[0]);
    expect(rui.only).toMatchObject({ state: 'completed', canRetry: false });
    expect(fs.readFileSync(path.join(rui.downloads, 'a.txt')).equals(content)).toBe(true);
    expect(rui.statesOf(id)).toEqual([
      'offered',
      'declined',
      'waiting-for-peer',
      'accepted',
      'connecting',
      'running',
      'verifying',
      'completed',
    ]);
  });

  test.each(['us', 'elsewhere'] as const)('that was cancelled or taken by: %s', async (by) => {
    const { rui, id, offer, asked, bring } = await offered();
    if (by === 'us') await call(rui, 'transfers.cancel', { transferId: id });
    else offer.to({ state: 'cancelled', by });
    expect(rui.only).toMatchObject({ state: 'cancelled', by, canRetry: true });
    await call(rui, 'transfers.retry', { transferId: id });
    await bring(asked()[0]);
    expect(rui.downloaded()).toEqual(['a.txt']);
  });

  test('that came, and is no longer where it was put', async () => {
    const { rui, id, offer, asked, bring } = await offered();
    await call(rui, 'transfers.accept', { transferId: id });
    await bring(offer);
    expect(rui.only).toMatchObject({ state: 'completed', canRetry: false });
    fs.rmSync(path.join(rui.downloads, 'a.txt'));
    await expect(call(rui, 'transfers.open', { transferId: id })).rejects.toThrow();
    expect(rui.only).toMatchObject({ state: 'completed', path: null, canRetry: true });
    await call(rui, 'transfers.retry', { transferId: id });
    await bring(asked()[0]);
    expect(rui.only).toMatchObject({ state: 'completed', path: path.join(rui.downloads, 'a.txt') });
  });

  test('but not when its sender has taken it back', async () => {
    const { rui, offer } = await offered();
    offer.to({ state: 'cancelled', by: 'peer' });
    expect(rui.only).toMatchObject({ state: 'cancelled', canRetry: false });
  });

  test('and is told when it is not to be had any more', async () => {
    const { rui, id, asked } = await offered();
    await call(rui, 'transfers.decline', { transferId: id });
    await call(rui, 'transfers.retry', { transferId: id });
    asked()[0]?.to({ state: 'failed', error: new ProviderError('source-missing') });
    expect(rui.only).toMatchObject({ state: 'failed', fault: { code: 'source-missing' }, canRetry: true });
  });
});

describe('what waits for its sender is asked for', () => {
  test('when the sender, who was away, comes back', async () => {
    const { rui, provider, id, asked, bring } = await offered();
    await call(rui, 'transfers.decline', { transferId: id });
    await call(rui, 'transfers.retry', { transferId: id });
    await asked()[0]?.taken;
    const away = new ProviderError('peer-offline');
    asked()[0]?.to({ state: 'failed', error: away });
    provider.setOff(away, ANA);
    rui.clock.advance(60_000);
    expect([rui.only.state, asked().length]).toEqual(['waiting-for-peer', 1]);
    provider.setOff(undefined, ANA);
    rui.clock.advance(2 * HALF_A_MOMENT);
    await bring(asked()[1]);
    expect(rui.only.state).toBe('completed');
  });

  test('after a restart, from where it stopped: the sender may not have noticed anything', async () => {
    const { rui, provider, id, asked, bring, loseHalf } = await offered();
    await loseHalf();
    await rui.transfers.shutDown();
    await rui.restart();
    rui.transfers.attach(ACCOUNT, provider);
    provider.registrations.emit({ state: 'online', since: 0 });
    rui.clock.advance(2 * HALF_A_MOMENT);
    expect((await asked()[0]?.taken)?.from).toBe(8);
    await bring(asked()[0]);
    expect(fs.readFileSync(path.join(rui.downloads, 'a.txt')).equals(content)).toBe(true);
    expect(rui.transfer(id).state).toBe('completed');
  });

  test('unless its sender offers it again by itself', async () => {
    const { rui, provider, id, asked, bring, loseHalf } = await offered();
    await loseHalf();
    provider.registrations.emit({ state: 'online', since: 0 });
    rui.clock.advance(HALF_A_MOMENT);
    const again = provider.offerFrom(ANA, file, 'k');
    await again.taken;
    rui.clock.advance(60_000);
    expect(asked()).toEqual([]);
    await bring(again);
    expect(rui.transfer(id).state).toBe('completed');
  });

  test('and goes on waiting where it is not given: its sender may have paused it', async () => {
    const { rui, provider, id, asked, loseHalf } = await offered();
    await loseHalf();
    provider.registrations.emit({ state: 'online', since: 0 });
    rui.clock.advance(2 * HALF_A_MOMENT);
    await asked()[0]?.taken;
    asked()[0]?.to({ state: 'failed', error: new ProviderError('source-missing') });
    expect(rui.transfer(id)).toMatchObject({ state: 'waiting-for-peer', bytes: 8 });
  });

  test('only by an account that is still there', async () => {
    const { rui, provider, asked, loseHalf } = await offered();
    await loseHalf();
    provider.registrations.emit({ state: 'online', since: 0 });
    rui.transfers.detach(ACCOUNT);
    rui.clock.advance(60_000);
    expect(asked()).toEqual([]);
  });
});

test('what a sender has paused is not given until the sender goes on', async () => {
  const { ana, rui, anaProvider, wire, write, offer } = await pair();
  wire.chunk = 4;
  const halt = wire.haltAt('running');
  const { sent, received } = await offer(write('a.txt', content));
  await call(rui, 'transfers.accept', { transferId: received });
  await halt.reached;
  await call(ana, 'transfers.pause', { transferId: sent });
  const refused = new Promise<boolean>((resolve) => {
    const request: FileRequest = {
      peer: RUI,
      wanted: { hashes: [...file.hashes] },
      from: 0,
      give: (given: OutgoingFile) => {
        resolve(false);
        return new MemoryTransfer(given.id, 'outgoing', RUI, given.file);
      },
      refuse: () => resolve(true),
    };
    anaProvider.requests.emit(request);
  });
  expect(await refused).toBe(true);
  expect(ana.transfer(sent)).toMatchObject({ state: 'paused', by: 'us' });
  await call(ana, 'transfers.cancel', { transferId: sent });
});
