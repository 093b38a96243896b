// A chat line and file lines in one offer (RFC 5547 §8.2.3, §8.7), as some clients make them. Ours never does.
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { MsrpSession } from '../../../msrp/index.ts';
import type { ProtocolTransfer } from '../../../protocols/contract/index.ts';
import { SipFileTransfer } from '../../../protocols/sip/file-transfer/file-transfer.ts';
import { UNDECIDED_TIMEOUT } from '../../../protocols/sip/file-transfer/incoming-offer.ts';
import { Media } from '../../../protocols/sip/media/media.ts';
import { dispatchInvitation } from '../../../protocols/sip/offers/invitations.ts';
import type { SipSession } from '../../../protocols/sip/sip-session.ts';
import { reached } from '../direct-agents.ts';
import { Campus, ChatPeer } from '../session-mode/support/chat-peers.ts';
import { Arrival, acceptInto, outcome } from './file-peers.ts';
import { endpointOf, head, lines, media } from './raw-peers.ts';

const SIZE = 40_000;

/** Ana offers Bob, who is ours, a chat and a file; `spoil` makes something else of the offer. */
const offerBoth = async (
  spoil: (sdp: string) => string = (sdp) => sdp,
): Promise<{ bob: ChatPeer; sip: SipSession; offered: Promise<ProtocolTransfer>; sessions: MsrpSession[] }> => {
  const campus = new Campus();
  const ana = await new ChatPeer(campus, 'ana', {}).begin();
  const bob = await new ChatPeer(campus, 'bob', {}).begin();
  const files = new SipFileTransfer({
    log: () => {},
    media: new Media({ now: Date.now, log: () => {}, relay: () => undefined, certificateAuthorities: [] }),
    chats: bob.messaging.chats,
    place: () => ({ host: '127.0.0.1', secure: false }),
    invite: (to, offer) => bob.agent.invite(to, offer),
    now: Date.now,
    direct: true,
  });
  bob.agent.onInvite = (session) => dispatchInvitation(session, [files, bob.messaging.chats]);
  const offered = new Promise<ProtocolTransfer>((resolve) => void files.onOffer(({ transfer }) => resolve(transfer)));
  const { endpoint, listener } = await endpointOf();
  const sessions = [0, 1].map(() => endpoint.createSession({ listener, accept: () => ({ refuse: 403 }) }));
  const [chat, file] = sessions.map(({ localPath }) => localPath) as [string, string];
  const sdp = lines(
    ...head,
    ...media(chat, listener.port, 'a=setup:actpass').map((line) => line.replace(':*', ':text/plain message/cpim')),
    'm=audio 4 RTP/AVP 0',
    ...media(file, listener.port, 'a=sendonly', 'a=setup:actpass', `a=file-selector:name:"a" size:${SIZE}`),
  );
  const sip = ana.agent.invite(bob.address, { sdp: spoil(sdp) });
  return { bob, sip, offered, sessions };
};

/** Ports and paths of an answer, line by line. */
const answerOf = (sdp: string): { closed: boolean; path: string }[] =>
  sdp
    .split(/^m=/m)
    .slice(1)
    .map((line) => ({
      closed: /^\S+ 0 /.test(line),
      path: /^a=path:(\S+)/m.exec(line)?.[1] ?? '',
    }));

const sayHello = async (session: MsrpSession | undefined, path: string | undefined): Promise<void> => {
  await session?.start({ remotePath: path ?? '', role: 'active' });
  const sent = session?.send({ contentType: 'text/plain;charset=utf-8', body: Buffer.from('olá 🎓') }).sent;
  expect(await sent).toMatchObject({ state: 'sent' });
};

