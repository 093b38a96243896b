import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ProtocolTransfer } from '../../../protocols/contract/index.ts';
import { offerOne } from '../../protocols/offer-one.ts';
import { Arrival, acceptInto, Content, fileOf, nextOffer, outcome, phase, twoPeers } from './file-peers.ts';

const content = randomBytes(24_000_000);

/** A transfer of which one side was paused in the middle. */
async function pausedBy(
  who: 'sender' | 'receiver',
  { onTold, ...options }: { secure?: boolean; onTold?: (received: ProtocolTransfer) => void } = {},
) {
  const { from, to, address } = await twoPeers(options);
  const offered = nextOffer(to);
  const sent = offerOne(from.files, address, fileOf(new Content(content)));
  const { transfer: received } = await offered;
  const arrival = new Arrival(content.length);
  let arrived = 0;
  let pause: (() => void) | undefined = () => (who === 'sender' ? sent : received).pause();
  arrival.wrote = (position) => {
    arrived = Math.max(arrived, position);
    if (position < content.length / 4) return;
    pause?.();
    pause = undefined;
  };
  acceptInto(received, arrival);
  received.onPhase(({ state }) => {
    if (state !== 'paused') return;
    const act = onTold;
    onTold = undefined;
    act?.(received);
  });
  const both = await Promise.all([phase(sent, 'paused'), phase(received, 'paused')]);
  return { from, to, sent, received, arrival, both, arrived: () => arrived };
}

const holder = ({ phase: now }: ProtocolTransfer): string => (now.state === 'paused' ? now.by : now.state);

describe('a paused file', () => {
  test.each([
    ['sender', false],
    ['receiver', false],
    ['sender', true],
    ['receiver', true],
  ] as const)('stands still by the %s (TLS: %s), on both sides, and goes on to its end', async (who, secure) => {
    const { sent, received, arrival, arrived } = await pausedBy(who, { secure });
    expect([holder(sent), holder(received)]).toEqual(who === 'sender' ? ['us', 'peer'] : ['peer', 'us']);
    expect(arrived()).toBeLessThan(content.length);
    (who === 'sender' ? sent : received).resume();
    expect(await outcome(received)).toBe('finished');
    expect(await outcome(sent)).toBe('finished');
    expect(arrival.bytes.equals(content)).toBe(true);
  });

  test('that both have paused goes on when both say so, in whatever order', async () => {
    const { sent, received, arrival } = await pausedBy('sender');
    received.pause();
    expect(holder(received)).toBe('us');
    const answered = new Promise<void>((resolve) => received.onPhase(() => resolve()));
    sent.resume();
    received.resume();
    await answered;
    expect(await outcome(received)).toBe('finished');
    expect(await outcome(sent)).toBe('finished');
    expect(arrival.bytes.equals(content)).toBe(true);
  });

  test('that the receiver pauses in the moment it hears of the pause of the sender is held by both', async () => {
    const { sent, received } = await pausedBy('sender', { onTold: (transfer) => transfer.pause() });
    sent.resume();
    await expect.poll(() => holder(sent), { timeout: 10_000 }).toBe('peer');
    received.resume();
    expect(await outcome(received)).toBe('finished');
    expect(await outcome(sent)).toBe('finished');
  });

  test.each(['sender', 'receiver'] as const)('can be cancelled by the %s', async (who) => {
    const { sent, received } = await pausedBy('sender');
    (who === 'sender' ? sent : received).cancel();
    expect(await outcome(sent)).toBe(who === 'sender' ? 'cancelled us' : 'cancelled peer');
    expect(await outcome(received)).toBe(who === 'sender' ? 'cancelled peer' : 'cancelled us');
  });

  test('of a sender that refuses the new offer is held by the socket, and goes on', async () => {
    const { from, to, address } = await twoPeers();
    // knows nothing of holding: refuses whatever is offered within its sessions
    const invite = from.agent.invite.bind(from.agent);
    from.agent.invite = (...words) => {
      const session = invite(...words);
      session.onState(({ state }) => {
        if (state === 'established')
          setImmediate(() => {
            session.answerReoffer = () => {
              throw new Error('no');
            };
          });
      });
      return session;
    };
    const offered = nextOffer(to);
    const sent = offerOne(from.files, address, fileOf(new Content(content)));
    const { transfer: received } = await offered;
    const arrival = new Arrival(content.length);
    let arrived = 0;
    arrival.wrote = (position) => {
      if (arrived === 0) received.pause();
      arrived = position;
    };
    acceptInto(received, arrival);
    await phase(received, 'paused');
    // until nothing has come for many turns: unheld, all of it would have
    for (let turns = 0, last = 0; turns < 5_000; turns++) {
      await nextTurn();
      if (arrived !== last) turns = 0;
      last = arrived;
    }
    expect(arrived).toBeLessThan(content.length);
    received.resume();
    expect([await outcome(received), await outcome(sent)]).toEqual(['finished', 'finished']);
    expect(arrival.bytes.equals(content)).toBe(true);
  });

  test('ends as interrupted when either side goes away, and neither takes it for a cancel', async () => {
    const { sent, received } = await pausedBy('receiver');
    received.interrupt();
    expect(await outcome(received)).toBe('failed network');
    expect(await outcome(sent)).toBe('failed network');
  });
});
