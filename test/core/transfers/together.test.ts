import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type FileRequest, type OutgoingFile, ProviderError } from '../../../protocols/contract/index.ts';
import { jpeg, png } from '../../contract/pictures/made-pictures.ts';
import { ACCOUNT, TALK } from './support/desk.ts';
import { MemoryTransfer } from './support/memory-pair.ts';
import { ANA, call, pair, RUI } from './support/pair.ts';

describe('files chosen in one go', () => {
  test('are offered in one go, and each is answered by itself', async () => {
    const { ana, rui, anaProvider, write } = await pair();
    anaProvider.maximumFiles = 8;
    const paths = ['a', 'b', 'c'].map((name) => write(`${name}.txt`, name));
    const { transferIds } = await call(ana, 'transfers.offer', { talkId: TALK, paths });
    await rui.until(() => rui.transfers.snapshot().length === 3);
    expect(anaProvider.offered).toEqual([3]);
    const [first, second, third] = rui.transfers.snapshot().map(({ id }) => id) as [string, string, string];
    await call(rui, 'transfers.decline', { transferId: second });
    await call(rui, 'transfers.accept', { transferId: first });
    await call(rui, 'transfers.accept', { transferId: third });
    await ana.until(() => transferIds.every((id) => ['completed', 'declined'].includes(ana.transfer(id).state)));
    expect(transferIds.map((id) => ana.transfer(id).state)).toEqual(['completed', 'declined', 'completed']);
    expect(rui.downloaded().toSorted()).toEqual(['a.txt', 'c.txt']);
  });

  test('that are more than one offer carries go in several', async () => {
    const { ana, rui, anaProvider, write } = await pair();
    anaProvider.maximumFiles = 4;
    const paths = Array.from({ length: 10 }, (_, index) => write(`${index}.txt`, `file ${index}`));
    await call(ana, 'transfers.offer', { talkId: TALK, paths });
    await rui.until(() => rui.transfers.snapshot().length === 10);
    expect(anaProvider.offered).toEqual([4, 4, 2]);
  });

  test('go without one that cannot be read, and without one that is too big', async () => {
    const { ana, rui, anaProvider, write } = await pair();
    anaProvider.maximumFiles = 8;
    anaProvider.maximumBytes = 10;
    const paths = [write('a.txt', 'a'), write('big.txt', 'more than ten'), write('c.txt', 'c'), '/nowhere/at/all'];
    const { transferIds } = await call(ana, 'transfers.offer', { talkId: TALK, paths });
    await rui.until(() => rui.transfers.snapshot().length === 2);
    await ana.until(() => transferIds.filter((id) => ana.transfer(id).state === 'failed').length === 2);
    expect(anaProvider.offered).toEqual([2]);
    expect(ana.transfer(transferIds[1] as string).fault?.code).toBe('too-big');
  });

  test('of which one was cancelled while it was prepared go without it', async () => {
    const { ana, rui, anaProvider, write } = await pair();
    anaProvider.maximumFiles = 8;
    const paths = [write('a.txt', 'a'), write('b.txt', 'b'), write('c.txt', 'c')];
    const { transferIds } = await call(ana, 'transfers.offer', { talkId: TALK, paths });
    await call(ana, 'transfers.cancel', { transferId: transferIds[1] as string });
    await rui.until(() => rui.transfers.snapshot().length === 2);
    expect(anaProvider.offered).toEqual([2]);
  });
});

describe('the picture of an image', () => {
  const picture = { type: 'image/jpeg', data: jpeg(128, 96) };

  test('goes with its offer, and is shown on both sides', async () => {
    const { ana, rui, anaProvider, write, offer } = await pair();
    const file = write('holiday.png', 'pixels');
    ana.thumbnails.set(file, picture);
    const { sent, received } = await offer(file);
    expect(anaProvider.sent[0]?.file.file.icon).toEqual(picture);
    const url = `data:image/jpeg;base64,${picture.data.toString('base64')}`;
    expect(ana.transfer(sent).file.icon).toBe(url);
    expect(rui.transfer(received).file.icon).toBe(url);
  });

  test('is not shown, now or after a restart, when it is far larger than its few bytes', async () => {
    const { rui, ruiProvider } = await pair();
    const facts = { name: 'holiday.png', type: 'image/png', size: 9, hashes: [] };
    const bomb = png(20_000, 20_000);
    ruiProvider.offerFrom(ANA, { ...facts, icon: { type: 'image/png', data: bomb } }, 'k');
    expect(rui.only.file.icon).toBeNull();
    // taken in by a program that did not know the rule
    rui.driver.run('UPDATE transfers SET icon = ?', `data:image/png;base64,${bomb.toString('base64')}`);
    await rui.restart();
    expect(rui.only.file.icon).toBeNull();
  });

  test('is not asked for where the file is no image', async () => {
    const { ana, anaProvider, write, offer } = await pair();
    const file = write('holiday.txt', 'words');
    ana.thumbnails.set(file, picture);
    await offer(file);
    expect(anaProvider.sent[0]?.file.file.icon).toBeUndefined();
  });
});

