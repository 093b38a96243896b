import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MemorySink, MsrpEndpoint } from '../../../msrp/index.ts';
import { dispatchInvitation } from '../../../protocols/sip/offers/invitations.ts';
import type { SipSession } from '../../../protocols/sip/sip-session.ts';
import { type ChatPeer, twoPeers } from './support/chat-peers.ts';

const sayAll = async (from: ChatPeer, to: ChatPeer, texts: readonly string[]): Promise<void> => {
  const said = texts.map((text) => from.say(to, text));
  for (const { outcome } of said) expect(await outcome).toBe('sent');
};
const open = (from: ChatPeer, to: ChatPeer) => from.messaging.chats.current(to.address);

describe('two who invite each other at once', () => {
  const crossed = async () => {
    const { ana, bob, campus } = await twoPeers();
    const held: { who: ChatPeer; session: SipSession }[] = [];
    for (const who of [ana, bob])
      who.onInvite = (session) => {
        held.push({ who, session });
        return true;
      };
    await Promise.all([sayAll(ana, bob, ['a1', 'a2']), sayAll(bob, ana, ['b1', 'b2'])]);
    await campus.until(() => held.length === 2);
    for (const { who, session } of held) dispatchInvitation(session, [who.messaging.chats]);
    await campus.until(() => [...ana.inviting, ...bob.inviting].every(({ state }) => state.state === 'established'));
    await campus.until(() => {
      const [ours, theirs] = [open(ana, bob), open(bob, ana)];
      return ours && theirs && ours.offerId === theirs.offerId;
    });
    return { ana, bob, campus };
  };

  test('use the same one of the two sessions, and who made the other closes it when it is quiet', async () => {
    const { ana, bob, campus } = await crossed();
    const used = open(ana, bob);
    const loser = used?.invitedBy === 'us' ? bob : ana;
    const winner = loser === ana ? bob : ana;
    await Promise.all([sayAll(ana, bob, ['a3', 'a4']), sayAll(bob, ana, ['b3', 'b4'])]);
    expect(loser.inviting[0]?.state.state).toBe('established');
    await campus.until(() => {
      loser.clock.advance(2_000);
      return winner.invited[0]?.state.state === 'ended';
    });
    expect(loser.inviting[0]?.state).toEqual({ state: 'ended', by: 'us' });
    expect(winner.inviting[0]?.state.state).toBe('established');
    await Promise.all([sayAll(ana, bob, ['a5']), sayAll(bob, ana, ['b5'])]);
    expect([ana.mode(bob), bob.mode(ana)]).toEqual(['session', 'session']);
    expect(bob.texts).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
    expect(ana.texts).toEqual(['b1', 'b2', 'b3', 'b4', 'b5']);
  });

  test('lose, double and reorder nothing while it is settled', async () => {
    const { ana, bob } = await twoPeers();
    const texts = (name: string) => Array.from({ length: 40 }, (_, i) => `${name} ${i}`);
    await Promise.all([sayAll(ana, bob, texts('a')), sayAll(bob, ana, texts('b'))]);
    expect(bob.texts).toEqual(texts('a'));
    expect(ana.texts).toEqual(texts('b'));
    expect([...ana.calls, ...bob.calls].filter(({ answer }) => answer !== 'stored')).toEqual([]);
  });
});

