import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { ACCOUNT } from './support/desk.ts';
import { call, pair, RUI } from './support/pair.ts';

const DAY = 24 * 60 * 60_000;
const ASKED_SOON = 3_000;
const away = new ProviderError('peer-offline');

/** Ana has offered Rui a file, nobody has answered, and the protocol waits no longer. `asked`: Rui's program asks for it. */
async function unanswered({ asked = true } = {}) {
  const people = await pair();
  const { ana, rui, anaProvider, ruiProvider, wire, write, offer } = people;
  wire.joinRequests(ruiProvider, anaProvider);
  rui.transfers.attach(ACCOUNT, ruiProvider);
  const file = write('a.txt', 'hello');
  const { sent, received } = await offer(file);
  anaProvider.sent[0]?.transfer.to({ state: 'unanswered', asked });
  ruiProvider.received[0]?.to({ state: 'unanswered', asked: true });
  /** Both programs are ended and started again. */
  const restart = async (): Promise<void> => {
    for (const desk of [ana, rui]) {
      desk.transfers.detach(ACCOUNT);
      await desk.restart();
    }
    ana.transfers.attach(ACCOUNT, anaProvider);
    rui.transfers.attach(ACCOUNT, ruiProvider);
  };
  return { ...people, file, sent, received, restart };
}

const OPEN = { state: 'offered', unanswered: true, fault: null };

describe('a file that nobody has answered in time', () => {
  test('stays open on both sides, and the line in the talk has not failed', async () => {
    const { ana, rui, sent, received } = await unanswered();
    expect(ana.transfer(sent)).toMatchObject(OPEN);
    expect(rui.transfer(received)).toMatchObject(OPEN);
    expect(ana.lines[0]?.state).toBe('sent');
  });

  test('is accepted a day later, after both programs were started anew, and no new offer was made', async () => {
    const { ana, rui, anaProvider, sent, received, restart } = await unanswered();
    await restart();
    for (const desk of [ana, rui]) desk.clock.advance(DAY);
    anaProvider.setOff(away, RUI);
    anaProvider.setOff(undefined, RUI);
    expect([ana.transfer(sent), rui.transfer(received)]).toMatchObject([OPEN, OPEN]);
    await call(rui, 'transfers.accept', { transferId: received });
    await Promise.all([ana.untilState(sent, 'completed'), rui.untilState(received, 'completed')]);
    expect(fs.readFileSync(path.join(rui.downloads, 'a.txt'), 'utf8')).toBe('hello');
    expect(anaProvider.sent).toHaveLength(1);
    expect(rui.transfers.snapshot()).toHaveLength(1);
  });

  test('is offered again to a program that does not ask, when it next appears, and once a day at most', async () => {
    const { ana, anaProvider, sent } = await unanswered({ asked: false });
    const appear = (): void => {
      anaProvider.setOff(away, RUI);
      anaProvider.setOff(undefined, RUI);
    };
    appear();
    ana.clock.advance(DAY - 1);
    appear();
    expect(ana.transfer(sent)).toMatchObject(OPEN);
    ana.clock.advance(1);
    // it was there all the time
    anaProvider.setOff(undefined, RUI);
    expect(ana.transfer(sent)).toMatchObject(OPEN);
    appear();
    await ana.until(() => anaProvider.sent.length === 2);
    expect(anaProvider.sent[1]?.file.id).toBe(anaProvider.sent[0]?.file.id);
    anaProvider.sent[1]?.transfer.to({ state: 'unanswered', asked: false });
    appear();
    expect(ana.transfer(sent)).toMatchObject(OPEN);
    expect(anaProvider.sent).toHaveLength(2);
  });

  test('is asked for once, however often a person says yes', async () => {
    const { ana, rui, ruiProvider, sent, received } = await unanswered();
    const before = ruiProvider.received.length;
    const answers = await Promise.allSettled(
      [1, 2, 3].map(() => call(rui, 'transfers.accept', { transferId: received })),
    );
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    await Promise.all([ana.untilState(sent, 'completed'), rui.untilState(received, 'completed')]);
    expect(ruiProvider.received).toHaveLength(before + 1);
    expect(rui.downloaded()).toEqual(['a.txt']);
  });

  test('waits for its sender when it is accepted while they are away, and comes when they are back', async () => {
    const { rui, anaProvider, ruiProvider, ana, sent, received } = await unanswered();
    ana.transfers.detach(ACCOUNT);
    const join = ruiProvider.onFetch;
    ruiProvider.onFetch = (transfer) => {
      transfer.onAccept = () => transfer.to({ state: 'failed', error: away });
    };
    await call(rui, 'transfers.accept', { transferId: received });
    expect(rui.transfer(received)).toMatchObject({ state: 'waiting-for-peer', fault: null });
    ruiProvider.onFetch = join;
    ana.transfers.attach(ACCOUNT, anaProvider);
    ruiProvider.setOff(undefined, 'sip:ana@campus.test');
    rui.clock.advance(ASKED_SOON);
    await Promise.all([ana.untilState(sent, 'completed'), rui.untilState(received, 'completed')]);
  });

  test('is accepted while its account is not there yet, and asked for when it is', async () => {
    const { ana, rui, ruiProvider, sent, received } = await unanswered();
    rui.transfers.detach(ACCOUNT);
    await rui.restart();
    await call(rui, 'transfers.accept', { transferId: received });
    expect(rui.transfer(received)).toMatchObject({ state: 'waiting-for-peer', fault: null });
    rui.transfers.attach(ACCOUNT, ruiProvider);
    ruiProvider.registrations.emit({ state: 'online', since: 0 });
    rui.clock.advance(ASKED_SOON);
    await Promise.all([ana.untilState(sent, 'completed'), rui.untilState(received, 'completed')]);
  });

  test('reads as cancelled once its sender, asked for it, has it no more', async () => {
    const { rui, anaProvider, ana, sent, received } = await unanswered();
    // the word of it is lost
    anaProvider.onClose = () => {};
    await call(ana, 'transfers.cancel', { transferId: sent });
    expect(rui.transfer(received)).toMatchObject(OPEN);
    await call(rui, 'transfers.accept', { transferId: received });
    expect(await rui.untilState(received, 'cancelled')).toMatchObject({ by: 'peer', fault: null });
  });

  test('that changed on its sender’s disk is not given, and the sender reads why', async () => {
    const { rui, ana, file, sent, received } = await unanswered();
    fs.writeFileSync(file, 'hello again');
    await call(rui, 'transfers.accept', { transferId: received });
    await rui.untilState(received, 'cancelled');
    expect(await ana.untilState(sent, 'failed')).toMatchObject({ fault: { code: 'source-changed' } });
  });

  test('can be taken back, and the receiver is told', async () => {
    const { rui, ana, sent, received } = await unanswered();
    await call(ana, 'transfers.cancel', { transferId: sent });
    expect(ana.transfer(sent)).toMatchObject({ state: 'cancelled', by: 'us' });
    expect(rui.transfer(received)).toMatchObject({ state: 'cancelled', by: 'peer' });
  });

  test('can be declined, and the sender is told', async () => {
    const { rui, ana, sent, received, restart } = await unanswered();
    await restart();
    await call(rui, 'transfers.decline', { transferId: received });
    expect(rui.transfer(received).state).toBe('declined');
    expect(ana.transfer(sent).state).toBe('declined');
  });

  test('is closed by nobody else', async () => {
    const { ana, anaProvider, sent } = await unanswered();
    const key = anaProvider.sent[0]?.file.id ?? '';
    anaProvider.closed.emit({ peer: 'sip:carol@campus.test', direction: 'outgoing', key });
    expect(ana.transfer(sent)).toMatchObject(OPEN);
  });

  test('stays one line when its sender offers it again', async () => {
    const { rui, ruiProvider, received } = await unanswered();
    const [first] = ruiProvider.received;
    if (!first) throw new Error('no offer');
    ruiProvider.offerFrom('sip:ana@campus.test', first.file, first.id);
    expect(rui.only).toMatchObject({ id: received, state: 'offered' });
    expect(rui.only.unanswered).toBeUndefined();
  });
});