describe('a file that the peer asks for', () => {
  /** A request as a provider makes it. */
  class Request implements FileRequest {
    readonly from = 0;
    given: { file: OutgoingFile; transfer: MemoryTransfer } | undefined;
    refused = false;
    readonly peer: string;
    readonly wanted: FileRequest['wanted'];
    constructor(peer: string, wanted: FileRequest['wanted']) {
      this.peer = peer;
      this.wanted = wanted;
    }
    give = (file: OutgoingFile): MemoryTransfer => {
      const transfer = new MemoryTransfer(file.id, 'outgoing', this.peer, file.file);
      this.given = { file, transfer };
      return transfer;
    };
    error: ProviderError | undefined;
    refuse = (error?: ProviderError): void => {
      this.error = error;
      this.refused = true;
    };
    get answered(): boolean {
      return this.refused || this.given !== undefined;
    }
  }

  const offered = async () => {
    const all = await pair();
    const file = all.write('a.txt', 'hello');
    const { sent } = await all.offer(file);
    const { hashes = [] } = all.anaProvider.sent[0]?.file.file ?? {};
    const ask = async (peer = RUI, wanted: FileRequest['wanted'] = { hashes }): Promise<Request> => {
      const request = new Request(peer, wanted);
      all.anaProvider.requests.emit(request);
      await expect.poll(() => request.answered).toBe(true);
      return request;
    };
    return { ...all, file, sent, hashes, ask };
  };

  test('is given when it was declined before, as a new attempt of the same transfer', async () => {
    const { ana, rui, anaProvider, sent, ask } = await offered();
    const offerId = anaProvider.sent[0]?.file.id;
    await call(rui, 'transfers.decline', { transferId: rui.only.id });
    await ana.untilState(sent, 'declined');
    const { given } = await ask();
    // what is lost of it is offered again as what they asked for
    expect(given?.file.id).toBe(offerId);
    expect(ana.transfer(sent).state).toBe('offered');
    for (const state of ['accepted', 'connecting', 'running', 'finished'] as const) given?.transfer.to({ state });
    expect(ana.transfer(sent).state).toBe('completed');
  });

  test('is given again as another transfer when it arrived already', async () => {
    const { ana, rui, sent, ask } = await offered();
    await call(rui, 'transfers.accept', { transferId: rui.only.id });
    await ana.untilState(sent, 'completed');
    const { given } = await ask();
    expect(ana.transfers.snapshot().map(({ state }) => state)).toEqual(['completed', 'offered']);
    given?.transfer.to({ state: 'cancelled', by: 'peer' });
    expect(ana.transfer(sent).state).toBe('completed');
  });

  test('is given again a few times a day, once at a time, and is refused beyond that', async () => {
    const { ana, rui, anaProvider, sent, ask } = await offered();
    await call(rui, 'transfers.accept', { transferId: rui.only.id });
    await ana.untilState(sent, 'completed');
    const arrive = (transfer: MemoryTransfer | undefined): void => {
      for (const state of ['accepted', 'connecting', 'running', 'finished'] as const) transfer?.to({ state });
    };
    const askedTogether = await Promise.all([ask(), ask(), ask()]);
    expect(ana.transfers.snapshot()).toHaveLength(2);
    for (const { given } of askedTogether) arrive(given?.transfer);
    for (let n = 0; n < 20; n++) arrive((await ask()).given?.transfer);
    expect(ana.transfers.snapshot().map(({ state }) => state)).toEqual(Array(4).fill('completed'));
    expect((await ask()).refused).toBe(true);
    ana.transfers.detach(ACCOUNT);
    await ana.restart();
    ana.clock.advance(24 * 60 * 60_000 + 1);
    ana.transfers.attach(ACCOUNT, anaProvider);
    expect((await ask()).refused).toBe(false);
  });

  test('is refused to whom it was not offered, and when anything asked is another', async () => {
    const { hashes, ask } = await offered();
    expect((await ask('sip:eve@campus.test')).refused).toBe(true);
    expect((await ask(RUI, { hashes, size: 6 })).refused).toBe(true);
    expect((await ask(RUI, { hashes: [{ algorithm: 'sha-1', value: 'a'.repeat(40) }] })).refused).toBe(true);
    expect((await ask(RUI, { name: '/etc/passwd', hashes: [] })).refused).toBe(true);
  });

  test('is refused when it was never offered, as to a program that takes no files', async () => {
    const { ana, anaProvider, write, ask } = await offered();
    const fail = async (name: string): Promise<FileRequest['wanted']> => {
      const paths = [write(name, name)];
      const { transferIds } = await call(ana, 'transfers.offer', { talkId: TALK, paths });
      await ana.untilState(transferIds[0] as string, 'failed');
      return { name, hashes: [] };
    };
    anaProvider.off = new ProviderError('not-supported');
    expect((await ask(RUI, await fail('b.txt'))).refused).toBe(true);
    anaProvider.off = undefined;
    anaProvider.onOutgoing = () => {
      throw new ProviderError('not-supported');
    };
    expect((await ask(RUI, await fail('c.txt'))).refused).toBe(true);
    expect((await ask(RUI, { name: 'a.txt', hashes: [] })).refused).toBe(false);
  });

  test('is still given after a restart, also when it is of before offers were noted', async () => {
    const { ana, rui, anaProvider, sent, ask } = await offered();
    await call(rui, 'transfers.decline', { transferId: rui.only.id });
    await ana.untilState(sent, 'declined');
    const restart = async (sql?: string): Promise<void> => {
      ana.transfers.detach(ACCOUNT);
      if (sql) ana.driver.run(sql);
      await ana.restart();
      ana.transfers.attach(ACCOUNT, anaProvider);
    };
    await restart();
    const { given } = await ask();
    for (const state of ['accepted', 'connecting', 'running', 'finished'] as const) given?.transfer.to({ state });
    await restart(`UPDATE transfers SET facts = json_remove(facts, '$.side.offered')`);
    expect((await ask()).refused).toBe(false);
  });

  test('is not said to be missing while the program is going', async () => {
    const { ana, ask } = await offered();
    const [asked] = await Promise.all([ask(), ana.transfers.shutDown()]);
    expect(asked).toMatchObject({ refused: true, error: { code: 'peer-offline' } });
  });

  test('is refused to who names neither the file nor its content', async () => {
    const { ask } = await offered();
    expect((await ask(RUI, { hashes: [] })).refused).toBe(true);
    expect((await ask(RUI, { type: 'text/plain', size: 5, hashes: [] })).refused).toBe(true);
  });

  test('is refused when it changed, is gone, or was taken back', async () => {
    const { ana, sent, file, ask } = await offered();
    fs.appendFileSync(file, '!');
    expect((await ask()).refused).toBe(true);
    fs.rmSync(file);
    expect((await ask()).refused).toBe(true);
    await call(ana, 'transfers.cancel', { transferId: sent });
    expect((await ask()).refused).toBe(true);
  });

  test('is refused when two fit that differ', async () => {
    const { write, offer, ask } = await offered();
    await offer(write('b.txt', 'world'));
    expect((await ask(RUI, { type: 'text/plain', hashes: [] })).refused).toBe(true);
    expect((await ask(RUI, { name: 'b.txt', hashes: [] })).given?.file.file.name).toBe('b.txt');
  });
});