describe('a peer that refuses', () => {
  test.each([
    [488, 6 * 3_600_000],
    [415, 6 * 3_600_000],
    [486, 600_000],
    [480, 600_000],
    [603, 6 * 3_600_000],
  ])('with %i is not invited again for a while, and gets every text', async (status, until) => {
    const { ana, bob, campus } = await twoPeers();
    bob.onInvite = (session) => {
      session.reject(status);
      return true;
    };
    await sayAll(ana, bob, ['a', 'b', 'c']);
    await campus.until(() => ana.inviting[0]?.state.state === 'rejected');
    await sayAll(ana, bob, ['d', 'e']);
    ana.time += until - 1;
    await sayAll(ana, bob, ['f', 'g']);
    expect(ana.inviting).toHaveLength(1);
    ana.time += 1;
    bob.onInvite = () => false;
    await ana.openSession(bob);
    expect(ana.inviting).toHaveLength(2);
    expect(bob.texts).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'hello', 'are you there?']);
    expect(bob.calls.filter(({ answer }) => answer !== 'stored')).toEqual([]);
  });

  test('the envelope gets plain text in the session', async () => {
    const { ana, bob, campus } = await twoPeers();
    bob.onInvite = (session) => {
      const accept = session.accept.bind(session);
      session.accept = ({ sdp }) =>
        accept({
          sdp: sdp.replace(/accept-types:.*/, 'accept-types:text/plain').replace(/a=accept-wrapped.*\r\n/, ''),
        });
      return false;
    };
    await ana.openSession(bob);
    const said = ana.say(bob, 'plain, olá');
    await ana.marked(said.id, 'delivered');
    expect(bob.received.at(-1)).toMatchObject({ text: 'plain, olá', peer: ana.address });
    const pages = bob.pages.length;
    ana.messaging.sendTyping(bob.address, 'composing');
    await sayAll(ana, bob, ['more']);
    expect([bob.pages.length, bob.typing]).toEqual([pages, []]);
    await campus.until(() => bob.texts.at(-1) === 'more');
  });

  test('every type we know has no session', async () => {
    const { ana, bob, campus } = await twoPeers();
    bob.onInvite = (session) => {
      const accept = session.accept.bind(session);
      session.accept = ({ sdp }) => accept({ sdp: sdp.replace(/accept-types:.*/, 'accept-types:image/png') });
      return false;
    };
    await sayAll(ana, bob, ['a', 'b']);
    await campus.until(() => bob.invited[0]?.state.state === 'ended');
    await sayAll(ana, bob, ['c']);
    expect(ana.mode(bob)).toBe('page');
    expect(bob.texts).toEqual(['a', 'b', 'c']);
  });
});

describe('when the address changes', () => {
  test.each([['who invited'], ['who was invited']])('of %s, the session moves by re-INVITE', async (which) => {
    const { ana, bob, campus } = await twoPeers();
    await ana.openSession(bob);
    const [mover, other] = which === 'who invited' ? [ana, bob] : [bob, ana];
    const before = [...other.inviting, ...other.invited].length;
    mover.host = '127.0.0.2';
    mover.messaging.restore();
    expect(mover.mode(other)).toBe('page');
    await campus.until(() => ana.mode(bob) === 'session' && bob.mode(ana) === 'session');
    const said = [...other.inviting, ...other.invited][0]?.remote?.sdp ?? '';
    expect(said).toMatch(/^a=path:msrp:\/\/127\.0\.0\.2:/m);
    const pages = [ana.pages.length, bob.pages.length];
    const texts = [ana.say(bob, 'moved'), bob.say(ana, 'I see')];
    for (const { outcome } of texts) expect(await outcome).toBe('sent');
    expect([ana.pages.length, bob.pages.length]).toEqual(pages);
    expect([...other.inviting, ...other.invited]).toHaveLength(before);
    expect([bob.texts.at(-1), ana.texts.at(-1)]).toEqual(['moved', 'I see']);
  });

  test('texts on their way meanwhile arrive once and in order', async () => {
    const { ana, bob, campus } = await twoPeers();
    await ana.openSession(bob);
    const texts = Array.from({ length: 30 }, (_, i) => `text ${i}`);
    const said = texts.map((text) => ana.say(bob, text));
    await bob.got(10);
    ana.host = '127.0.0.2';
    ana.messaging.restore();
    for (const { outcome } of said) expect(await outcome).toBe('sent');
    expect(bob.texts.slice(2)).toEqual(texts);
    await campus.until(() => ana.mode(bob) === 'session');
  });

  test('only of the signalling, the connection stays as it is', async () => {
    const { ana, bob, campus } = await twoPeers();
    await ana.openSession(bob);
    const path = /^a=path:.*/m.exec(bob.invited[0]?.remote?.sdp ?? '')?.[0];
    let offered = 0;
    bob.invited[0]?.onReoffered(() => {
      offered++;
      campus.tell();
    });
    ana.messaging.restore();
    expect(ana.mode(bob)).toBe('session');
    await campus.until(() => offered === 1);
    expect(/^a=path:.*/m.exec(bob.invited[0]?.remote?.sdp ?? '')?.[0]).toBe(path);
    const pages = bob.pages.length;
    await sayAll(ana, bob, ['as before']);
    expect([ana.mode(bob), bob.mode(ana), bob.pages.length]).toEqual(['session', 'session', pages]);
  });
});

