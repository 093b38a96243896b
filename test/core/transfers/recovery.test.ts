import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TransferState } from '../../../electron/contract/index.ts';
import { TransferRows } from '../../../electron/core/transfers/ledger/transfer-rows.ts';
import { ACCOUNT } from './support/desk.ts';
import type { Moment } from './support/memory-pair.ts';
import { MemoryProvider, Wire } from './support/memory-pair.ts';
import { ANA, call, pair, RUI } from './support/pair.ts';

const content = randomBytes(400_000);

describe('after a restart of both a transfer goes on by itself', () => {
  const moments: (Moment | 'offered')[] = ['offered', 'accepted', 'connecting', 'running'];

  test.each(moments)('that was left %s', async (moment) => {
    const { ana, rui, wire, write, offer } = await pair();
    wire.chunk = 10_000;
    const halt = moment === 'offered' ? undefined : wire.haltAt(moment);
    const { sent, received } = await offer(write('a.bin', content));
    if (halt) {
      await call(rui, 'transfers.accept', { transferId: received });
      await halt.reached;
    }
    expect([ana.transfer(sent).state, rui.transfer(received).state]).toEqual([moment, moment]);
    await ana.restart();
    await rui.restart();
    expect(ana.transfer(sent)).toMatchObject({ state: 'waiting-for-peer', fault: null, speed: 0 });
    expect(rui.transfer(received)).toMatchObject(
      moment === 'offered'
        ? { state: 'failed', fault: { code: 'peer-offline' }, canRetry: false }
        : { state: 'waiting-for-peer', fault: null, path: null },
    );
    const [left, right] = [new MemoryProvider(ANA), new MemoryProvider(RUI)];
    new Wire(left, right);
    rui.transfers.attach(ACCOUNT, right);
    ana.transfers.attach(ACCOUNT, left);
    // nobody had accepted it yet
    if (moment === 'offered') {
      await rui.untilState(received, 'offered');
      await call(rui, 'transfers.accept', { transferId: received });
    }
    await ana.untilState(sent, 'completed');
    await rui.untilState(received, 'completed');
    expect(fs.readFileSync(path.join(rui.downloads, 'a.bin')).equals(content)).toBe(true);
    expect(rui.downloaded()).toEqual(['a.bin']);
  });

  test('that was being prepared goes on being prepared', async () => {
    const { ana, anaProvider, write } = await pair();
    ana.transfers.detach(ACCOUNT);
    const { transferIds } = await call(ana, 'transfers.offer', { talkId: 'talk-1', paths: [write('a.bin', content)] });
    await ana.restart();
    ana.transfers.attach(ACCOUNT, anaProvider);
    await ana.untilState(transferIds[0] as string, 'offered');
  });

  test('that was over stays as it was', async () => {
    const { ana, rui, write, offer } = await pair();
    const { sent, received } = await offer(write('a.bin', content));
    await call(rui, 'transfers.accept', { transferId: received });
    await ana.untilState(sent, 'completed');
    await rui.untilState(received, 'completed');
    const before = [ana.transfers.snapshot(), rui.transfers.snapshot()];
    await ana.restart();
    await rui.restart();
    expect([ana.transfers.snapshot(), rui.transfers.snapshot()]).toEqual(before);
  });
});

test('what was left of a file is taken up when it is offered again after a restart', async () => {
  const { ana, rui, wire, write, offer } = await pair();
  wire.chunk = 10_000;
  wire.breakAt = 300_000;
  const { sent, received } = await offer(write('a.bin', content));
  await call(rui, 'transfers.accept', { transferId: received });
  await rui.untilState(received, 'waiting-for-peer');
  await wire.idle();
  await ana.restart();
  await rui.restart();
  const left = new MemoryProvider(ANA);
  const right = new MemoryProvider(RUI);
  const again = new Wire(left, right);
  const positions: number[] = [];
  again.onChunk = (position) => positions.push(position);
  rui.transfers.attach(ACCOUNT, right);
  ana.transfers.attach(ACCOUNT, left);
  await rui.untilState(received, 'completed');
  await ana.untilState(sent, 'completed');
  expect(positions[0]).toBe(300_000);
  expect(fs.readFileSync(path.join(rui.downloads, 'a.bin')).equals(content)).toBe(true);
});

