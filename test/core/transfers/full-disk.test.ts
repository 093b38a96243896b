import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { bundle } from '../support/bundle.ts';
import { temporaryFolder } from '../support/folder.ts';
import { smallDisk } from '../support/small-disk.ts';
import type { MemoryTransfer } from './support/memory-pair.ts';
import { call, pair } from './support/pair.ts';

test('a file that the system lets grow no further ends with no-space, and never gets its name', async () => {
  const writer = await bundle('test/core/transfers/support/writer.ts');
  const folder = temporaryFolder();
  // 512-byte blocks: 1 MiB
  const limited = 'ulimit -f 2048; exec "$0" "$@"';
  const { stdout } = spawnSync('sh', ['-c', limited, process.execPath, writer, folder], { encoding: 'utf8' });
  expect(JSON.parse(stdout)).toEqual({ code: 'no-space', finished: 'no-space', bytesOnDisk: [[0, 1024 * 1024]] });
  expect(fs.readdirSync(folder)).toEqual(['a.bin.part']);
}, 60_000);

test('a disk that fills up while a file comes ends it with no-space on this side, frees the part, and tells the peer', async () => {
  const disk = smallDisk(1);
  if (!disk) return;
  const { ana, rui, wire, write, offer } = await pair();
  wire.chunk = 10_000;
  const halt = wire.haltAt('running');
  const { sent, received } = await offer(write('a.bin', Buffer.alloc(700_000, 'a')));
  await call(rui, 'transfers.accept', { transferId: received, path: path.join(disk.folder, 'a.bin') });
  await halt.reached;
  // somebody else is quicker
  disk.fill();
  halt.go();
  await rui.untilState(received, 'failed');
  await wire.idle();
  expect(rui.transfer(received).fault?.code).toBe('no-space');
  expect(ana.transfer(sent).state).toBe('failed');
  await rui.transfers.shutDown();
  expect(fs.readdirSync(disk.folder)).toEqual(['ballast']);
});

test('a disk that is too small is refused before anything is told', async () => {
  const disk = smallDisk(1);
  if (!disk) return;
  const { ana, rui, write, offer } = await pair();
  const { sent, received } = await offer(write('a.bin', Buffer.alloc(1_100_000)));
  await expect(
    call(rui, 'transfers.accept', { transferId: received, path: path.join(disk.folder, 'a.bin') }),
  ).rejects.toMatchObject({ fault: { code: 'no-space' } });
  expect(ana.transfer(sent)).toMatchObject({ state: 'offered', fault: null });
  expect(rui.transfer(received)).toMatchObject({ state: 'offered', fault: { code: 'no-space' } });
  expect(fs.readdirSync(disk.folder)).toEqual([]);
});

test('a disk that filled up while a file was lost: both sides are told, what is there stays, and goes on when there is room', async () => {
  const disk = smallDisk(2);
  if (!disk) return;
  const { ana, rui, wire, ruiProvider, write, offer } = await pair();
  ruiProvider.allowRequests();
  wire.chunk = 10_000;
  wire.breakAt = 500_000;
  const content = randomBytes(1_000_000);
  const { sent, received } = await offer(write('a.bin', content));
  await call(rui, 'transfers.accept', { transferId: received, path: path.join(disk.folder, 'a.bin') });
  await ana.untilState(sent, 'waiting-for-peer');
  await wire.idle();
  disk.fill();
  wire.breakAt = Number.POSITIVE_INFINITY;
  ana.clock.advance(2_000);
  expect((await ana.untilState(sent, 'failed')).canRetry).toBe(true);
  expect(await rui.untilState(received, 'failed')).toMatchObject({ fault: { code: 'no-space' }, canRetry: true });
  expect(fs.readdirSync(disk.folder).sort()).toEqual(['a.bin.part', 'ballast']);
  // asked for again, there is still no room: the person can say yes once there is
  await expect(call(rui, 'transfers.retry', { transferId: received })).rejects.toMatchObject({
    fault: { code: 'no-space' },
  });
  expect(rui.transfer(received)).toMatchObject({ state: 'offered', fault: { code: 'no-space' } });
  disk.empty();
  await call(rui, 'transfers.accept', { transferId: received, path: path.join(disk.folder, 'a.bin') });
  const asked = ruiProvider.received.at(-1) as MemoryTransfer;
  const file = await asked.taken;
  const { sink, from } = file;
  expect(from).toBe(500_000);
  for (const state of ['accepted', 'connecting', 'running'] as const) asked.to({ state });
  await sink.write(content.subarray(from), from);
  await sink.close();
  await file.complete();
  expect(rui.transfer(received).state).toBe('completed');
  expect(fs.readFileSync(path.join(disk.folder, 'a.bin')).equals(content)).toBe(true);
});

test('an end that the disk did not take is written when there is room', async () => {
  const { ana, rui, wire, write, offer } = await pair();
  const { sent, received } = await offer(write('a.bin', Buffer.alloc(100_000, 'a')));
  // the file has its own disk; the profile's takes nothing
  for (const { driver } of [ana, rui]) driver.exec('PRAGMA query_only = ON');
  await call(rui, 'transfers.accept', { transferId: received });
  await Promise.all([ana.untilState(sent, 'completed'), rui.untilState(received, 'completed')]);
  await wire.idle();
  const stored = (desk: typeof ana) => desk.driver.get<{ state: string }>('SELECT state FROM transfers')?.state;
  expect([ana, rui].map(stored)).toEqual(['offered', 'offered']);
  expect(ana.lines[0]?.state).toBe('sent');
  for (const { driver, transfers } of [ana, rui]) {
    driver.exec('PRAGMA query_only = OFF');
    transfers.roomAgain();
  }
  expect([ana, rui].map(stored)).toEqual(['completed', 'completed']);
  expect(ana.lines[0]?.state).toBe('delivered');
  await rui.restart();
  expect(rui.transfer(received).state).toBe('completed');
});
