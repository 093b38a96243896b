import { expect, test } from 'vitest';
import type { Acceptance, IncomingOffer } from '../../../msrp/index.ts';
import { IncomingTexts } from '../../../protocols/sip/messaging/session-mode/incoming-texts.ts';
import { TestClock } from '../../msrp/support/test-clock.ts';

const offer = (messageId: string): IncomingOffer => ({
  messageId,
  contentType: 'text/plain',
  headers: new Map() as unknown as IncomingOffer['headers'],
  start: 0,
  claimedSize: 300_000,
});
const sinkOf = (acceptance: Acceptance) => {
  if (!('sink' in acceptance)) throw new Error('refused');
  return acceptance.sink;
};

const texts = () => {
  const clock = new TestClock();
  const taken: string[] = [];
  return { clock, taken, incoming: new IncomingTexts(({ body }) => taken.push(body.toString()), clock) };
};

test('texts that come only in part are held few at once, and the next one again when one is whole', async () => {
  const { incoming, taken } = texts();
  const begun = [1, 2, 3, 4].map((n) => sinkOf(incoming.accept(offer(`m${n}`))));
  expect(incoming.accept(offer('m5'))).toEqual({ refuse: 413 });
  void begun[0]?.write(Buffer.from('olá'), 0);
  await begun[0]?.close();
  await begun[1]?.abort(new Error('lost'));
  expect(taken).toEqual(['olá']);
  for (const id of ['m6', 'm7']) expect(incoming.accept(offer(id))).toHaveProperty('sink');
  expect(incoming.accept(offer('m8'))).toEqual({ refuse: 413 });
});

test('a text whose rest does not come is let go of a minute after its last byte', async () => {
  const { incoming, clock, taken } = texts();
  const sink = sinkOf(incoming.accept(offer('m1')));
  void sink.write(Buffer.from('half'), 0);
  clock.advance(59_000);
  void sink.write(Buffer.from(' of'), 4);
  clock.advance(59_000);
  expect(clock.running).toBe(1);
  clock.advance(1_000);
  expect(() => sink.write(Buffer.from(' it'), 7)).toThrow(/too late/);
  for (const id of ['m2', 'm3', 'm4', 'm5']) expect(incoming.accept(offer(id))).toHaveProperty('sink');
  expect(taken).toEqual([]);
});