describe('an offer of a chat', () => {
  const chat = (lines: readonly string[], line = 'm=message 9 TCP/MSRP *') =>
    ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', line, ...lines, ''].join('\r\n');
  const PATH = 'a=path:msrp://127.0.0.1:9/abcdefghijkl;tcp';
  const TYPES = 'a=accept-types:message/cpim text/plain';
  test.each([
    ['without a path', chat([TYPES])],
    ['with a path of the other protocol', chat(['a=path:msrps://127.0.0.1:9/abcdefghijkl;tcp', TYPES])],
    ['with a path that is none', chat(['a=path:javascript:alert(1)', TYPES])],
    ['that goes one way', chat([PATH, TYPES, 'a=sendonly'])],
    ['without a type in common', chat([PATH, 'a=accept-types:image/png'])],
    ['without types', chat([PATH])],
    ['that is closed', chat([PATH, TYPES], 'm=message 0 TCP/MSRP *')],
    ['to an impossible port', chat([PATH, TYPES], 'm=message 70000 TCP/MSRP *')],
    ['whose way to its writer was changed', chat([PATH, TYPES, 'a=setup:passive'], 'm=message 2000 TCP/MSRP *')],
    ['beside nothing but audio', chat([], 'm=audio 4000 RTP/AVP 0')],
  ])('%s is refused with 488', async (_, sdp) => {
    const { ana, bob, campus } = await twoPeers();
    const session = ana.agent.invite(bob.address, { sdp });
    await campus.until(() => session.state.state === 'rejected');
    expect(session.state).toMatchObject({ rejection: { status: 488 } });
  });

  test('beside audio is answered, and the audio refused', async () => {
    const { ana, bob, campus } = await twoPeers();
    const sdp = `${chat([PATH, TYPES, 'a=setup:passive'])}m=audio 4000 RTP/AVP 0\r\n`;
    const session = ana.agent.invite(bob.address, { sdp });
    await campus.until(() => session.state.state === 'established');
    expect(session.remote?.sdp).toMatch(/^m=message [1-9]\d* TCP\/MSRP \*\r$[\s\S]*^m=audio 0 RTP\/AVP 0\r$/m);
  });

  test('of one peer is taken four times and no more', async () => {
    const { ana, bob, campus } = await twoPeers();
    const sessions = Array.from({ length: 5 }, () =>
      ana.agent.invite(bob.address, { sdp: chat([PATH, TYPES, 'a=setup:active']) }),
    );
    await campus.until(() => sessions.every(({ state }) => state.state !== 'inviting'));
    expect(sessions.map(({ state }) => state.state).toSorted()).toEqual([
      ...Array.from({ length: 4 }, () => 'established'),
      'rejected',
    ]);
  });

  test('by a program that knows no CPIM: its texts arrive, with an id of their own, and ours as it wants them', async () => {
    const { ana, bob, campus } = await twoPeers();
    const endpoint = new MsrpEndpoint();
    const listener = await endpoint.listen({ host: '127.0.0.1' });
    const sinks: { type: string; sink: MemorySink }[] = [];
    const raw = endpoint.createSession({
      listener,
      accept: ({ contentType }) => {
        const sink = new MemorySink(10_000);
        sinks.push({ type: contentType, sink });
        return { sink, ended: () => campus.tell() };
      },
    });
    const lines = [`a=path:${raw.localPath}`, 'a=accept-types:text/plain', 'a=setup:actpass'];
    const offer = chat(lines, `m=message ${listener.port} TCP/MSRP *`);
    const sip = ana.agent.invite(bob.address, { sdp: offer });
    await campus.until(() => sip.state.state === 'established');
    const answer = sip.remote?.sdp ?? '';
    expect(answer).toMatch(/^a=setup:passive\r$/m);
    await raw.start({ remotePath: /^a=path:(\S+)/m.exec(answer)?.[1] ?? '', role: 'active' });
    expect(await raw.send({ contentType: 'text/plain;charset=utf-8', body: 'olá' }).sent).toEqual({ state: 'sent' });
    expect(await raw.send({ contentType: 'image/png', body: 'x' }).sent).toMatchObject({
      state: 'refused',
      status: 415,
    });
    expect(await raw.send({ contentType: 'text/x-msrp-heartbeat', body: 'x' }).sent).toEqual({ state: 'sent' });
    const tooLong = await raw.send({ contentType: 'text/plain', body: 'x'.repeat(300_001) }).sent;
    expect(tooLong).toMatchObject({ state: 'refused', status: 413 });
    expect(bob.texts).toEqual(['olá']);
    await campus.until(() => bob.mode(ana) === 'session');
    await sayAll(bob, ana, ['dobrý']);
    await campus.until(() => sinks[0]?.sink.text === 'dobrý');
    expect(sinks[0]?.type).toBe('text/plain;charset=utf-8');
    endpoint.close();
    await campus.until(() => sip.state.state === 'ended');
  });
});

