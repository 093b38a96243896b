import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import type { Moment } from './support/memory-pair.ts';
import { ANA, call, pair } from './support/pair.ts';

const content = randomBytes(300_000);

describe('a transfer can be cancelled at every moment, by either side, and leaves nothing behind', () => {
  const moments: (Moment | 'offered')[] = ['offered', 'accepted', 'connecting', 'running', 'verifying'];
  const cases = moments.flatMap((moment) => (['sender', 'receiver'] as const).map((who) => ({ moment, who })));

  test.each(cases)('$moment, by the $who', async ({ moment, who }) => {
    const { ana, rui, anaProvider, ruiProvider, wire, write, offer } = await pair();
    wire.chunk = 10_000;
    const halt = moment === 'offered' ? undefined : wire.haltAt(moment);
    const file = write('a.bin', content);
    const { sent, received } = await offer(file);
    if (halt) {
      await call(rui, 'transfers.accept', { transferId: received });
      await halt.reached;
    }
    if (who === 'sender') await call(ana, 'transfers.cancel', { transferId: sent });
    else await call(rui, 'transfers.cancel', { transferId: received });
    halt?.go();
    await wire.idle();
    await ana.untilState(sent, 'cancelled');
    await rui.untilState(received, 'cancelled');
    expect(ana.transfer(sent)).toMatchObject({ by: who === 'sender' ? 'us' : 'peer', canRetry: true });
    expect(rui.transfer(received)).toMatchObject({ by: who === 'sender' ? 'peer' : 'us', path: null });
    await rui.transfers.shutDown();
    expect(rui.downloaded()).toEqual([]);
    expect(fs.readFileSync(file).equals(content)).toBe(true);
    expect(anaProvider.sent[0]?.transfer.listeners).toBe(0);
    expect(ruiProvider.received[0]?.listeners).toBe(0);
    await expect(call(ana, 'transfers.cancel', { transferId: sent })).rejects.toMatchObject({
      fault: { code: 'wrong-state' },
    });
  });

  test('while it is still being prepared, and before its offer is seen', async () => {
    const { ana, rui, anaProvider, write } = await pair();
    const paths = [write('a.bin', content), write('b.bin', content)];
    const { transferIds } = await call(ana, 'transfers.offer', { talkId: 'talk-1', paths });
    for (const transferId of transferIds) await call(ana, 'transfers.cancel', { transferId });
    await ana.transfers.shutDown();
    expect(anaProvider.sent).toEqual([]);
    expect(rui.transfers.snapshot()).toEqual([]);
    expect(ana.statesOf(transferIds[0] as string)).toEqual(['preparing', 'cancelled']);
  });
});

test('a declined offer is over on both sides, and not offered again by a click', async () => {
  const { ana, rui, write, offer } = await pair();
  const { sent, received } = await offer(write('a.bin', content));
  await call(rui, 'transfers.decline', { transferId: received });
  expect(rui.transfer(received).state).toBe('declined');
  expect(ana.transfer(sent)).toMatchObject({ state: 'declined', canRetry: false });
  for (const name of ['transfers.accept', 'transfers.decline'] as const) {
    await expect(call(rui, name, { transferId: received })).rejects.toMatchObject({ fault: { code: 'wrong-state' } });
  }
  await expect(call(ana, 'transfers.retry', { transferId: sent })).rejects.toMatchObject({
    fault: { code: 'wrong-state' },
  });
});

