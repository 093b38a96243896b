import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { SpeedMeter } from '../../../electron/core/transfers/ledger/speed-meter.ts';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { ANA, call, pair } from './support/pair.ts';

/** A file of Ana's on its way, driven by hand. */
async function running(size: number) {
  const desks = await pair();
  const { ana, anaProvider, write, offer } = desks;
  const file = write('a.bin', '');
  fs.truncateSync(file, size);
  const { sent } = await offer(file);
  const transfer = anaProvider.sent[0]?.transfer;
  if (!transfer) throw new Error('nothing was offered');
  transfer.to({ state: 'running' });
  const progress = () =>
    ana.events.flatMap((event) => (event.type === 'transfers' ? event.changed : [])).filter((view) => view.bytes > 0);
  return { ...desks, sent, transfer, progress };
}

test('however fast the bytes come, there are at most ten events in any second, and the last count is told', async () => {
  const { ana, transfer, progress } = await running(1_000_000);
  const before = ana.toldAt.length;
  for (let bytes = 1; bytes <= 5_000; bytes++) {
    transfer.count(bytes);
    ana.clock.advance(1);
  }
  ana.clock.advance(200);
  const times = ana.toldAt.slice(before);
  expect(times.length).toBeGreaterThan(40);
  for (const from of times) expect(times.filter((at) => at >= from && at < from + 1000).length).toBeLessThanOrEqual(10);
  expect(progress().at(-1)?.bytes).toBe(5_000);
});

test('several transfers share the ten events', async () => {
  const { ana, anaProvider, write, offer } = await pair();
  for (const name of ['a', 'b', 'c']) await offer(write(name, '123456789'.repeat(100)));
  const before = ana.events.length;
  for (const { transfer } of anaProvider.sent) transfer.to({ state: 'running' });
  expect(ana.events.length - before).toBe(3);
  for (let bytes = 1; bytes <= 800; bytes++) {
    for (const { transfer } of anaProvider.sent) transfer.count(bytes);
    ana.clock.advance(1);
  }
  expect(ana.events.length - before - 3).toBeLessThanOrEqual(9);
  const last = ana.events.at(-1);
  expect(last?.type === 'transfers' && last.changed).toHaveLength(3);
});

test('progress is written at most once a second', async () => {
  const { ana, sent, transfer } = await running(1_000_000);
  const onDisk = () => ana.driver.get<{ bytes: number }>('SELECT bytes FROM transfers WHERE id = ?', sent)?.bytes;
  const seen = new Set<number | undefined>();
  for (let bytes = 1; bytes <= 3_500; bytes++) {
    transfer.count(bytes);
    seen.add(onDisk());
    ana.clock.advance(1);
  }
  expect(seen.size).toBeGreaterThanOrEqual(3);
  expect(seen.size).toBeLessThanOrEqual(5);
});

test('bytes never fall within an attempt, and begin anew with the next', async () => {
  const { ana, anaProvider, sent, transfer } = await running(1_000);
  transfer.count(500);
  transfer.count(300);
  expect(ana.transfer(sent).bytes).toBe(500);
  transfer.to({ state: 'failed', error: new ProviderError('network') });
  transfer.count(900);
  expect(ana.transfer(sent).bytes).toBe(500);
  expect(ana.transfer(sent).state).toBe('waiting-for-peer');
  ana.clock.advance(2_000);
  await ana.untilState(sent, 'offered');
  anaProvider.sent[1]?.transfer.to({ state: 'running' });
  anaProvider.sent[1]?.transfer.count(10);
  expect(ana.transfer(sent).bytes).toBe(10);
});

test('the speed is that of the last seconds, falls to nothing when nothing moves, and so does the hope of an end', async () => {
  const { ana, sent, transfer } = await running(100_000);
  expect(ana.transfer(sent)).toMatchObject({ speed: 0, secondsLeft: null });
  for (let second = 1; second <= 20; second++) {
    ana.clock.advance(1_000);
    transfer.count(second * 1_000);
  }
  ana.clock.advance(100);
  expect(ana.transfer(sent).speed).toBeGreaterThan(900);
  expect(ana.transfer(sent).speed).toBeLessThanOrEqual(1_000);
  expect(ana.transfer(sent).secondsLeft).toBeGreaterThanOrEqual(80);
  ana.clock.advance(10_000);
  const last = ana.events.at(-1);
  expect(last?.type === 'transfers' && last.changed[0]).toMatchObject({ speed: 0, secondsLeft: null, bytes: 20_000 });
  expect(ana.clock.pending).toBe(0);
  transfer.to({ state: 'finished' });
  expect(ana.transfer(sent)).toMatchObject({ speed: 0, secondsLeft: null, bytes: 100_000 });
});