/** Frames as Blink 5.5 sends them: characters counted for bytes, LF in the wrapped part, names without quotes. */
test('a chat as Blink begins it: its question about encryption is passed over, its texts arrive whole', async () => {
  const { ana, bob, campus } = await twoPeers();
  const from = 'msrp://127.0.0.1:43759/e42d6b1d4a45e91d3e8c;tcp';
  const sip = ana.agent.invite(bob.address, {
    sdp: [
      'v=0',
      'o=- 4004364517 4004364517 IN IP4 127.0.0.1',
      's=sipsimple 5.5.0',
      't=0 0',
      'm=message 43759 TCP/MSRP *',
      'c=IN IP4 127.0.0.1',
      `a=path:${from}`,
      'a=accept-types:message/cpim text/* image/* application/im-iscomposing+xml',
      'a=accept-wrapped-types:text/* image/* application/im-iscomposing+xml',
      'a=setup:actpass',
      '',
    ].join('\r\n'),
  });
  await campus.until(() => sip.state.state === 'established');
  const to = /^a=path:(\S+)/m.exec(sip.remote?.sdp ?? '')?.[1] ?? '';
  let came = '';
  const socket = net.connect(Number(/:(\d+)\//.exec(to)?.[1]), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('data', (data) => {
    came += data.toString();
    campus.tell();
  });
  const paths = `To-Path: ${to}\r\nFrom-Path: ${from}\r\n`;
  socket.write(
    `MSRP dfd532afcb84c98 SEND\r\n${paths}Byte-Range: 1-0/0\r\nMessage-ID: 2bf7353903c8eaef\r\n-------dfd532afcb84c98$\r\n`,
  );
  const say = (id: string, text: string): void => {
    const body =
      `From: Alice Ñandú <sip:alice@im.test>\r\nTo: <sip:bob@im.test>\r\nDateTime: 2026-11-22T19:28:37.952320+00:00\r\n\r\n` +
      `MIME-Version: 1.0\nContent-Type: text/plain; charset="utf8"\nContent-Transfer-Encoding: \n\n${text}`;
    const range = `Byte-Range: 1-${body.length}/${body.length}`;
    const reports = 'Failure-Report: yes\r\nSuccess-Report: yes';
    socket.write(
      `MSRP ${id} SEND\r\n${paths}${range}\r\nMessage-ID: ${id}\r\n${reports}\r\nContent-Type: message/cpim\r\n\r\n${body}\r\n-------${id}$\r\n`,
    );
  };
  say('aaaa1111', '?OTRv3?  I would like to start an Off-the-Record private conversation');
  say('bbbb2222', 'Hello Bob, ünïcödé ✓');
  await campus.until(
    () =>
      /Status: 000 200[^$]*Message-ID: bbbb2222/.test(came) || /Message-ID: bbbb2222[^$]*Status: 000 200/.test(came),
  );
  expect(came.match(/^MSRP \w+ 200/gm)).toHaveLength(3);
  expect(bob.texts).toEqual(['Hello Bob, ünïcödé ✓']);
  expect(bob.received[0]?.peer).toBe(ana.address);
});

test('what stands in a text, an id or a name becomes no header', async () => {
  const { ana, bob } = await twoPeers();
  await ana.openSession(bob);
  const evil = 'x\r\nTo-Path: msrp://evil\r\n\r\n-------abcd1234$\r\nMSRP abcd SEND\r\n';
  const said = ana.say(bob, evil, `id\r\nimdn.Message-ID: other\r\n${evil}`);
  expect(await said.outcome).toBe('sent');
  expect(bob.received.slice(2).map(({ text, id }) => [text, id === said.id])).toEqual([[evil, true]]);
  expect([ana.mode(bob), bob.mode(ana)]).toEqual(['session', 'session']);
});