test('an offer that its protocol repeats after a restart can be accepted after all', async () => {
  const { rui, ruiProvider } = await pair();
  const facts = { name: 'a', type: 'text/plain', size: 5 };
  ruiProvider.offerFrom(ANA, facts, 'archived');
  const { id } = rui.only;
  await rui.restart();
  expect(rui.only.state).toBe('failed');
  const provider = new MemoryProvider(RUI);
  rui.transfers.attach(ACCOUNT, provider);
  const transfer = provider.offerFrom(ANA, facts, 'archived');
  expect(rui.only).toMatchObject({ id, state: 'offered', fault: null, endedAt: null });
  await call(rui, 'transfers.accept', { transferId: id });
  const accepted = await transfer.taken;
  const { sink } = accepted;
  await sink.write(Buffer.from('hello'), 0);
  await accepted.complete();
  expect(rui.only.state).toBe('completed');
  expect(rui.lines).toHaveLength(1);
});

describe('a crash while a file is verified', () => {
  /** Rui's disk as a crash in the verifying leaves it. */
  async function crashed(change: (files: { part: string; final: string; row: (side: object) => void }) => void) {
    const { rui, wire, write, offer } = await pair();
    const halt = wire.haltAt('verifying');
    const { received } = await offer(write('a.bin', content));
    await call(rui, 'transfers.accept', { transferId: received });
    await halt.reached;
    const part = path.join(rui.downloads, 'a.bin.part');
    const final = path.join(rui.downloads, 'a.bin');
    const rows = new TransferRows(rui.driver);
    const [row] = rows.shown();
    if (!row) throw new Error('no row');
    const stage = { state: 'verifying' satisfies TransferState } as const;
    change({ part, final, row: (changes) => rows.save({ ...row, stage, ...changes }) });
    await rui.restart();
    return { rui, received, part, final };
  }

  test('before the name: the part is verified once more, and gets it', async () => {
    const { rui, received, final } = await crashed(({ row }) => row({}));
    await rui.untilState(received, 'completed');
    expect(rui.transfer(received).path).toBe(final);
    expect(fs.readFileSync(final).equals(content)).toBe(true);
    expect(rui.downloaded()).toEqual(['a.bin']);
  });

  test('before the name, with a part that lost its content: it never gets it', async () => {
    const { rui, received } = await crashed(({ part, row }) => {
      row({});
      fs.writeFileSync(part, Buffer.alloc(content.length));
    });
    await rui.untilState(received, 'failed');
    expect(rui.transfer(received).fault?.code).toBe('hash-mismatch');
    await rui.transfers.shutDown();
    expect(rui.downloaded()).toEqual([]);
  });

  test('between the name and the end of the part: the file is there, and the part goes', async () => {
    const { rui, received, final } = await crashed(({ part, final: name, row }) => {
      row({ path: name });
      fs.linkSync(part, name);
    });
    await rui.untilState(received, 'completed');
    expect(rui.transfer(received).path).toBe(final);
    expect(rui.downloaded()).toEqual(['a.bin']);
  });

  test('after the name, before it was written down: the file is there', async () => {
    const { rui, received, final } = await crashed(({ part, final: name, row }) => {
      row({ path: name });
      fs.renameSync(part, name);
    });
    await rui.untilState(received, 'completed');
    expect(rui.transfer(received)).toMatchObject({ path: final, bytes: content.length });
  });

  test('with another file under the name that was tried: ours gets the next one', async () => {
    const { rui, received } = await crashed(({ final, row }) => {
      row({ path: final });
      fs.writeFileSync(final, Buffer.alloc(content.length, 'x'));
    });
    await rui.untilState(received, 'completed');
    expect(rui.downloaded()).toEqual(['a (2).bin', 'a.bin']);
    expect(fs.readFileSync(path.join(rui.downloads, 'a (2).bin')).equals(content)).toBe(true);
  });

  test('with nothing left at all: it failed', async () => {
    const { rui, received } = await crashed(({ part, row }) => {
      row({});
      fs.rmSync(part);
    });
    await rui.untilState(received, 'failed');
    expect(rui.transfer(received).fault?.code).toBe('network');
  });
});

