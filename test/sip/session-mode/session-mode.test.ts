import { describe, expect, test } from 'vitest';
import { twoPeers } from './support/chat-peers.ts';

describe('a talk', () => {
  test('begins with MESSAGE and goes on in a session from the second text within a minute', async () => {
    const { ana, bob } = await twoPeers();
    expect(await ana.say(bob, 'one').outcome).toBe('sent');
    ana.time += 61_000;
    expect(await ana.say(bob, 'two').outcome).toBe('sent');
    expect([ana.inviting.length, ana.asked]).toEqual([0, 0]);
    ana.time += 59_000;
    expect(await ana.say(bob, 'three').outcome).toBe('sent');
    await ana.campus.until(() => ana.mode(bob) === 'session' && bob.mode(ana) === 'session');
    const before = bob.pages.length;
    const four = ana.say(bob, 'four, olá 😀');
    expect(await four.outcome).toBe('sent');
    await ana.marked(four.id, 'delivered');
    const five = bob.say(ana, 'five');
    expect(await five.outcome).toBe('sent');
    await bob.marked(five.id, 'delivered');
    expect(bob.pages.length).toBe(before);
    expect(bob.texts).toEqual(['one', 'two', 'three', 'four, olá 😀']);
    expect(ana.texts).toEqual(['five']);
    expect(bob.received.at(-1)).toMatchObject({ id: four.id, peer: ana.address, peerName: 'ana', delayed: false });
    expect(ana.inviting).toHaveLength(1);
    expect(bob.inviting).toHaveLength(0);
  });

  test('tells delivered once, then read', async () => {
    const { ana, bob } = await twoPeers();
    await ana.openSession(bob);
    const said = ana.say(bob, 'read me');
    await ana.marked(said.id, 'delivered');
    const pages = ana.pages.length;
    bob.messaging.sendRead(ana.address, said.id);
    await ana.marked(said.id, 'read');
    expect(ana.pages.length).toBe(pages);
    expect(ana.marks.filter(({ id }) => id === said.id).map(({ mark }) => mark)).toEqual(['delivered', 'read']);
  });

  test('shows typing through the session', async () => {
    const { ana, bob } = await twoPeers();
    await ana.openSession(bob);
    const pages = bob.pages.length;
    ana.messaging.sendTyping(bob.address, 'composing');
    await ana.campus.until(() => bob.typing.length === 1);
    ana.messaging.sendTyping(bob.address, 'paused');
    await ana.campus.until(() => bob.typing.length === 2);
    expect(bob.typing).toEqual([`${ana.address} composing`, `${ana.address} paused`]);
    expect(bob.pages.length).toBe(pages);
  });

  test('goes over TLS with a certificate known by its fingerprint where signalling is encrypted', async () => {
    const { ana, bob } = await twoPeers({ secure: true });
    await ana.openSession(bob);
    const said = ana.say(bob, 'behind a curtain');
    await ana.marked(said.id, 'delivered');
    const offer = bob.invited[0]?.remote?.sdp ?? '';
    expect(offer).toMatch(/^m=message \d+ TCP\/TLS\/MSRP \*\r$/m);
    expect(offer).toMatch(/^a=fingerprint:sha-256 [0-9A-F:]+\r$/m);
    expect(offer).toMatch(/^a=path:msrps:/m);
  });

  test('takes a text in a session that no MESSAGE could carry', async () => {
    const { ana, bob } = await twoPeers();
    const long = 'ł'.repeat(100_000);
    const said = [ana.say(bob, long), ana.say(bob, 'after it')];
    for (const { outcome } of said) expect(await outcome).toBe('sent');
    expect(bob.texts).toEqual([long, 'after it']);
    expect(bob.pages).toEqual([]);
    expect(await ana.say(bob, 'x'.repeat(ana.messaging.maximumBytes + 1)).outcome).toBe('failed too-big');
  });

  test('closes after ten quiet minutes and opens again with the next lively moment', async () => {
    const { ana, bob } = await twoPeers();
    await ana.openSession(bob);
    ana.clock.advance(599_000);
    expect(ana.mode(bob)).toBe('session');
    expect(await ana.say(bob, 'still here').outcome).toBe('sent');
    ana.clock.advance(599_000);
    expect(ana.mode(bob)).toBe('session');
    ana.clock.advance(1_000);
    await ana.campus.until(() => ana.mode(bob) === 'page' && bob.mode(ana) === 'page');
    expect(bob.invited[0]?.state).toMatchObject({ state: 'ended', by: 'peer' });
    ana.time += 600_000;
    bob.time += 600_000;
    await ana.openSession(bob);
    expect(ana.inviting).toHaveLength(2);
    // that it can was learned the first time
    expect(ana.asked).toBe(1);
    expect(bob.texts).toEqual(['hello', 'are you there?', 'still here', 'hello', 'are you there?']);
  });

  test('with oneself is a talk like any other', async () => {
    const { ana } = await twoPeers();
    await ana.openSession(ana);
    ana.clock.advance(10_000);
    const said = ana.say(ana, 'a note');
    await ana.marked(said.id, 'delivered');
    expect(ana.texts).toEqual(['hello', 'are you there?', 'a note']);
    expect([ana.mode(ana), ana.inviting.length]).toEqual(['session', 1]);
  });

  test('goes on by MESSAGE when the other side stops', async () => {
    const { ana, bob } = await twoPeers();
    await ana.openSession(bob);
    bob.messaging.stop();
    await ana.campus.until(() => ana.mode(bob) === 'page');
    expect(await ana.say(bob, 'and now?').outcome).toBe('sent');
    expect(bob.texts).toEqual(['hello', 'are you there?', 'and now?']);
  });

  test('confirms nothing that could not be kept', async () => {
    const { ana, bob } = await twoPeers();
    await ana.openSession(bob);
    bob.refuses = () => true;
    const said = ana.say(bob, 'no room for this');
    expect(await said.outcome).toBe('failed server-unavailable');
    bob.refuses = () => false;
    expect(await ana.say(bob, 'no room for this', said.id).outcome).toBe('sent');
    await ana.marked(said.id, 'delivered');
    expect(bob.calls.filter(({ id }) => id === said.id).map(({ answer }) => answer)).toEqual([
      'threw',
      'threw',
      'stored',
    ]);
    expect(ana.mode(bob)).toBe('session');
  });
});

describe('a text for which the account is not online', () => {
  test('fails at once, session or not', async () => {
    const { ana, bob } = await twoPeers();
    await ana.openSession(bob);
    ana.online = false;
    expect(await ana.say(bob, 'anybody?').outcome).toBe('failed network');
    expect(bob.texts).toHaveLength(2);
  });
});
