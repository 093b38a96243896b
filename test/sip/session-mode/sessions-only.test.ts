import { expect, test } from 'vitest';
import { type ChatPeer, twoPeers } from './support/chat-peers.ts';

/** As a conference server does: sessions are taken, a MESSAGE is not. */
const takingSessionsOnly = async (status: number) => {
  const { ana, bob, campus } = await twoPeers();
  const pages = { count: 0 };
  bob.agent.onMessage = (request) => {
    pages.count += 1;
    request.reject({ statusCode: status });
  };
  return { ana, bob, campus, pages };
};
const texts = (bob: ChatPeer) => bob.received.map(({ text }) => text);

test.each([405, 501])(
  'the text that learns by %i that a peer takes sessions only goes in one, and so do all after it',
  async (status) => {
    const { ana, bob, pages } = await takingSessionsOnly(status);
    expect(await ana.say(bob, 'the first').outcome).toBe('sent');
    expect(ana.mode(bob)).toBe('session');
    const { count } = pages;
    for (const text of ['the second', 'the third']) expect(await ana.say(bob, text).outcome).toBe('sent');
    expect(texts(bob)).toEqual(['the first', 'the second', 'the third']);
    expect(pages.count).toBe(count);
  },
);

test('when that session is over the next text opens another, without a MESSAGE first', async () => {
  const { ana, bob, campus, pages } = await takingSessionsOnly(405);
  await ana.say(bob, 'the first').outcome;
  const { count } = pages;
  ana.messaging.chats.current(bob.address)?.close();
  await campus.until(() => ana.mode(bob) === 'page' && bob.mode(ana) === 'page');
  expect(await ana.say(bob, 'the second').outcome).toBe('sent');
  expect(texts(bob)).toEqual(['the first', 'the second']);
  expect(pages.count).toBe(count);
});

test('a peer that takes neither is told of as what cannot be written to', async () => {
  const { ana, bob } = await takingSessionsOnly(405);
  bob.onInvite = (session) => {
    session.reject(488);
    return true;
  };
  expect(await ana.say(bob, 'lost').outcome).toBe('failed not-supported');
  expect(bob.received).toEqual([]);
});

test('who writes by MESSAGE again is written to so', async () => {
  const { ana, bob, campus } = await takingSessionsOnly(405);
  await ana.say(bob, 'the first').outcome;
  ana.messaging.chats.current(bob.address)?.close();
  await campus.until(() => ana.mode(bob) === 'page' && bob.mode(ana) === 'page');
  expect(await bob.say(ana, 'by MESSAGE').outcome).toBe('sent');
  const came: string[] = [];
  bob.agent.onMessage = (request) => {
    came.push(request.message.body);
    request.accept();
  };
  ana.time += 61_000;
  expect(await ana.say(bob, 'as you like').outcome).toBe('sent');
  expect(came.some((body) => body.includes('as you like'))).toBe(true);
});