describe('an offer that waits for its answer', () => {
  test('survives the end of the receiver’s program, by order or by kill, and is asked for', async () => {
    for (const end of ['quit', 'kill'] as const) {
      const { ana, rui, anaProvider, ruiProvider, wire, write, offer } = await pair();
      wire.joinRequests(ruiProvider, anaProvider);
      rui.transfers.attach(ACCOUNT, ruiProvider);
      const { sent, received } = await offer(write('a.txt', 'hello'));
      if (end === 'quit') await rui.transfers.shutDown();
      // what the sender makes of it: a 480 or a 408 after it has rung
      ruiProvider.received[0]?.to({ state: 'unanswered', asked: true });
      anaProvider.sent[0]?.transfer.to({ state: 'unanswered', asked: true });
      await rui.restart();
      expect(rui.transfer(received)).toMatchObject(OPEN);
      rui.transfers.attach(ACCOUNT, ruiProvider);
      if (ana.transfer(sent).state !== 'offered') continue;
      await call(rui, 'transfers.accept', { transferId: received });
      await Promise.all([ana.untilState(sent, 'completed'), rui.untilState(received, 'completed')]);
    }
  });

  test('that ends in the moment in which it is accepted comes all the same', async () => {
    const { ana, rui, anaProvider, ruiProvider, wire, write, offer } = await pair();
    wire.joinRequests(ruiProvider, anaProvider);
    rui.transfers.attach(ACCOUNT, ruiProvider);
    const { sent, received } = await offer(write('a.txt', 'hello'));
    const target = path.join(rui.folder, 'b.txt');
    const accepting = call(rui, 'transfers.accept', { transferId: received, path: target });
    anaProvider.sent[0]?.transfer.to({ state: 'unanswered', asked: true });
    ruiProvider.received[0]?.to({ state: 'unanswered', asked: true });
    await accepting;
    await Promise.all([ana.untilState(sent, 'completed'), rui.untilState(received, 'completed')]);
    expect(fs.readFileSync(target, 'utf8')).toBe('hello');
  });
});