describe('a chat beside a file', () => {
  test('is answered with it; both go on, and the chat outlives the file', async () => {
    const { bob, sip, offered, sessions } = await offerBoth();
    const content = randomBytes(SIZE);
    const arrival = new Arrival(SIZE);
    const transfer = await offered;
    acceptInto(transfer, arrival);
    const { remote } = await reached(sip, 'established');
    const answer = answerOf(remote.sdp);
    expect(answer.map(({ closed }) => closed)).toEqual([false, true, false]);
    await sayHello(sessions[0], answer[0]?.path);
    expect(bob.received.map(({ text }) => text)).toEqual(['olá 🎓']);
    await sessions[1]?.start({ remotePath: answer[2]?.path ?? '', role: 'active' });
    await sessions[1]?.send({ contentType: 'a/b', body: content }).sent;
    expect(await outcome(transfer)).toBe('finished');
    expect(Buffer.compare(arrival.bytes, content)).toBe(0);
    expect(await sessions[0]?.send({ contentType: 'text/plain', body: Buffer.from('more') }).sent).toMatchObject({
      state: 'sent',
    });
    expect(bob.received.map(({ text }) => text)).toEqual(['olá 🎓', 'more']);
    expect(sip.state.state).toBe('established');
    sip.end();
  });

  test('is taken although the file is declined', async () => {
    const { bob, sip, offered, sessions } = await offerBoth();
    (await offered).decline();
    const { remote } = await reached(sip, 'established');
    const answer = answerOf(remote.sdp);
    expect(answer.map(({ closed }) => closed)).toEqual([false, true, true]);
    await sayHello(sessions[0], answer[0]?.path);
    expect(bob.received).toHaveLength(1);
    sip.end();
  });

  test('that cannot be taken is closed, and the file arrives without it', async () => {
    const { sip, offered, sessions } = await offerBoth((sdp) => sdp.replace('text/plain message/cpim', 'image/png'));
    const transfer = await offered;
    acceptInto(transfer, new Arrival(SIZE));
    const { remote } = await reached(sip, 'established');
    const answer = answerOf(remote.sdp);
    expect(answer.map(({ closed }) => closed)).toEqual([true, true, false]);
    await sessions[1]?.start({ remotePath: answer[2]?.path ?? '', role: 'active' });
    await sessions[1]?.send({ contentType: 'a/b', body: randomBytes(SIZE) }).sent;
    expect(await outcome(transfer)).toBe('finished');
    sip.end();
  });

  test('that cannot be taken, and a file nobody wants, are refused', async () => {
    const { sip, offered } = await offerBoth((sdp) => sdp.replace('text/plain message/cpim', 'image/png'));
    (await offered).decline();
    expect((await reached(sip, 'rejected')).rejection.status).toBe(603);
  });
});

test('a chat that is added to a session with a file begins at once, and outlives the file (§8.7)', async () => {
  // the offer has the file alone at first
  let whole = '';
  const { bob, sip, offered, sessions } = await offerBoth((sdp) => {
    whole = sdp;
    return sdp.replace(/^m=message[\s\S]*?(?=^m=audio)/m, '');
  });
  const transfer = await offered;
  acceptInto(transfer, new Arrival(SIZE));
  const { remote } = await reached(sip, 'established');
  const [, file] = answerOf(remote.sdp);
  await sessions[1]?.start({ remotePath: file?.path ?? '', role: 'active' });
  const [session = '', chatLine = '', audio = '', fileLine = ''] = whole.split(/^(?=m=)/m);
  const { sdp } = await sip.reoffer({ sdp: [session, audio, fileLine, chatLine].join('') });
  const answer = answerOf(sdp);
  expect(answer.map(({ closed }) => closed)).toEqual([true, false, false]);
  expect(answer[1]).toEqual(file);
  await sayHello(sessions[0], answer[2]?.path);
  await sessions[1]?.send({ contentType: 'a/b', body: randomBytes(SIZE) }).sent;
  expect(await outcome(transfer)).toBe('finished');
  await sessions[0]?.send({ contentType: 'text/plain', body: Buffer.from('more') }).sent;
  expect(bob.received.map(({ text }) => text)).toEqual(['olá 🎓', 'more']);
  expect(sip.state.state).toBe('established');
  sip.end();
});

describe('while a person still thinks about the file', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    return () => vi.useRealTimers();
  });

  test('the chat begins after half a minute, and the file can still be asked for', async () => {
    const { bob, sip, offered, sessions } = await offerBoth();
    const transfer = await offered;
    for (let passed = 0; passed <= UNDECIDED_TIMEOUT; passed += 1000) await vi.advanceTimersByTimeAsync(1000);
    const { remote } = await reached(sip, 'established');
    const answer = answerOf(remote.sdp);
    expect(answer.map(({ closed }) => closed)).toEqual([false, true, true]);
    await sayHello(sessions[0], answer[0]?.path);
    expect(bob.received).toHaveLength(1);
    expect(await outcome(transfer)).toBe('unanswered, asked');
    sip.end();
  });
});
