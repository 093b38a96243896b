import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { ACCOUNT, type Desk } from './support/desk.ts';
import { MemoryProvider, Wire } from './support/memory-pair.ts';
import { ANA, call, pair, RUI } from './support/pair.ts';

const content = randomBytes(400_000);
const lost = { state: 'failed', error: new ProviderError('network') } as const;

/** A transfer in the middle of its bytes. */
async function running() {
  const made = await pair();
  made.wire.chunk = 10_000;
  const halt = made.wire.haltAt('running');
  const file = made.write('a.bin', content);
  const ids = await made.offer(file);
  await call(made.rui, 'transfers.accept', { transferId: ids.received });
  await halt.reached;
  return { ...made, ...ids, halt, file };
}

const isWhole = (rui: Desk): void => {
  expect(rui.downloaded()).toEqual(['a.bin']);
  expect(fs.readFileSync(path.join(rui.downloads, 'a.bin')).equals(content)).toBe(true);
};

describe('a pause', () => {
  test.each(['sender', 'receiver'] as const)(
    'by the %s holds the bytes, and both sides see whose it is',
    async (who) => {
      const { ana, rui, wire, sent, received, halt } = await running();
      const [holder, id] = who === 'sender' ? ([ana, sent] as const) : ([rui, received] as const);
      expect(holder.transfer(id)).toMatchObject({ state: 'running', canPause: true });
      await call(holder, 'transfers.pause', { transferId: id });
      expect(ana.transfer(sent)).toMatchObject({
        state: 'paused',
        by: who === 'sender' ? 'us' : 'peer',
        canPause: false,
      });
      expect(rui.transfer(received)).toMatchObject({ state: 'paused', by: who === 'sender' ? 'peer' : 'us' });
      expect(ana.lines[0]?.state).toBe('sent');
      const positions: number[] = [];
      wire.onChunk = (position) => positions.push(position);
      halt.go();
      await expect(call(holder, 'transfers.pause', { transferId: id })).rejects.toMatchObject({
        fault: { code: 'wrong-state' },
      });
      await call(holder, 'transfers.resume', { transferId: id });
      await ana.untilState(sent, 'completed');
      await rui.untilState(received, 'completed');
      expect(ana.statesOf(sent).slice(-4)).toEqual(['running', 'paused', 'running', 'completed']);
      isWhole(rui);
    },
  );

  test('of the peer is not ours to end', async () => {
    const { ana, rui, sent, received, halt } = await running();
    await call(rui, 'transfers.pause', { transferId: received });
    await expect(call(ana, 'transfers.resume', { transferId: sent })).rejects.toMatchObject({
      fault: { code: 'wrong-state' },
    });
    halt.go();
    await call(ana, 'transfers.cancel', { transferId: sent });
    await rui.untilState(received, 'cancelled');
  });

  test('by the receiver outlives a restart: the file comes again, stands still at once, and nobody is asked', async () => {
    const { ana, rui, anaProvider, ruiProvider, sent, received, halt } = await running();
    await call(rui, 'transfers.pause', { transferId: received });
    await rui.restart();
    halt.go();
    expect(rui.only).toMatchObject({ state: 'paused', by: 'us', canPause: false });
    const right = new MemoryProvider(RUI);
    new Wire(anaProvider, right);
    rui.transfers.attach(ACCOUNT, right);
    anaProvider.sent[0]?.transfer.to(lost);
    expect(ana.transfer(sent).state).toBe('waiting-for-peer');
    const before = rui.events.length;
    ana.clock.advance(2_000);
    await ana.until(() => {
      const { state, by } = ana.transfer(sent);
      return state === 'paused' && by === 'peer';
    });
    expect(rui.transfer(received).state).toBe('paused');
    const states = rui.events.slice(before).flatMap((event) => (event.type === 'transfers' ? event.changed : []));
    expect(new Set(states.map(({ state }) => state))).toEqual(new Set(['paused']));
    await call(rui, 'transfers.resume', { transferId: received });
    await rui.untilState(received, 'completed');
    await ana.untilState(sent, 'completed');
    isWhole(rui);
    ruiProvider.received[0]?.to(lost);
  });

  test('by the sender outlives a restart, and nothing is offered before its word', async () => {
    const { ana, rui, anaProvider, ruiProvider, sent, received, halt } = await running();
    await call(ana, 'transfers.pause', { transferId: sent });
    await ana.restart();
    ruiProvider.received[0]?.to(lost);
    halt.go();
    expect(rui.transfer(received).state).toBe('waiting-for-peer');
    const left = new MemoryProvider(ANA);
    new Wire(left, ruiProvider);
    ana.transfers.attach(ACCOUNT, left);
    ana.clock.advance(600_000);
    expect(ana.only).toMatchObject({ id: sent, state: 'paused', by: 'us' });
    expect(left.sent).toEqual([]);
    await call(ana, 'transfers.resume', { transferId: sent });
    await ana.untilState(sent, 'completed');
    await rui.untilState(received, 'completed');
    isWhole(rui);
    anaProvider.sent[0]?.transfer.to(lost);
  });

  test('during which the connection is lost stays one', async () => {
    const { ana, rui, anaProvider, ruiProvider, sent, received, halt } = await running();
    await call(ana, 'transfers.pause', { transferId: sent });
    anaProvider.sent[0]?.transfer.to(lost);
    ruiProvider.received[0]?.to(lost);
    halt.go();
    expect(ana.transfer(sent)).toMatchObject({ state: 'paused', by: 'us' });
    expect(rui.transfer(received).state).toBe('waiting-for-peer');
    await call(ana, 'transfers.resume', { transferId: sent });
    await rui.untilState(received, 'completed');
    isWhole(rui);
  });
});

