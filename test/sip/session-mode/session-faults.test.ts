import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { type ChatPeer, twoPeers } from './support/chat-peers.ts';
import { type Deed, isReport, isResponse, isText, Meddler } from './support/meddler.ts';

/** Ana connects to Bob through a meddler; their session is open. */
const meddled = async () => {
  const meddler = await Meddler.open();
  const { ana, bob, campus } = await twoPeers({ meddler });
  await ana.openSession(bob);
  return { ana, bob, campus, meddler };
};

/** Cuts when the nth frame that fits comes. */
const once = (fits: (frame: string) => boolean, deed: Deed, nth = 1): ((frame: string) => Deed) => {
  let left = nth;
  return (frame) => (fits(frame) && --left === 0 ? deed : 'pass');
};

const sayAll = async (from: ChatPeer, to: ChatPeer, texts: readonly string[]): Promise<void> => {
  const said = texts.map((text) => from.say(to, text));
  for (const { outcome } of said) expect(await outcome).toBe('sent');
};

describe('a connection that breaks', () => {
  test('before a text is across: it goes by MESSAGE, and so does what follows', async () => {
    const { ana, bob, meddler } = await meddled();
    meddler.deed = once(isText, 'cut');
    await sayAll(ana, bob, ['a', 'b', 'c']);
    expect(bob.texts.slice(2)).toEqual(['a', 'b', 'c']);
    expect(bob.calls.filter(({ answer }) => answer !== 'stored')).toEqual([]);
    expect(ana.mode(bob)).toBe('page');
  });

  test('after a text is across and before its 200: it comes twice and is known by its id', async () => {
    const { ana, bob, meddler } = await meddled();
    meddler.deed = once(isResponse, 'cut');
    const said = ana.say(bob, 'a');
    expect(await said.outcome).toBe('sent');
    await sayAll(ana, bob, ['b', 'c']);
    expect(bob.texts.slice(2)).toEqual(['a', 'b', 'c']);
    expect(bob.calls.filter(({ id }) => id === said.id).map(({ answer }) => answer)).toEqual(['stored', 'duplicate']);
    await ana.marked(said.id, 'delivered');
  });

  test('after the 200 and before the report: it is not sent again', async () => {
    const { ana, bob, campus, meddler } = await meddled();
    meddler.deed = once(isResponse, 'pass-and-cut');
    const said = ana.say(bob, 'a');
    expect(await said.outcome).toBe('sent');
    await campus.until(() => ana.mode(bob) === 'page' && bob.mode(ana) === 'page');
    await sayAll(ana, bob, ['b', 'c']);
    expect(bob.texts.slice(2)).toEqual(['a', 'b', 'c']);
    expect(bob.calls.filter(({ id }) => id === said.id)).toHaveLength(1);
    bob.messaging.sendRead(ana.address, said.id);
    await ana.marked(said.id, 'read');
  });

  test('silently: after ten seconds without an answer the text goes by MESSAGE', async () => {
    const { ana, bob, campus, meddler } = await meddled();
    let swallowed = false;
    meddler.deed = (frame) => {
      if (!isText(frame)) return 'pass';
      swallowed = true;
      campus.tell();
      return 'swallow';
    };
    const said = [ana.say(bob, 'a'), ana.say(bob, 'b')];
    await campus.until(() => swallowed);
    ana.clock.advance(9_999);
    expect(ana.mode(bob)).toBe('session');
    ana.clock.advance(1);
    for (const { outcome } of said) expect(await outcome).toBe('sent');
    expect(bob.texts.slice(2)).toEqual(['a', 'b']);
    await campus.until(() => bob.mode(ana) === 'page');
  });

  test('while both write: nobody loses, doubles or reorders anything', async () => {
    const { ana, bob, meddler } = await meddled();
    const ours = Array.from({ length: 20 }, (_, i) => `ana ${i}`);
    const theirs = Array.from({ length: 20 }, (_, i) => `bob ${i}`);
    meddler.deed = once(isText, 'cut', 15);
    await Promise.all([sayAll(ana, bob, ours), sayAll(bob, ana, theirs)]);
    expect(bob.texts.slice(2)).toEqual(ours);
    expect(ana.texts).toEqual(theirs);
  });

  test.each([
    ['the text', isText, 'cut'],
    ['the answer', isResponse, 'cut'],
    ['the report', isReport, 'cut'],
    ['what follows the answer', isResponse, 'pass-and-cut'],
  ] as const)('in the middle of 200 texts, at %s: all arrive once and in order', async (_, fits, deed) => {
    const { ana, bob, meddler } = await meddled();
    meddler.deed = once(fits, deed, 100);
    const texts = Array.from({ length: 200 }, (_each, i) => `text ${i}`);
    await sayAll(ana, bob, texts);
    expect(bob.texts.slice(2)).toEqual(texts);
    expect(meddler.frames.filter(({ text }) => isText(text)).length).toBeGreaterThanOrEqual(100);
    expect(bob.pages.length).toBeGreaterThan(50);
  });

  test('is not taken up again at once, but with the next lively minute', async () => {
    const { ana, bob, campus, meddler } = await meddled();
    meddler.cut();
    await campus.until(() => ana.mode(bob) === 'page' && bob.mode(ana) === 'page');
    await sayAll(ana, bob, ['a', 'b', 'c']);
    expect(ana.inviting).toHaveLength(1);
    ana.time += 61_000;
    await ana.openSession(bob);
    expect(ana.inviting).toHaveLength(2);
    expect(bob.texts.slice(2)).toEqual(['a', 'b', 'c', 'hello', 'are you there?']);
  });
});

