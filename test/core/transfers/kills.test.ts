import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isReceiving } from '../../../electron/core/transfers/ledger/transfer-row.ts';
import { TransferRows } from '../../../electron/core/transfers/ledger/transfer-rows.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ACCOUNT, Desk } from './support/desk.ts';
import { contentOf, factsOf } from './support/file-content.ts';
import { MemoryProvider, type MemoryTransfer } from './support/memory-pair.ts';
import { ANA, call, RUI } from './support/pair.ts';

const SIZE = 600_000;
const CHUNK = 20_000;
const content = contentOf(1, SIZE);

interface Life {
  readonly rui: Desk;
  readonly provider: MemoryProvider;
}

/** Sends from where the receiver wants it, up to `upTo`. */
async function send(transfer: MemoryTransfer, upTo = SIZE): Promise<void> {
  const accepted = await transfer.taken;
  const { sink, from } = accepted;
  transfer.to({ state: 'running' });
  for (let at = from; at < upTo; at += CHUNK) {
    await sink.write(content.subarray(at, Math.min(at + CHUNK, SIZE)), at);
    // as between two reads of a socket: the disk gets its turn
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (upTo < SIZE) return;
  await sink.close();
  await accepted.complete();
  transfer.to({ state: 'finished' });
}

/** Runs one life and keeps what the disk looks like before and after each write to the database, but for those of `before`. */
async function everyMoment(
  live: (life: Life) => Promise<void>,
  before: (life: Life) => Promise<void> = async () => undefined,
) {
  const key = randomBytes(32).toString('hex');
  const folder = temporaryFolder();
  const rui = new Desk(ANA, folder, key);
  const provider = new MemoryProvider(RUI);
  const moments: string[] = [];
  await rui.transfers.recover();
  rui.transfers.attach(ACCOUNT, provider);
  await before({ rui, provider });
  rui.onWrite = () => {
    const moment = path.join(temporaryFolder(), 'kept');
    fs.cpSync(folder, moment, { recursive: true });
    moments.push(moment);
  };
  await live({ rui, provider });
  rui.onWrite = () => {};
  await rui.transfers.shutDown();
  rui.driver.close();
  return { folder, key, moments };
}

/** The next life after a kill at that moment. */
async function after(moment: string, folder: string, key: string): Promise<Life> {
  fs.rmSync(folder, { recursive: true });
  fs.cpSync(moment, folder, { recursive: true });
  const rui = new Desk(ANA, folder, key);
  const provider = new MemoryProvider(RUI);
  await rui.transfers.recover();
  rui.transfers.attach(ACCOUNT, provider);
  return { rui, provider };
}

const partsOf = (rui: Desk): string[] => rui.downloaded().filter((name) => name.endsWith('.part'));
/** Names of the parts that rows have, each as often as a row has it. */
const ownedParts = (rui: Desk): string[] =>
  new TransferRows(rui.driver)
    .shown()
    .flatMap((row) => (isReceiving(row) && row.side.part !== null ? [path.basename(row.side.part)] : []))
    .sort();

/** What nobody owns is on no disk, and what somebody owns is there. */
const expectOneOwnerEach = (rui: Desk): void => expect(ownedParts(rui)).toEqual(partsOf(rui));

/** The sender offers it once more; whoever is still asked says yes. It ends with the file, and nothing beside it. */
async function expectItComes({ rui, provider }: Life, key: string): Promise<void> {
  const isDone = () => rui.transfers.snapshot().every(({ state }) => state === 'completed');
  await rui.until(() => rui.transfers.snapshot().every(({ state }) => state !== 'verifying'));
  if (!(rui.transfers.snapshot().length > 0 && isDone())) {
    const transfer = provider.offerFrom(ANA, factsOf(1, SIZE), key);
    const open = rui.transfers.snapshot().find(({ state }) => state === 'offered');
    if (open) await call(rui, 'transfers.accept', { transferId: open.id });
    await send(transfer);
  }
  await rui.until(isDone);
  expect(rui.downloaded()).toEqual([factsOf(1, SIZE).name]);
  expect(fs.readFileSync(path.join(rui.downloads, factsOf(1, SIZE).name)).equals(content)).toBe(true);
  expect(rui.transfers.snapshot()).toHaveLength(1);
  expect(ownedParts(rui)).toEqual([]);
}

/** Lets each of those kills happen. */
async function killedAtEach(
  key: string,
  live: (life: Life) => Promise<void>,
  before?: (life: Life) => Promise<void>,
): Promise<number> {
  const { folder, key: secret, moments } = await everyMoment(live, before);
  for (const moment of moments) {
    const life = await after(moment, folder, secret);
    expectOneOwnerEach(life.rui);
    await expectItComes(life, key);
    await life.rui.transfers.shutDown();
    life.rui.driver.close();
  }
  return moments.length;
}

const offered = async ({ rui, provider }: Life, key: string): Promise<MemoryTransfer> => {
  const transfer = provider.offerFrom(ANA, factsOf(1, SIZE), key);
  const open = rui.transfers.snapshot().find(({ state }) => state === 'offered');
  if (open) await call(rui, 'transfers.accept', { transferId: open.id });
  return transfer;
};

/** Half of it came, and then the connection was lost. */
async function lost(life: Life): Promise<void> {
  const transfer = await offered(life, 'one');
  await send(transfer, SIZE / 2);
  transfer.interrupt();
  await life.rui.untilState(life.rui.only.id, 'waiting-for-peer');
}

describe('a person whose program is killed between any two writes gets the file once, and no part stays behind', () => {
  test('while it comes', async () => {
    expect(await killedAtEach('one', async (life) => send(await offered(life, 'one')))).toBeGreaterThan(10);
  }, 120_000);

  test('while it comes again after a lost connection', async () => {
    const again = async (life: Life) => send(await offered(life, 'one'));
    expect(await killedAtEach('one', again, lost)).toBeGreaterThan(10);
  }, 120_000);

  test('while its sender, who had crashed, offers it under another id', async () => {
    const again = async (life: Life) => send(await offered(life, 'two'));
    expect(await killedAtEach('two', again, lost)).toBeGreaterThan(10);
  }, 120_000);
});

test('what is cancelled while it comes leaves no part, whenever a kill comes', async () => {
  const { folder, key, moments } = await everyMoment(async (life) => {
    await send(await offered(life, 'one'), SIZE / 2);
    await call(life.rui, 'transfers.cancel', { transferId: life.rui.only.id });
    await life.rui.transfers.shutDown();
  });
  for (const moment of moments) {
    const { rui } = await after(moment, folder, key);
    expectOneOwnerEach(rui);
    const [transfer] = rui.transfers.snapshot();
    if (transfer?.state === 'cancelled') expect(partsOf(rui)).toEqual([]);
    await rui.transfers.shutDown();
    rui.driver.close();
  }
  expect(moments.length).toBeGreaterThan(10);
}, 120_000);

test('a part of a talk that was deleted goes at the next start, when a kill came before', async () => {
  const { folder, key, moments } = await everyMoment(async (life) => {
    await lost(life);
    life.rui.transfers.forgetTalk('talk-1');
    await life.rui.transfers.shutDown();
  });
  for (const moment of moments) {
    const { rui } = await after(moment, folder, key);
    if (rui.transfers.snapshot().length === 0) expect(partsOf(rui)).toEqual([]);
    await rui.transfers.shutDown();
    rui.driver.close();
  }
}, 120_000);

test('a kill in the first second does not cost all that had come', async () => {
  const { folder, key, moments } = await everyMoment(async (life) => {
    await send(await offered(life, 'one'), 3 * CHUNK);
    const noted = () =>
      new TransferRows(life.rui.driver).shown().some(({ side }) => 'runs' in side && side.runs.length > 0);
    while (!noted()) await new Promise((resolve) => setImmediate(resolve));
  });
  const { provider } = await after(moments.at(-1) ?? '', folder, key);
  const again = provider.offerFrom(ANA, factsOf(1, SIZE), 'one');
  expect((await again.taken).from).toBeGreaterThanOrEqual(CHUNK);
});

test('what earlier versions left beside received files goes after a day, and nothing else does', async () => {
  const rui = new Desk(ANA);
  const provider = new MemoryProvider(RUI);
  await rui.transfers.recover();
  rui.transfers.attach(ACCOUNT, provider);
  await send(await offered({ rui, provider }, 'one'));
  const { name } = factsOf(1, SIZE);
  const { createdAt } = rui.only;
  const put = (file: string, at: number): void => {
    const whole = path.join(rui.downloads, file);
    fs.writeFileSync(whole, 'x');
    fs.utimesSync(whole, at / 1000, at / 1000);
  };
  const stem = path.parse(name).name;
  const extension = path.extname(name);
  put(`${name}.part`, createdAt);
  put(`${stem} (2)${extension}.part`, createdAt);
  // of another program: another name, or another time
  put('firefox.zip.part', createdAt);
  put(`${stem} (3)${extension}.part`, createdAt - 60_000);
  put(`${name.toUpperCase()}x.part`, createdAt);
  const others = ['firefox.zip.part', `${stem} (3)${extension}.part`, `${name.toUpperCase()}x.part`, name].sort();
  rui.clock.advance(23 * 3_600_000);
  await rui.restart();
  expect(rui.downloaded()).toEqual([...others, `${name}.part`, `${stem} (2)${extension}.part`].sort());
  rui.clock.advance(2 * 3_600_000);
  await rui.restart();
  expect(rui.downloaded()).toEqual(others);
});

test('a file that is offered once more under another id after a crash of its sender has one line, which completes', async () => {
  const rui = new Desk(ANA);
  const provider = new MemoryProvider(RUI);
  await rui.transfers.recover();
  rui.transfers.attach(ACCOUNT, provider);
  onTestFinished(() => rui.transfers.shutDown());
  await lost({ rui, provider });
  const { id } = rui.only;
  // nobody is asked again
  await send(provider.offerFrom(ANA, factsOf(1, SIZE), 'two'));
  expect(rui.only).toMatchObject({ id, state: 'completed' });
  expect(rui.lines).toHaveLength(1);
  // the new id is known from then on
  provider.offerFrom(ANA, factsOf(1, SIZE), 'two');
  expect(rui.transfers.snapshot()).toHaveLength(1);
});

test('a file that was offered once more before anybody noticed the crash waits for nobody once it is here', async () => {
  const rui = new Desk(ANA);
  const provider = new MemoryProvider(RUI);
  await rui.transfers.recover();
  rui.transfers.attach(ACCOUNT, provider);
  onTestFinished(() => rui.transfers.shutDown());
  const first = await offered({ rui, provider }, 'one');
  await send(first, SIZE / 2);
  const second = await offered({ rui, provider }, 'two');
  first.interrupt();
  await send(second);
  await rui.transfers.shutDown();
  const states = rui.transfers
    .snapshot()
    .map(({ state, path: file, bytes }) => [state, path.basename(file ?? ''), bytes]);
  const { name } = factsOf(1, SIZE);
  expect(states).toEqual([
    ['completed', name, SIZE],
    ['completed', name, SIZE],
  ]);
  expect(rui.downloaded()).toEqual([name]);
});

test.each([
  ['of somebody else', 'sip:eva@campus.test', {}],
  ['with another name', ANA, { name: 'other.bin' }],
  ['with other content', ANA, { hashes: [{ algorithm: 'sha-256', value: 'ab'.repeat(32) }] as const }],
  ['of which no hash is known', ANA, { hashes: [] }],
])('an offer %s is another line', async (_, peer, changes) => {
  const rui = new Desk(ANA);
  const provider = new MemoryProvider(RUI);
  await rui.transfers.recover();
  rui.transfers.attach(ACCOUNT, provider);
  onTestFinished(() => rui.transfers.shutDown());
  await lost({ rui, provider });
  provider.offerFrom(peer, { ...factsOf(1, SIZE), ...changes }, 'two');
  expect(rui.transfers.snapshot().map(({ state }) => state)).toEqual(['waiting-for-peer', 'offered']);
});