test.each([-3_600_000, 3_600_000])(
  'a clock that is set by %d ms stops neither the news, nor the disk, nor the speed',
  async (jump) => {
    const { ana, sent, transfer } = await running(1_000_000);
    const stored = (): unknown => ana.driver.get('SELECT bytes FROM transfers');
    for (let second = 1; second <= 5; second++) {
      ana.clock.advance(1_000);
      transfer.count(second * 1_000);
    }
    ana.clock.advance(150);
    ana.clock.jump(jump);
    transfer.count(5_500);
    for (let second = 6; second <= 9; second++) {
      ana.clock.advance(1_000);
      transfer.count(second * 1_000);
    }
    ana.clock.advance(1_000);
    const last = ana.events.at(-1);
    expect(last?.type === 'transfers' && last.changed[0]?.bytes).toBe(9_000);
    expect(stored()).toEqual({ bytes: 9_000 });
    expect(ana.transfer(sent).speed).toBeGreaterThan(500);
    expect(ana.transfer(sent).speed).toBeLessThan(1_500);
  },
);

test('a transfer that goes on from a part does not count it into its speed', () => {
  const meter = new SpeedMeter(0, 1_000_000);
  meter.add(1_000, 1_000_500);
  expect(meter.pace(1_000, 2_000_500)).toEqual({ speed: 500, secondsLeft: 2_000 });
  expect(meter.pace(1_000, null)).toEqual({ speed: 500, secondsLeft: null });
});

test('how far the hash is, is told while a file is prepared, and no more afterwards', async () => {
  const { ana, write } = await pair();
  const file = write('big.bin', '');
  fs.truncateSync(file, 64 * 1024 * 1024);
  const { transferIds } = await call(ana, 'transfers.offer', { talkId: 'talk-1', paths: [file] });
  const id = transferIds[0] as string;
  const tick = () => {
    ana.clock.advance(50);
    if (ana.transfer(id).state === 'preparing') setImmediate(tick);
  };
  tick();
  await ana.untilState(id, 'offered');
  const told = ana.events
    .flatMap((event) => (event.type === 'transfers' ? event.changed : []))
    .flatMap((view) => view.prepared ?? []);
  expect(told.length).toBeGreaterThan(2);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(ana.transfer(id).prepared).toBeUndefined();
  expect(ana.transfer(id).bytes).toBe(0);
});

test('a 300 MB file goes over with flat memory, and arrives whole', async () => {
  const { ana, rui, wire, write, offer } = await pair();
  const size = 300 * 1024 * 1024;
  const file = write('lecture.mkv', '');
  fs.truncateSync(file, size);
  wire.chunk = 1024 * 1024;
  const { sent, received } = await offer(file);
  const before = process.memoryUsage();
  let most = 0;
  wire.onChunk = () => {
    const { heapUsed, external } = process.memoryUsage();
    most = Math.max(most, heapUsed + external - before.heapUsed - before.external);
  };
  await call(rui, 'transfers.accept', { transferId: received });
  await rui.untilState(received, 'completed');
  await ana.untilState(sent, 'completed');
  expect(fs.statSync(path.join(rui.downloads, 'lecture.mkv')).size).toBe(size);
  // blocks in flight, and what waits for the next collection; a file held in memory would be 300
  expect(most).toBeLessThan(80 * 1024 * 1024);
}, 60_000);

test('nothing of the transfers is left running when it is over', async () => {
  const { ana, rui, ruiProvider, write, offer, wire } = await pair();
  const { sent, received } = await offer(write('a.bin', 'content'));
  await call(rui, 'transfers.accept', { transferId: received });
  await ana.untilState(sent, 'completed');
  await wire.idle();
  ana.clock.advance(10_000);
  rui.clock.advance(10_000);
  expect([ana.clock.pending, rui.clock.pending]).toEqual([0, 0]);
  expect(ruiProvider.received[0]?.listeners).toBe(0);
  expect(ruiProvider.offerFrom(ANA, { name: 'b', type: 'text/plain', size: 1 }, 'k').listeners).toBe(1);
});
