import { describe, expect, test } from 'vitest';
import { twoPeers } from './support/chat-peers.ts';
import { Meddler } from './support/meddler.ts';

const TEXT = 'reunião 🎓 '.repeat(3_000);
/** The smallest relays known take so much of a frame. */
const NARROW = 10_240;

/** Ana connects to Bob through something that takes small frames only. */
const throughNarrow = async (most: number, deed: 'swallow' | 'refuse') => {
  const meddler = await Meddler.open();
  const { ana, bob, campus } = await twoPeers({ meddler });
  await ana.openSession(bob);
  let stopped = 0;
  meddler.deed = (frame) => {
    if (frame.length <= most) return 'pass';
    stopped += 1;
    campus.tell();
    return deed;
  };
  return { ana, bob, campus, meddler, stopped: () => stopped };
};

describe('a long text on a path that takes small frames only', () => {
  test('goes in smaller ones when the first is refused, and what follows begins with those', async () => {
    const { ana, bob, stopped } = await throughNarrow(NARROW, 'refuse');
    const pages = bob.pages.length;
    expect(await ana.say(bob, TEXT).outcome).toBe('sent');
    expect(await ana.say(bob, `second ${TEXT}`).outcome).toBe('sent');
    expect(bob.texts.slice(2)).toEqual([TEXT, `second ${TEXT}`]);
    expect([stopped(), ana.mode(bob), bob.pages.length]).toEqual([1, 'session', pages]);
  });

  test('goes in smaller ones when the first is lost without a word', async () => {
    const { ana, bob, campus, stopped } = await throughNarrow(NARROW, 'swallow');
    const pages = bob.pages.length;
    const said = ana.say(bob, TEXT);
    await campus.until(() => stopped() === 1);
    ana.clock.advance(10_000);
    expect(await said.outcome).toBe('sent');
    expect(bob.texts.slice(2)).toEqual([TEXT]);
    expect([ana.mode(bob), bob.pages.length]).toEqual(['session', pages]);
  });

  test('comes down to what every relay takes', async () => {
    const { ana, bob, stopped } = await throughNarrow(4_000, 'refuse');
    expect(await ana.say(bob, TEXT).outcome).toBe('sent');
    expect(bob.texts.slice(2)).toEqual([TEXT]);
    expect([stopped(), ana.mode(bob)]).toEqual([expect.any(Number), 'session']);
  });
});
