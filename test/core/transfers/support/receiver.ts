import path from 'node:path';
import { systemClock } from '../../../../electron/core/clock.ts';
import { openDriver } from '../../../../electron/core/store/driver.ts';
import { migrate } from '../../../../electron/core/store/migrations.ts';
import { createTransfers } from '../../../../electron/core/transfers/index.ts';
import { contentOf, factsOf } from './file-content.ts';
import { MemoryProvider, type MemoryTransfer } from './memory-pair.ts';

// A process that receives one file after the other, saying a word at each step. It is killed at one of them.

const [folder, key, size] = process.argv.slice(2) as [string, string, string];
const say = (word: string) => process.stdout.write(`${word}\n`);
const driver = openDriver(path.join(folder, 'test.db'), key, () => {});
migrate(driver);
let lines = 0;
// time goes on with the chunks, so that progress is noted between them
let time = Date.now();
const transfers = createTransfers({
  folder,
  driver,
  downloadFolder: () => path.join(folder, 'downloads'),
  clock: { now: () => time, after: systemClock.after },
  log: () => {},
  emit: (event) => {
    if (event.type === 'transfers') for (const { state } of event.changed) say(state);
  },
  shell: { openPath: async () => '', revealPath: async () => {}, thumbnail: async () => undefined },
  talks: {
    routeOf: () => undefined,
    talkFor: () => 'talk-1',
    addFile: () => `message-${++lines}`,
    markFile: () => {},
    sendText: () => {},
  },
});
const provider = new MemoryProvider('sip:rui@campus.test');

async function receive(index: number): Promise<void> {
  const content = contentOf(index, Number(size));
  const transfer: MemoryTransfer = provider.offerFrom(
    'sip:ana@campus.test',
    factsOf(index, content.length),
    `${index}`,
  );
  const { id } = transfers.snapshot().at(-1) ?? {};
  await transfers.handlers['transfers.accept']({ transferId: id ?? '' });
  const accepted = await transfer.taken;
  const { sink, from } = accepted;
  transfer.to({ state: 'running' });
  for (let at = from; at < content.length; at += 10_000) {
    await sink.write(content.subarray(at, at + 10_000), at);
    // as between two reads of a socket: the disk gets its turn
    await new Promise((resolve) => setImmediate(resolve));
    time += 200;
    say('chunk');
  }
  await sink.close();
  await accepted.complete();
  transfer.to({ state: 'finished' });
}

async function main(): Promise<void> {
  await transfers.recover();
  transfers.attach('account-1', provider);
  for (let index = 1; ; index++) await receive(index);
}

void main();