describe('a lost transfer', () => {
  test('whose file was changed meanwhile fails, and never becomes a mixture', async () => {
    const { ana, rui, wire, anaProvider, ruiProvider, sent, received, halt, file } = await running();
    anaProvider.sent[0]?.transfer.to(lost);
    ruiProvider.received[0]?.to(lost);
    halt.go();
    await wire.idle();
    fs.writeFileSync(file, randomBytes(400_000));
    ana.clock.advance(2_000);
    await ana.untilState(sent, 'failed');
    expect(ana.transfer(sent)).toMatchObject({ fault: { code: 'source-changed' }, canRetry: true });
    expect(rui.transfer(received).state).toBe('waiting-for-peer');
    // offered as it is now, it is another file, and a person decides
    await call(ana, 'transfers.retry', { transferId: sent });
    expect((await rui.untilAny('offered')).id).not.toBe(received);
  });

  test('that comes again with other content under its id is refused', async () => {
    const { rui, ruiProvider, received, halt } = await running();
    ruiProvider.received[0]?.to(lost);
    halt.go();
    const { id: key, file } = ruiProvider.received[0] ?? { id: '', file: { name: '', type: '', size: 0 } };
    const other = ruiProvider.offerFrom(
      ANA,
      { ...file, hashes: [{ algorithm: 'sha-256', value: '0'.repeat(64) }] },
      key,
    );
    expect(other.phase.state).toBe('declined');
    expect(rui.transfer(received)).toMatchObject({ state: 'failed', fault: { code: 'source-changed' } });
  });

  test('of which the receiver has noticed nothing goes on all the same', async () => {
    const { ana, rui, anaProvider, sent, received, halt } = await running();
    anaProvider.sent[0]?.transfer.to(lost);
    expect(rui.transfer(received).state).toBe('running');
    ana.clock.advance(2_000);
    halt.go();
    await rui.untilState(received, 'completed');
    await ana.untilState(sent, 'completed');
    isWhole(rui);
  });

  test('that was whole over there ends well without a byte', async () => {
    const { ana, rui, anaProvider, sent, received, wire, halt } = await running();
    // the last word gets lost
    const out = anaProvider.sent[0]?.transfer;
    rui.transfers.detach(ACCOUNT);
    wire.onChunk = (position) => {
      if (position === 390_000) out?.to(lost);
    };
    halt.go();
    await rui.untilState(received, 'completed');
    const right = new MemoryProvider(RUI);
    const again = new Wire(anaProvider, right);
    const positions: number[] = [];
    again.onChunk = (position) => positions.push(position);
    rui.transfers.attach(ACCOUNT, right);
    ana.clock.advance(2_000);
    await ana.untilState(sent, 'completed');
    expect(positions).toEqual([]);
    isWhole(rui);
  });

  test('is offered again for half an hour, ever more seldom, and then no more', async () => {
    const { ana, anaProvider, ruiProvider, sent, halt } = await running();
    anaProvider.onOutgoing = (transfer) => queueMicrotask(() => transfer.to(lost));
    ruiProvider.received[0]?.to(lost);
    anaProvider.sent[0]?.transfer.to(lost);
    halt.go();
    for (let attempt = 1; attempt <= 30; attempt++) {
      ana.clock.advance(60_000);
      await ana.until(() => anaProvider.sent.length === attempt + 1 && ana.transfer(sent).state !== 'offered');
    }
    expect(ana.transfer(sent)).toMatchObject({ state: 'failed', fault: { code: 'network' }, canRetry: true });
    expect(ana.clock.pending).toBe(0);
  });

  test('waits without a limit while the peer is away, and for our own connection', async () => {
    const { ana, rui, anaProvider, ruiProvider, sent, received, halt } = await running();
    anaProvider.off = new ProviderError('peer-offline');
    anaProvider.registration = { state: 'offline' };
    ruiProvider.received[0]?.to(lost);
    anaProvider.sent[0]?.transfer.to(lost);
    halt.go();
    ana.clock.advance(24 * 3_600_000);
    anaProvider.setOff(undefined, RUI);
    expect(anaProvider.sent).toHaveLength(1);
    expect(ana.transfer(sent).state).toBe('waiting-for-peer');
    anaProvider.registration = { state: 'online', since: 1 };
    anaProvider.registrations.emit(anaProvider.registration);
    await rui.untilState(received, 'completed');
    await ana.untilState(sent, 'completed');
    isWhole(rui);
  });
});