describe('while a session is being opened', () => {
  test('texts go by MESSAGE and wait for nothing', async () => {
    const { ana, bob, campus } = await twoPeers();
    let held = false;
    bob.onInvite = () => {
      held = true;
      return true;
    };
    await sayAll(ana, bob, ['a', 'b']);
    await campus.until(() => held);
    await sayAll(ana, bob, ['c', 'd', 'e']);
    expect(bob.texts).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(ana.mode(bob)).toBe('page');
  });

  test('a connection that cannot be made is remembered, and nothing is lost for it', async () => {
    const meddler = await Meddler.open();
    const { ana, bob, campus } = await twoPeers({ meddler });
    meddler.deed = () => 'cut';
    await sayAll(ana, bob, ['a', 'b']);
    await campus.until(() => bob.invited[0]?.state.state === 'ended' && ana.inviting[0]?.state.state === 'ended');
    await sayAll(ana, bob, ['c', 'd']);
    expect(ana.inviting).toHaveLength(1);
    ana.time += 601_000;
    meddler.deed = () => 'pass';
    await ana.openSession(bob);
    expect(bob.texts).toEqual(['a', 'b', 'c', 'd', 'hello', 'are you there?']);
  });

  test('nobody answers for twenty seconds: it is called off, and a late answer does no harm', async () => {
    const { ana, bob, campus } = await twoPeers();
    let held = false;
    bob.onInvite = (session) => {
      session.ring();
      held = true;
      return true;
    };
    await sayAll(ana, bob, ['a', 'b']);
    await campus.until(() => held);
    ana.clock.advance(20_000);
    await campus.until(() => bob.invited[0]?.state.state === 'ended');
    expect(ana.inviting[0]?.state).toEqual({ state: 'ended', by: 'us' });
    await sayAll(ana, bob, ['c']);
    expect([ana.mode(bob), ana.inviting.length]).toEqual(['page', 1]);
  });

  test('the text that is too large for a MESSAGE fails when no session can be had', async () => {
    const { ana, bob, campus } = await twoPeers();
    bob.onInvite = (session) => {
      session.reject(488);
      return true;
    };
    const large = ana.say(bob, 'x'.repeat(100_000));
    const after = ana.say(bob, 'after');
    expect(await large.outcome).toBe('failed too-big');
    expect(await after.outcome).toBe('sent');
    campus.move(bob.address, undefined);
    ana.time += 7 * 3_600_000;
    expect(await ana.say(bob, 'x'.repeat(100_000)).outcome).toBe('failed peer-offline');
  });
});

describe('strangers at the media port', () => {
  test('who guess a session get 481, and who know a path but come second get 506', async () => {
    const { ana, bob, campus } = await twoPeers();
    await ana.openSession(bob);
    const path = /^a=path:(\S+)/m.exec(ana.inviting[0]?.remote?.sdp ?? '')?.[1] ?? '';
    const own = /^a=path:(\S+)/m.exec(bob.invited[0]?.remote?.sdp ?? '')?.[1] ?? '';
    const port = Number(/:(\d+)\//.exec(path)?.[1]);
    const ask = async (to: string, from: string): Promise<string> => {
      const socket = net.connect(port, '127.0.0.1');
      let answer = '';
      socket.on('data', (data) => {
        answer += data.toString();
        campus.tell();
      });
      const lines = [
        'MSRP abcd1234 SEND',
        `To-Path: ${to}`,
        `From-Path: ${from}`,
        'Message-ID: 12345678',
        'Byte-Range: 1-5/5',
        'Content-Type: text/plain',
        '',
        'guess',
        '-------abcd1234$',
        '',
      ];
      socket.write(lines.join('\r\n'));
      await campus.until(() => answer.includes('-------abcd1234$'));
      socket.destroy();
      return answer.split('\r\n', 1)[0] ?? '';
    };
    expect(await ask(path.replace(/\/[^/]+;/, '/aaaaaaaaaaaaaaaaaaaaaaaa;'), own)).toMatch(/^MSRP abcd1234 481/);
    expect(await ask(path, own)).toMatch(/^MSRP abcd1234 506/);
    expect(await ask(path, own.replace(/\/[^/]+;/, '/bbbbbbbbbbbbbbbbbbbbbbbb;'))).toMatch(
      /^MSRP abcd1234 (?:481|506)/,
    );
    expect(await ana.say(bob, 'undisturbed').outcome).toBe('sent');
    expect(bob.texts).toEqual(['hello', 'are you there?', 'undisturbed']);
    expect(ana.mode(bob)).toBe('session');
  });
});