describe('shutting down', () => {
  test('interrupts what runs at once on both sides, keeps the part, and leaves no handle open', async () => {
    const { ana, rui, wire, write, offer } = await pair();
    wire.chunk = 10_000;
    const halt = wire.haltAt('running');
    const { sent, received } = await offer(write('a.bin', content));
    await call(rui, 'transfers.accept', { transferId: received });
    await halt.reached;
    const shutting = rui.transfers.shutDown();
    halt.go();
    await shutting;
    await wire.idle();
    expect(rui.transfer(received)).toMatchObject({ state: 'waiting-for-peer', fault: null });
    expect(ana.transfer(sent)).toMatchObject({ state: 'waiting-for-peer', fault: null });
    expect(rui.downloaded()).toEqual(['a.bin.part']);
    expect(openFilesIn(rui.folder).filter((file) => file.includes('downloads'))).toEqual([]);
    expect(openFilesIn(ana.folder).filter((file) => file.endsWith('a.bin'))).toEqual([]);
  });

  test('in the middle of a verification leaves it for the next start', async () => {
    const { rui, wire, write, offer } = await pair();
    const halt = wire.haltAt('verifying');
    const { received } = await offer(write('a.bin', content));
    await call(rui, 'transfers.accept', { transferId: received });
    await halt.reached;
    // the check begins, and is called off before it can end
    halt.go();
    await rui.untilState(received, 'verifying');
    await rui.transfers.shutDown();
    const state = rui.transfer(received).state;
    expect(['verifying', 'completed']).toContain(state);
    await rui.restart();
    await rui.untilState(received, 'completed');
    expect(rui.downloaded()).toEqual(['a.bin']);
  });

  test('stops hashing, and goes on with it after the next start', async () => {
    const { ana, anaProvider, write } = await pair();
    const file = write('big.bin', '');
    fs.truncateSync(file, 200 * 1024 * 1024);
    const { transferIds } = await call(ana, 'transfers.offer', { talkId: 'talk-1', paths: [file] });
    await ana.transfers.shutDown();
    expect(ana.only.state).toBe('preparing');
    expect(anaProvider.sent).toEqual([]);
    expect(openFilesIn(ana.folder).filter((name) => name.endsWith('big.bin'))).toEqual([]);
    fs.truncateSync(file, 10);
    await ana.restart();
    ana.transfers.attach(ACCOUNT, anaProvider);
    await ana.untilState(transferIds[0] as string, 'offered');
  });
});

test('an offer made anew in the moment of the yes is accepted, and no part is left for the collector to close', async () => {
  const { rui, ruiProvider } = await pair();
  const file = { name: 'a.bin', type: 'text/plain', size: 4 };
  ruiProvider.offerFrom(ANA, file, 'k');
  // its protocol has not said a word yet
  await call(rui, 'transfers.accept', { transferId: rui.only.id });
  const parts = (): string[] => openFilesIn(rui.downloads).filter((name) => name.endsWith('.part'));
  expect(parts()).toHaveLength(1);
  const again = ruiProvider.offerFrom(ANA, file, 'k');
  await again.taken;
  expect(parts()).toHaveLength(1);
  await rui.transfers.shutDown();
  expect(parts()).toEqual([]);
});

/** Files below a folder that this process has open. */
function openFilesIn(folder: string): string[] {
  return fs.readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const file = fs.readlinkSync(`/proc/self/fd/${descriptor}`);
      return file.startsWith(folder) ? [file] : [];
    } catch {
      return [];
    }
  });
}