test('an offer is accepted once, however often it is clicked', async () => {
  const { rui, wire, write, offer } = await pair();
  const { received } = await offer(write('a.bin', content));
  const clicks = await Promise.allSettled([1, 2, 3].map(() => call(rui, 'transfers.accept', { transferId: received })));
  expect(clicks.map((click) => click.status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  await rui.untilState(received, 'completed');
  await wire.idle();
  expect(rui.downloaded()).toEqual(['a.bin']);
});

describe('a file that is not what was offered never gets its name', () => {
  test('one changed byte is a hash mismatch on both sides', async () => {
    const { ana, rui, wire, write, offer } = await pair();
    wire.tamper = (data, position) => {
      if (position === 65_536) data[0] = (data[0] ?? 0) ^ 1;
    };
    const { sent, received } = await offer(write('a.bin', content));
    await call(rui, 'transfers.accept', { transferId: received });
    await ana.untilState(sent, 'failed');
    expect(rui.transfer(received)).toMatchObject({ state: 'failed', fault: { code: 'hash-mismatch' }, path: null });
    expect(ana.transfer(sent)).toMatchObject({ fault: { code: 'hash-mismatch' }, canRetry: true });
    await rui.transfers.shutDown();
    expect(rui.downloaded()).toEqual([]);
  });

  test('more bytes than offered are refused', async () => {
    const { rui, wire, write, offer } = await pair();
    wire.surplus = 1;
    const { received } = await offer(write('a.bin', content));
    await call(rui, 'transfers.accept', { transferId: received });
    await rui.untilState(received, 'failed');
    expect(rui.transfer(received)).toMatchObject({ fault: { code: 'size-mismatch' }, bytes: 300_000 });
    await rui.transfers.shutDown();
    expect(rui.downloaded()).toEqual([]);
  });

  test('a provider that ends without asking for the check has not finished anything', async () => {
    const { rui, ruiProvider } = await pair();
    const transfer = ruiProvider.offerFrom(ANA, { name: 'a', type: 'text/plain', size: 3 }, 'key');
    const { id } = rui.only;
    await call(rui, 'transfers.accept', { transferId: id });
    transfer.to({ state: 'running' });
    transfer.to({ state: 'finished' });
    expect(rui.transfer(id)).toMatchObject({ state: 'failed', fault: { code: 'internal' } });
  });
});

describe('a source that does not stay what it was ends the transfer with the true cause', () => {
  test.each([
    ['grows', 'source-changed', (file: string) => fs.appendFileSync(file, 'more')],
    ['is shortened', 'source-changed', (file: string) => fs.truncateSync(file, 10)],
    ['vanishes', 'source-missing', (file: string) => fs.rmSync(file)],
  ])('it %s while it is sent: %s', async (_what, code, change) => {
    const { ana, rui, wire, write, offer } = await pair();
    const file = write('a.bin', content);
    const halt = wire.haltAt('running');
    const { sent, received } = await offer(file);
    await call(rui, 'transfers.accept', { transferId: received });
    await halt.reached;
    change(file);
    halt.go();
    await rui.untilState(received, 'failed');
    expect(ana.transfer(sent)).toMatchObject({ state: 'failed', fault: { code }, canRetry: true });
    expect(rui.downloaded()).not.toContain('a.bin');
  });

  test('it vanishes between the offer and the answer', async () => {
    const { ana, rui, write, offer } = await pair();
    const file = write('a.bin', content);
    const { sent, received } = await offer(file);
    fs.rmSync(file);
    await call(rui, 'transfers.accept', { transferId: received });
    await ana.untilState(sent, 'failed');
    expect(ana.transfer(sent).fault?.code).toBe('source-missing');
  });

  test('the cause is kept even where the provider says only that the connection ended', async () => {
    const { ana, anaProvider, write, offer } = await pair();
    const file = write('a.bin', content);
    const { sent } = await offer(file);
    const { transfer, file: offered } = anaProvider.sent[0] ?? {};
    fs.rmSync(file);
    await expect(offered?.open()).rejects.toMatchObject({ code: 'source-missing' });
    transfer?.to({ state: 'failed', error: new ProviderError('network') });
    expect(ana.transfer(sent).fault?.code).toBe('source-missing');
  });

  test('what is no file fails alone; the others go', async () => {
    const { ana, write } = await pair();
    const paths = [path.join(ana.folder, 'none.txt'), ana.folder, write('a.bin', content)];
    const { transferIds } = await call(ana, 'transfers.offer', { talkId: 'talk-1', paths });
    const [missing, folder, good] = transferIds as [string, string, string];
    expect((await ana.untilState(missing, 'failed')).fault?.code).toBe('source-missing');
    expect((await ana.untilState(folder, 'failed')).fault?.code).toBe('unreadable');
    await ana.untilState(good, 'offered');
  });
});

describe('a broken connection', () => {
  test('makes both sides wait, keeps the part, and goes on from there without anybody asked', async () => {
    const { ana, rui, anaProvider, wire, write, offer } = await pair();
    wire.chunk = 10_000;
    wire.breakAt = 200_000;
    const file = write('a.bin', content);
    const first = await offer(file);
    await call(rui, 'transfers.accept', { transferId: first.received });
    await ana.untilState(first.sent, 'waiting-for-peer');
    await wire.idle();
    const waiting = { state: 'waiting-for-peer', fault: null, bytes: 200_000, speed: 0, endedAt: null };
    expect(ana.transfer(first.sent)).toMatchObject(waiting);
    expect(rui.transfer(first.received)).toMatchObject(waiting);
    expect(rui.downloaded()).toEqual(['a.bin.part']);

    wire.breakAt = Number.POSITIVE_INFINITY;
    const positions: number[] = [];
    wire.onChunk = (position) => positions.push(position);
    ana.clock.advance(2_000);
    await ana.untilState(first.sent, 'completed');
    await rui.untilState(first.received, 'completed');
    expect(positions[0]).toBe(200_000);
    // the same transfer to the peer (RFC 5547 §8.1), and one to both people
    expect(new Set(anaProvider.sent.map(({ file }) => file.id)).size).toBe(1);
    expect(rui.transfers.snapshot()).toHaveLength(1);
    expect(ana.statesOf(first.sent).slice(-6)).toEqual([
      'waiting-for-peer',
      'offered',
      'accepted',
      'connecting',
      'running',
      'completed',
    ]);
    expect(rui.downloaded()).toEqual(['a.bin']);
    expect(fs.readFileSync(path.join(rui.downloads, 'a.bin')).equals(content)).toBe(true);
    expect(ana.transfers.snapshot()).toHaveLength(1);
  });

  test('in which the part was damaged is found out, and the attempt after that begins anew', async () => {
    const { ana, rui, wire, write, offer } = await pair();
    wire.chunk = 10_000;
    wire.breakAt = 200_000;
    const { sent, received } = await offer(write('a.bin', content));
    await call(rui, 'transfers.accept', { transferId: received });
    await rui.untilState(received, 'waiting-for-peer');
    await wire.idle();
    const part = path.join(rui.downloads, 'a.bin.part');
    const size = fs.statSync(part).size;
    fs.writeFileSync(part, Buffer.alloc(size));
    wire.breakAt = Number.POSITIVE_INFINITY;
    ana.clock.advance(2_000);
    await rui.untilState(received, 'failed');
    expect(rui.transfer(received).fault?.code).toBe('hash-mismatch');
    await ana.untilState(sent, 'failed');
    await call(ana, 'transfers.retry', { transferId: sent });
    const last = await rui.untilAny('offered');
    const positions: number[] = [];
    wire.onChunk = (position) => positions.push(position);
    await call(rui, 'transfers.accept', { transferId: last.id });
    await rui.untilState(last.id, 'completed');
    expect(positions[0]).toBe(0);
  });

  test('of a file without a hash leaves nothing: nobody could know that the rest belongs to it', async () => {
    const { rui, ruiProvider } = await pair();
    const transfer = ruiProvider.offerFrom(ANA, { name: 'a', type: 'text/plain', size: 10 }, 'key');
    await call(rui, 'transfers.accept', { transferId: rui.only.id });
    await (await transfer.taken).sink.write(Buffer.from('01234'), 0);
    transfer.to({ state: 'failed', error: new ProviderError('network') });
    await rui.transfers.shutDown();
    expect(rui.downloaded()).toEqual([]);
  });
});

test('an empty file goes over like any other', async () => {
  const { ana, rui, write, offer } = await pair();
  const { sent, received } = await offer(write('empty.txt', ''));
  await call(rui, 'transfers.accept', { transferId: received });
  await rui.untilState(received, 'completed');
  await ana.untilState(sent, 'completed');
  expect(fs.statSync(path.join(rui.downloads, 'empty.txt')).size).toBe(0);
});

test('the offer carries both hashes, the size, the date and the type', async () => {
  const { ana, anaProvider, write, offer } = await pair();
  const file = write('a.png', content);
  fs.utimesSync(file, 1_600_000_000, 1_600_000_000);
  await offer(file);
  const sum = (algorithm: string) => createHash(algorithm).update(content).digest('hex');
  expect(anaProvider.sent[0]?.file.file).toEqual({
    name: 'a.png',
    type: 'image/png',
    size: 300_000,
    hashes: [
      { algorithm: 'sha-256', value: sum('sha256') },
      { algorithm: 'sha-1', value: sum('sha1') },
    ],
    modifiedAt: 1_600_000_000_000,
  });
  expect(ana.only.file.size).toBe(300_000);
});

test('a link is sent as the file it leads to, under the name of the link', async () => {
  const { ana, rui, write, offer } = await pair();
  const file = write('original.bin', content);
  const link = path.join(ana.folder, 'link.pdf');
  fs.symlinkSync(file, link);
  const { received } = await offer(link);
  expect(rui.transfer(received).file).toMatchObject({ name: 'link.pdf', type: 'application/pdf', size: 300_000 });
});