test('stopping leaves no timer, no session and no socket', async () => {
  const { ana, bob, campus } = await twoPeers();
  await ana.openSession(bob);
  ana.messaging.stop();
  expect(ana.clock.running).toBe(0);
  expect(ana.mode(bob)).toBe('page');
  await campus.until(() => bob.invited[0]?.state.state === 'ended' && bob.mode(ana) === 'page');
});

describe('while other devices are logged in to an account', () => {
  test('it neither takes nor opens sessions, so that texts reach them all', async () => {
    const { ana, bob, campus } = await twoPeers();
    bob.alone = false;
    await sayAll(ana, bob, ['a', 'b']);
    await campus.until(() => ana.inviting[0]?.state.state === 'rejected');
    await sayAll(ana, bob, ['c']);
    await sayAll(bob, ana, ['d', 'e', 'f']);
    expect([bob.inviting.length, bob.asked, ana.mode(bob)]).toEqual([0, 0, 'page']);
    expect([bob.texts, ana.texts]).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ]);
  });

  test('it is looked for them when a session opens and every minute while it stands', async () => {
    const { ana, bob, campus } = await twoPeers();
    expect([ana.looked, bob.looked]).toEqual([0, 0]);
    await ana.openSession(bob);
    expect([ana.looked, bob.looked]).toEqual([1, 1]);
    ana.clock.advance(120_000);
    expect(ana.looked).toBe(3);
    ana.messaging.stop();
    await campus.until(() => bob.mode(ana) === 'page');
    bob.clock.advance(120_000);
    expect([ana.looked, bob.looked]).toEqual([3, 1]);
  });

  test('a text that needs a session gets one for itself, and what follows reaches all devices', async () => {
    const { ana, bob, campus } = await twoPeers();
    ana.alone = false;
    const long = 'ł'.repeat(100_000);
    await sayAll(ana, bob, ['a', long, 'b']);
    await campus.until(() => ana.mode(bob) === 'page' && bob.mode(ana) === 'page');
    await sayAll(bob, ana, ['c']);
    expect([bob.texts, ana.texts]).toEqual([['a', long, 'b'], ['c']]);
    expect([ana.inviting.length, ana.inviting[0]?.state.state, ana.pages.at(-1)]).toEqual([1, 'ended', 'message/cpim']);
    const id = bob.received[1]?.id ?? '';
    await ana.marked(id, 'delivered');
  });

  test('a session that there was ends, on whichever side they are, and texts go on', async () => {
    const { ana, bob, campus } = await twoPeers();
    await ana.openSession(bob);
    ana.alone = false;
    ana.messaging.chats.leave();
    await sayAll(ana, bob, ['both see this']);
    await campus.until(() => ana.mode(bob) === 'page' && bob.mode(ana) === 'page');
    expect(bob.texts.at(-1)).toBe('both see this');
    expect(bob.pages.at(-1)).toBe('message/cpim');
  });
});

describe('a session that the peer holds (RFC 3264 §8.4)', () => {
  test.each([
    ['sendonly', 'recvonly'],
    ['inactive', 'inactive'],
  ])(
    'by %s is answered by %s and stays; texts go by MESSAGE until the peer takes them there again',
    async (offered, answered) => {
      const { ana, bob, campus } = await twoPeers();
      await ana.openSession(bob);
      const [ours, theirs] = [ana.inviting[0], bob.invited[0]];
      const sdp = theirs?.remote?.sdp ?? '';
      const answer = await ours?.reoffer({ sdp: sdp.replace('a=sendrecv', `a=${offered}`) });
      expect(answer?.sdp).toMatch(/^m=message [1-9]/m);
      expect(answer?.sdp).toContain(`a=${answered}\r\n`);
      expect(bob.mode(ana)).toBe('page');
      await sayAll(bob, ana, ['b1', 'b2', 'b3']);
      expect(ana.texts).toEqual(['b1', 'b2', 'b3']);
      expect(bob.inviting).toEqual([]);
      const again = await ours?.reoffer({ sdp });
      expect(again?.sdp).toContain('a=sendrecv\r\n');
      await campus.until(() => bob.mode(ana) === 'session');
      const pages = ana.pages.length;
      await sayAll(bob, ana, ['b4']);
      expect(ana.pages).toHaveLength(pages);
      expect([ours?.state.state, theirs?.state.state]).toEqual(['established', 'established']);
    },
  );
});
