import { describe, expect, test } from 'vitest';
import { type ChatPeer, twoPeers } from './support/chat-peers.ts';
import { isText, Meddler } from './support/meddler.ts';

const meddled = async () => {
  const meddler = await Meddler.open();
  const { ana, bob, campus } = await twoPeers({ meddler });
  await ana.openSession(bob);
  const inMode = (mode: 'page' | 'session') => campus.until(() => ana.mode(bob) === mode && bob.mode(ana) === mode);
  /** As when a server dies that is their relay, too: no BYE arrives. */
  const crash = async (): Promise<void> => {
    for (const peer of [ana, bob]) peer.online = false;
    for (const session of [...ana.inviting, ...ana.invited, ...bob.inviting, ...bob.invited]) session.end = () => {};
    meddler.cut();
    await inMode('page');
  };
  const back = (...peers: ChatPeer[]): void => {
    for (const peer of peers) {
      peer.online = true;
      peer.messaging.restore();
    }
  };
  return { ana, bob, campus, meddler, inMode, crash, back };
};

describe('a session that was lost together with the connections of both', () => {
  test('is opened again when they are back, by who had invited, although nobody writes', async () => {
    const { ana, bob, crash, back, inMode } = await meddled();
    await crash();
    expect([ana.inviting.length, bob.inviting.length]).toEqual([1, 0]);
    back(bob, ana);
    await inMode('session');
    for (const { clock } of [ana, bob]) clock.advance(5_000);
    expect([ana.inviting.length, bob.inviting.length, ana.asked]).toEqual([2, 0, 1]);
    const pages = bob.pages.length;
    expect(await ana.say(bob, 'there again').outcome).toBe('sent');
    expect([bob.texts.at(-1), bob.pages.length]).toEqual(['there again', pages]);
  });

  test('is opened again in its turn when it was lost while the rest was being restored', async () => {
    const { ana, bob, meddler, inMode } = await meddled();
    let rest: (isDone: boolean) => void = () => {};
    ana.messaging.restore(
      new Promise((resolve) => {
        rest = resolve;
      }),
    );
    meddler.cut();
    await inMode('page');
    expect(ana.inviting).toHaveLength(1);
    rest(true);
    await inMode('session');
    expect([ana.inviting.length, bob.inviting.length]).toEqual([2, 0]);
  });

  test('is opened by who had been invited when the other came back first and found nobody', async () => {
    const { ana, bob, campus, crash, back, inMode } = await meddled();
    await crash();
    const place = campus.find(bob.address);
    bob.onInvite = (session) => {
      session.reject(480);
      return true;
    };
    back(ana);
    await campus.until(() => ana.inviting[1]?.state.state === 'rejected');
    bob.onInvite = () => false;
    campus.move(bob.address, place);
    back(bob);
    expect(bob.inviting).toHaveLength(0);
    bob.clock.advance(2_000);
    await inMode('session');
    expect([ana.inviting.length, bob.inviting.length]).toEqual([2, 1]);
  });

  test('that is nowhere to be had is tried once for each return, and with the next lively minute', async () => {
    const { ana, bob, campus, crash, back, inMode } = await meddled();
    await crash();
    bob.onInvite = (session) => {
      session.reject(480);
      return true;
    };
    back(ana);
    await campus.until(() => ana.inviting[1]?.state.state === 'rejected');
    for (const text of ['a', 'b', 'c']) expect(await ana.say(bob, text).outcome).toBe('sent');
    expect(ana.inviting).toHaveLength(2);
    bob.onInvite = () => false;
    ana.time += 61_000;
    await ana.openSession(bob);
    await inMode('session');
    expect(ana.inviting).toHaveLength(3);
  });

  test('is left alone while other devices are logged in', async () => {
    const { ana, bob, crash, back } = await meddled();
    await crash();
    ana.alone = false;
    back(ana);
    expect(await ana.say(bob, 'by MESSAGE').outcome).toBe('sent');
    expect(ana.inviting).toHaveLength(1);
  });

  test('and breaks once more at once is not opened a second time', async () => {
    const { ana, bob, campus, meddler, crash, back, inMode } = await meddled();
    await crash();
    back(bob, ana);
    await inMode('session');
    meddler.cut();
    await inMode('page');
    for (const text of ['a', 'b', 'c']) expect(await ana.say(bob, text).outcome).toBe('sent');
    for (const { clock } of [ana, bob]) clock.advance(5_000);
    await campus.until(() => bob.texts.at(-1) === 'c');
    expect([ana.inviting.length, bob.inviting.length]).toEqual([2, 0]);
  });
});

describe('a session of which a server knows nothing after its restart', () => {
  test.each([['who invited'], ['who was invited']])('is opened anew at once when %s is back', async (which) => {
    const { ana, bob, campus, back, inMode } = await meddled();
    const [one, other] = which === 'who invited' ? [ana, bob] : [bob, ana];
    const old = [...other.inviting, ...other.invited][0];
    if (old) old.answerReoffer = () => Promise.reject(new Error('gone'));
    back(one);
    await campus.until(() => [...one.inviting, ...one.invited][0]?.state.state === 'ended');
    expect(await one.say(other, 'meanwhile').outcome).toBe('sent');
    one.clock.advance(2_000);
    await inMode('session');
    expect(await one.say(other, 'and then').outcome).toBe('sent');
    expect(other.texts.slice(-2)).toEqual(['meanwhile', 'and then']);
    expect([ana.inviting.length, bob.inviting.length]).toEqual(which === 'who invited' ? [2, 0] : [1, 1]);
  });

  test('leaves no timer behind', async () => {
    const { ana, bob, campus, back } = await meddled();
    const [old] = ana.inviting;
    if (old) old.answerReoffer = () => Promise.reject(new Error('gone'));
    back(bob);
    await campus.until(() => bob.invited[0]?.state.state === 'ended' && ana.mode(bob) === 'page');
    bob.messaging.stop();
    expect(bob.clock.running).toBe(0);
  });
});

describe('a text that only a session carries', () => {
  const long = 'ł'.repeat(100_000);

  test('and whose session breaks under it goes by the next one', async () => {
    const { ana, bob, meddler } = await meddled();
    meddler.deed = (frame) => {
      if (!isText(frame)) return 'pass';
      meddler.deed = () => 'pass';
      return 'cut';
    };
    const { id, outcome } = ana.say(bob, long);
    expect(await outcome).toBe('failed network');
    // as the program above does
    expect(await ana.say(bob, long, id).outcome).toBe('sent');
    expect(await ana.say(bob, 'behind it').outcome).toBe('sent');
    expect(bob.texts.slice(2)).toEqual([long, 'behind it']);
    expect(ana.inviting).toHaveLength(2);
  });
});
