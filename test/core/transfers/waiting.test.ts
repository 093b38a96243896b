import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CoreEvent } from '../../../electron/contract/index.ts';
import { ProviderError, type ProviderErrorCode } from '../../../protocols/contract/index.ts';
import { ACCOUNT, TALK } from './support/desk.ts';
import { MemoryProvider, Wire } from './support/memory-pair.ts';
import { ANA, call, pair, RUI } from './support/pair.ts';

const away = new ProviderError('peer-offline');

/** Offers files and tells their ids, without waiting for anybody to see them. */
async function offerMany(desk: Awaited<ReturnType<typeof pair>>['ana'], paths: string[]): Promise<string[]> {
  return (await call(desk, 'transfers.offer', { talkId: TALK, paths })).transferIds;
}

/** The most transfers that were on the wire at once, from what was told. */
function mostOut({ events }: { events: CoreEvent[] }): number {
  const out = new Set<string>();
  let most = 0;
  for (const { id, state } of events.flatMap((event) => (event.type === 'transfers' ? event.changed : []))) {
    if (['offered', 'accepted', 'connecting', 'running'].includes(state)) out.add(id);
    else out.delete(id);
    most = Math.max(most, out.size);
  }
  return most;
}

describe('an offer to somebody absent', () => {
  test('waits, and goes out by itself when the peer can take files again', async () => {
    const { ana, rui, anaProvider, write } = await pair();
    anaProvider.setOff(away, RUI);
    const [id] = await offerMany(ana, [write('a.txt', 'hello')]);
    await ana.untilState(id as string, 'waiting-for-peer');
    expect(ana.lines[0]?.state).toBe('waiting');
    expect(anaProvider.sent).toEqual([]);
    anaProvider.setOff(undefined, RUI);
    const received = await rui.untilAny('offered');
    await call(rui, 'transfers.accept', { transferId: received.id });
    await ana.untilState(id as string, 'completed');
    expect(ana.statesOf(id as string)).toEqual([
      'preparing',
      'waiting-for-peer',
      'offered',
      'accepted',
      'connecting',
      'running',
      'completed',
    ]);
  });

  test('can be cancelled meanwhile, and is then never sent', async () => {
    const { ana, anaProvider, write } = await pair();
    anaProvider.setOff(away, RUI);
    const [id] = await offerMany(ana, [write('a.txt', 'hello')]);
    await ana.untilState(id as string, 'waiting-for-peer');
    await call(ana, 'transfers.cancel', { transferId: id as string });
    anaProvider.setOff(undefined, RUI);
    expect(ana.transfer(id as string)).toMatchObject({ state: 'cancelled', by: 'us' });
    expect(anaProvider.sent).toEqual([]);
  });

  test('waits on disk, over a restart, and for the account to be there at all', async () => {
    const { ana, rui, anaProvider, ruiProvider, write } = await pair();
    anaProvider.setOff(away, RUI);
    const [id] = await offerMany(ana, [write('a.txt', 'hello')]);
    await ana.untilState(id as string, 'waiting-for-peer');
    await ana.restart();
    expect(ana.only).toMatchObject({ id, state: 'waiting-for-peer' });
    const provider = new MemoryProvider(ANA);
    new Wire(provider, ruiProvider);
    ana.transfers.attach(ACCOUNT, provider);
    expect((await rui.untilAny('offered')).file.name).toBe('a.txt');
    expect(ana.only.state).toBe('offered');
    expect(anaProvider.sent).toEqual([]);
  });

  test('whose file changed while it waited is offered as it is now', async () => {
    const { ana, anaProvider, write } = await pair();
    anaProvider.setOff(away, RUI);
    const file = write('a.txt', 'hello');
    const [id] = await offerMany(ana, [file]);
    await ana.untilState(id as string, 'waiting-for-peer');
    fs.writeFileSync(file, 'hello again');
    anaProvider.setOff(undefined, RUI);
    await ana.untilState(id as string, 'offered');
    expect(anaProvider.sent[0]?.file.file.size).toBe(11);
  });

  test('whose file changed after they had seen its offer is asked about another one (RFC 5547 §8.1)', async () => {
    const { ana, anaProvider, write, offer } = await pair();
    const file = write('a.txt', 'hello');
    const { sent } = await offer(file);
    const restart = async () => {
      await ana.restart();
      ana.transfers.attach(ACCOUNT, anaProvider);
      await ana.untilState(sent, 'offered');
    };
    await restart();
    fs.writeFileSync(file, 'hullo');
    await restart();
    const [first, second, third] = anaProvider.sent.map(({ file: { id } }) => id);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  test('who leaves just before the offer arrives gets it later', async () => {
    const { ana, anaProvider, write, offer } = await pair();
    const { sent } = await offer(write('a.txt', 'hello'));
    anaProvider.off = away;
    anaProvider.sent[0]?.transfer.to({ state: 'failed', error: away });
    expect(ana.transfer(sent)).toMatchObject({ state: 'waiting-for-peer', fault: null });
    anaProvider.setOff(undefined, RUI);
    await ana.untilState(sent, 'offered');
    expect(anaProvider.sent).toHaveLength(2);
    // RFC 5547 §8.1: the same transfer; a device that has shown it goes on showing one
    expect(anaProvider.sent[1]?.file.id).toBe(anaProvider.sent[0]?.file.id);
  });

  test('who is on no list, so that nobody tells when they are back, waits as a text does and is tried again', async () => {
    const { ana, anaProvider, write, offer } = await pair();
    const { sent } = await offer(write('a.txt', 'hello'));
    anaProvider.sent[0]?.transfer.to({ state: 'failed', error: away });
    expect(ana.transfer(sent)).toMatchObject({ state: 'waiting-for-peer', fault: null });
    expect(ana.lines[0]?.state).toBe('waiting');
    for (let tries = 2; tries < 40; tries++) {
      ana.clock.advance(5 * 60_000);
      await ana.untilState(sent, 'offered');
      expect(anaProvider.sent).toHaveLength(tries);
      anaProvider.sent.at(-1)?.transfer.to({ state: 'failed', error: away });
      expect(ana.transfer(sent).state).toBe('waiting-for-peer');
    }
  });

  test('goes out again by itself when the connection broke before anybody was asked', async () => {
    const { ana, anaProvider, write, offer } = await pair();
    const { sent } = await offer(write('a.txt', 'hello'));
    anaProvider.sent[0]?.transfer.to({ state: 'failed', error: new ProviderError('network') });
    expect(ana.transfer(sent)).toMatchObject({ state: 'waiting-for-peer', fault: null });
    ana.clock.advance(2_000);
    await ana.untilState(sent, 'offered');
    expect(anaProvider.sent[1]?.file.id).toBe(anaProvider.sent[0]?.file.id);
  });
});

test.each<ProviderErrorCode>(['not-supported', 'blocked'])(
  'a route that is off for good (%s) fails at once',
  async (code) => {
    const { ana, anaProvider, write } = await pair();
    anaProvider.off = new ProviderError(code);
    const [id] = await offerMany(ana, [write('a.txt', 'hello')]);
    await ana.untilState(id as string, 'failed');
    expect(ana.transfer(id as string)).toMatchObject({ fault: { code }, canRetry: false });
  },
);

test('a file larger than the route takes is too big, and is not offered', async () => {
  const { ana, anaProvider, write } = await pair();
  anaProvider.maximumBytes = 4;
  const [fits, tooBig] = await offerMany(ana, [write('a.txt', '1234'), write('b.txt', '12345')]);
  await ana.untilState(tooBig as string, 'failed');
  expect(ana.transfer(tooBig as string)).toMatchObject({ fault: { code: 'too-big', limit: 4 }, canRetry: false });
  await ana.untilState(fits as string, 'offered');
});

test('a file larger than the route takes is refused at once, and is not read first', async () => {
  const { ana, anaProvider, write } = await pair();
  anaProvider.maximumBytes = 4;
  const file = write('film.mkv', '');
  // a file with a hole of 64 GB: to read it would take minutes
  fs.truncateSync(file, 64_000_000_000);
  const [id] = await offerMany(ana, [file]);
  await ana.untilState(id as string, 'failed');
  expect(ana.transfer(id as string)).toMatchObject({ fault: { code: 'too-big', limit: 4 } });
  const told = ana.events.flatMap((event) => (event.type === 'transfers' ? event.changed : []));
  expect(told.filter(({ prepared }) => prepared !== undefined)).toEqual([]);
});

test('at most four files go to a peer at once; the others wait in their order, and no other peer waits for them', async () => {
  const { ana, rui, anaProvider, write } = await pair();
  const ids = await offerMany(
    ana,
    Array.from({ length: 10 }, (_, index) => write(`${index}.txt`, `file ${index}`)),
  );
  await rui.until(() => rui.transfers.snapshot().length === 4);
  const states = () => ids.map((id) => ana.transfer(id).state);
  // one is declined, one cancelled: two more go out
  await call(rui, 'transfers.decline', { transferId: rui.transfers.snapshot()[0]?.id as string });
  await call(ana, 'transfers.cancel', { transferId: ids[states().indexOf('offered')] as string });
  await rui.until(() => rui.transfers.snapshot().length === 6);
  expect(states().filter((state) => state === 'offered')).toHaveLength(4);
  // and in the end all are there
  for (;;) {
    const next = rui.transfers.snapshot().find((transfer) => transfer.state === 'offered');
    if (!next) break;
    await call(rui, 'transfers.accept', { transferId: next.id });
    await rui.untilState(next.id, 'completed');
    await ana.until(() => ana.transfers.snapshot().filter((transfer) => transfer.state === 'completed').length >= 1);
    const left = ana.transfers.snapshot().some((transfer) => transfer.state === 'preparing');
    if (left) await rui.untilAny('offered');
  }
  await ana.until(() => states().every((state) => ['completed', 'declined', 'cancelled'].includes(state)));
  expect(states().filter((state) => state === 'completed')).toHaveLength(8);
  expect(anaProvider.sent).toHaveLength(10);
  expect(rui.downloaded()).toHaveLength(8);
  expect(mostOut(ana)).toBe(4);
}, 30_000);

test('an offer that fails while it is made lets the next one go', async () => {
  const { ana, anaProvider, write } = await pair();
  anaProvider.onOutgoing = (transfer) => transfer.to({ state: 'failed', error: new ProviderError('peer-busy') });
  const ids = await offerMany(
    ana,
    Array.from({ length: 9 }, (_, index) => write(`${index}.txt`, 'x')),
  );
  for (const id of ids) expect((await ana.untilState(id, 'failed')).fault?.code).toBe('peer-busy');
  anaProvider.onOutgoing = () => {
    throw new TypeError('a bug in the provider');
  };
  await call(ana, 'transfers.retry', { transferId: ids[0] as string });
  await ana.untilState(ids[0] as string, 'failed');
  expect(ana.transfer(ids[0] as string).fault?.code).toBe('internal');
});

test('a text that goes with the files is sent once, before them', async () => {
  const { ana, write } = await pair();
  const paths = [write('a.txt', 'a'), write('b.txt', 'b')];
  await call(ana, 'transfers.offer', { talkId: TALK, paths, note: 'the slides' });
  expect(ana.texts).toEqual(['the slides']);
  await call(ana, 'transfers.offer', { talkId: TALK, paths, note: '  ' });
  expect(ana.texts).toEqual(['the slides']);
});

describe('something pasted', () => {
  const picture = Buffer.from('a picture');
  const paste = { talkId: TALK, name: '../pasted.png', type: 'image/png', data: picture };

  test('is kept until it is over there, and no longer', async () => {
    const { ana, rui } = await pair();
    const { transferId } = await call(ana, 'transfers.offerData', paste);
    const copy = path.join(ana.folder, 'outgoing', transferId, 'pasted.png');
    expect(fs.readFileSync(copy).equals(picture)).toBe(true);
    const received = await rui.untilAny('offered');
    expect(received.file).toMatchObject({ name: 'pasted.png', type: 'image/png', size: 9 });
    await call(rui, 'transfers.accept', { transferId: received.id });
    await ana.untilState(transferId, 'completed');
    expect(ana.transfer(transferId).path).toBeNull();
    await ana.transfers.shutDown();
    expect(fs.readdirSync(path.join(ana.folder, 'outgoing'))).toEqual([]);
  });

  test('stays for another try when it failed, and goes when it is cancelled', async () => {
    const { ana, anaProvider } = await pair();
    const { transferId } = await call(ana, 'transfers.offerData', paste);
    await ana.untilState(transferId, 'offered');
    anaProvider.sent[0]?.transfer.to({ state: 'failed', error: new ProviderError('peer-busy') });
    expect(ana.transfer(transferId).canRetry).toBe(true);
    await call(ana, 'transfers.retry', { transferId });
    await ana.untilState(transferId, 'offered');
    const source = await anaProvider.sent[1]?.file.open();
    expect(source?.size).toBe(9);
    await source?.close();
    await call(ana, 'transfers.cancel', { transferId });
    expect(ana.transfer(transferId).canRetry).toBe(false);
    await ana.transfers.shutDown();
    expect(fs.readdirSync(path.join(ana.folder, 'outgoing'))).toEqual([]);
  });

  test('that failed and was tidied out of the panel can be tried again from the talk, and is in the panel then', async () => {
    const { ana, anaProvider } = await pair();
    const { transferId } = await call(ana, 'transfers.offerData', paste);
    await ana.untilState(transferId, 'offered');
    anaProvider.sent[0]?.transfer.to({ state: 'failed', error: new ProviderError('peer-busy') });
    await call(ana, 'transfers.clear', {});
    expect(ana.transfer(transferId)).toMatchObject({ canRetry: true, tidied: true });
    await call(ana, 'transfers.retry', { transferId });
    expect((await ana.untilState(transferId, 'offered')).tidied).toBeUndefined();
  });

  test('that belongs to nothing any more is deleted at the next start', async () => {
    const { ana } = await pair();
    fs.mkdirSync(path.join(ana.folder, 'outgoing', 'of-nobody'), { recursive: true });
    await ana.restart();
    expect(fs.readdirSync(path.join(ana.folder, 'outgoing'))).toEqual([]);
  });

  test('that cannot be kept is refused, and leaves nothing', async () => {
    const { ana } = await pair();
    fs.writeFileSync(path.join(ana.folder, 'outgoing'), 'in the way');
    await expect(call(ana, 'transfers.offerData', paste)).rejects.toMatchObject({
      fault: { code: 'permission-denied' },
    });
    expect(ana.transfers.snapshot()).toEqual([]);
  });
});