describe('a file that was lost', () => {
  test('is asked for again by its hash, and goes on where it stopped', async () => {
    const { rui, ruiProvider } = await pair();
    ruiProvider.allowRequests();
    const hash = { algorithm: 'sha-256', value: 'b'.repeat(64) } as const;
    const lost = ruiProvider.offerFrom(
      'sip:carol@campus.test',
      { name: 'a', type: 'a/b', size: 5, hashes: [hash] },
      'k',
    );
    lost.to({ state: 'failed', error: new ProviderError('peer-busy') });
    expect(rui.only).toMatchObject({ state: 'failed', canRetry: true });
    await call(rui, 'transfers.retry', { transferId: rui.only.id });
    const asked = ruiProvider.received.at(-1);
    expect(asked).not.toBe(lost);
    expect(asked?.file).toMatchObject({ size: 5, hashes: [hash] });
    expect((await asked?.taken)?.from).toBe(0);
    expect(rui.only.state).toBe('waiting-for-peer');
  });

  test('cannot be asked for without a hash, nor where the protocol has no way', async () => {
    const { rui, ruiProvider } = await pair();
    const error = new ProviderError('timeout');
    const hash = { algorithm: 'sha-256', value: 'b'.repeat(64) } as const;
    ruiProvider.offerFrom('sip:carol@campus.test', { name: 'a', type: 'a/b', size: 5, hashes: [hash] }, 'k').to({
      state: 'failed',
      error,
    });
    expect(rui.only.canRetry).toBe(false);
    await expect(call(rui, 'transfers.retry', { transferId: rui.only.id })).rejects.toEqual(
      expect.objectContaining({ fault: expect.objectContaining({ code: 'wrong-state' }) }),
    );
    ruiProvider.allowRequests();
    ruiProvider
      .offerFrom('sip:dan@campus.test', { name: 'b', type: 'a/b', size: 5 }, 'm')
      .to({ state: 'failed', error });
    expect(rui.transfers.snapshot().map(({ canRetry }) => canRetry)).toEqual([false, false]);
  });
});

test('a detached account is asked nothing', async () => {
  const { ana, anaProvider } = await pair();
  ana.transfers.detach(ACCOUNT);
  expect(anaProvider.requests.size).toBe(0);
});
