import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundle } from '../support/bundle.ts';
import { temporaryFolder } from '../support/folder.ts';
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

/** A disk of one megabyte; undefined with the reason printed where this user may not make one. */
function smallDisk(): string | undefined {
  const folder = fs.mkdtempSync(path.join(temporaryFolder(), 'disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    console.log(`no disk of one megabyte here: ${error instanceof Error ? error.message.trim() : ''}`);
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', [folder]));
  return folder;
}

test('a disk that fills up while a file comes ends it with no-space on this side, frees the part, and tells the peer', async () => {
  const disk = smallDisk();
  if (!disk) return;
  const { ana, rui, wire, write, offer } = await pair();
  wire.chunk = 10_000;
  const halt = wire.haltAt('running');
  const { sent, received } = await offer(write('a.bin', Buffer.alloc(700_000, 'a')));
  await call(rui, 'transfers.accept', { transferId: received, path: path.join(disk, 'a.bin') });
  await halt.reached;
  // somebody else is quicker
  const ballast = fs.openSync(path.join(disk, 'ballast'), 'w');
  expect(() => {
    for (;;) fs.writeSync(ballast, Buffer.alloc(4096));
  }).toThrow('ENOSPC');
  fs.closeSync(ballast);
  halt.go();
  await rui.untilState(received, 'failed');
  await wire.idle();
  expect(rui.transfer(received).fault?.code).toBe('no-space');
  expect(ana.transfer(sent).state).toBe('failed');
  await rui.transfers.shutDown();
  expect(fs.readdirSync(disk)).toEqual(['ballast']);
});

test('a disk that is too small is refused before anything is told', async () => {
  const disk = smallDisk();
  if (!disk) return;
  const { ana, rui, write, offer } = await pair();
  const { sent, received } = await offer(write('a.bin', Buffer.alloc(1_100_000)));
  await expect(
    call(rui, 'transfers.accept', { transferId: received, path: path.join(disk, 'a.bin') }),
  ).rejects.toMatchObject({ fault: { code: 'no-space' } });
  expect([ana.transfer(sent).state, rui.transfer(received).state]).toEqual(['offered', 'offered']);
  expect(fs.readdirSync(disk)).toEqual([]);
});
