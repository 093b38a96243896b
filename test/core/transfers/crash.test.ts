import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { bundle } from '../support/bundle.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ACCOUNT, Desk } from './support/desk.ts';
import { contentOf, factsOf } from './support/file-content.ts';
import { MemoryProvider } from './support/memory-pair.ts';
import { ANA, call, RUI } from './support/pair.ts';

const SIZE = 900_000;
let receiver = '';

beforeAll(async () => {
  receiver = await bundle('test/core/transfers/support/receiver.ts');
}, 60_000);

/** Runs the receiver and kills it when it has said a word so many times. */
async function killAfter(folder: string, key: string, word: string, times: number): Promise<void> {
  const child = spawn(process.execPath, [receiver, folder, key, String(SIZE)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('close', resolve));
  let heard = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === word && ++heard === times) child.kill('SIGKILL');
  }
  await ended;
  expect(child.signalCode).toBe('SIGKILL');
}

test.each([
  ['chunk', 1],
  ['chunk', 60],
  ['chunk', 89],
  ['chunk', 90],
  ['chunk', 200],
  ['offered', 2],
  ['running', 3],
  ['verifying', 1],
  ['verifying', 4],
  ['completed', 1],
  ['completed', 3],
] as const)(
  'killed at its %s number %i, no file has a name that its content does not deserve, and the rest goes on',
  async (word, times) => {
    const folder = temporaryFolder();
    const key = randomBytes(32).toString('hex');
    await killAfter(folder, key, word, times);

    const rui = new Desk(ANA, folder, key);
    await rui.transfers.recover();
    await rui.until(() =>
      rui.transfers.snapshot().every(({ state }) => ['waiting-for-peer', 'failed', 'completed'].includes(state)),
    );
    const transfers = rui.transfers.snapshot();
    const numberOf = (name: string) => Number(/\d+/.exec(name)?.[0]);
    // whatever has its name is whole; what has none is at most one part
    const parts = rui.downloaded().filter((name) => name.endsWith('.part'));
    expect(parts.length).toBeLessThanOrEqual(1);
    const whole = rui.downloaded().filter((name) => !name.endsWith('.part'));
    for (const name of whole) {
      expect(fs.readFileSync(path.join(rui.downloads, name)).equals(contentOf(numberOf(name), SIZE)), name).toBe(true);
    }
    expect(
      transfers.filter(({ state }) => state === 'completed').map(({ path: file }) => path.basename(file ?? '')),
    ).toEqual(expect.arrayContaining(whole));

    // the same file offered again goes on where its part ends
    const broken = transfers.find(({ state }) => state !== 'completed');
    if (!broken) return;
    const index = numberOf(broken.file.name);
    const content = contentOf(index, SIZE);
    const provider = new MemoryProvider(RUI);
    rui.transfers.attach(ACCOUNT, provider);
    const transfer = provider.offerFrom(ANA, factsOf(index, SIZE), `${index}`);
    const { id } = broken;
    // a person is asked only where none had been
    if (broken.state === 'failed') await call(rui, 'transfers.accept', { transferId: id });
    const accepted = await transfer.taken;
    const { sink, from } = accepted;
    if (word === 'chunk' && times === 60) expect(from).toBeGreaterThanOrEqual(262_144);
    await sink.write(content.subarray(from), from);
    await accepted.complete();
    expect(fs.readFileSync(rui.transfer(id).path ?? '').equals(content)).toBe(true);
    expect(rui.downloaded().filter((name) => name.endsWith('.part'))).toEqual([]);
  },
  30_000,
);
