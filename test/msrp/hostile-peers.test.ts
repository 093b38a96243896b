import net from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MemorySink, type MsrpSession, type ReceiveOutcome } from '../../msrp/index.ts';
import { sample } from '../extent.ts';
import { bound, PEER } from './support/receiving-session.ts';
import { bound as connected } from './support/sending-session.ts';
import { deferred, endpoint, Mailbox, pair, RawPeer, rawServer } from './support/support.ts';
import { TestClock } from './support/test-clock.ts';

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** Writes until the other side has had enough; resolves to the number of bytes. */
async function pour(peer: RawPeer, piece: Buffer): Promise<number> {
  let poured = 0;
  const closed = new Promise<void>((resolve) => peer.socket.once('close', () => resolve()));
  while (!peer.socket.destroyed && poured < 2_000_000_000) {
    poured += piece.length;
    if (!peer.socket.write(piece)) {
      await Promise.race([closed, new Promise((resolve) => peer.socket.once('drain', resolve))]);
    }
  }
  return poured;
}

describe('a hostile peer', () => {
  it.each([
    ['start-line-too-long', 'MSRP tid00001 SEND', 'x'],
    ['header-line-too-long', 'MSRP tid00001 SEND\r\nX-Header: ', 'x'],
    ['headers-too-long', 'MSRP tid00001 SEND\r\n', `X: ${'y'.repeat(8000)}\r\n`],
    ['too-many-headers', 'MSRP tid00001 SEND\r\n', 'X: y\r\n'],
    ['body-too-long', '', 'x'],
  ])('with an endless head or body of a request is cut off: %s', async (code, beginning, more) => {
    const { peer, session, send } = await bound({ request: () => ({ status: 200 }) });
    const other = send({ tid: 'tid00001', body: '' }).replace(' SEND', ' OTHER');
    peer.write(beginning === '' ? other.slice(0, other.indexOf('\r\n\r\n') + 4) : beginning);
    const closed = new Promise((resolve) => session.onStateChange(resolve));
    const poured = await pour(peer, Buffer.from(more.repeat(Math.ceil(65_536 / more.length))));
    expect(poured).toBeLessThan(100_000_000);
    expect(await closed).toMatchObject({ name: 'closed', cause: { code } });
  });

  it('with an endless message is told to stop, and nothing of it is kept', async () => {
    const ended = deferred<ReceiveOutcome>();
    const sink = new MemorySink(100_000);
    const { peer, send } = await bound({ accept: () => ({ sink, ended: ended.resolve }) });
    const frame = send({ tid: 'tid00001', body: '' });
    peer.write(frame.slice(0, frame.indexOf('\r\n\r\n') + 4));
    for (let i = 0; i < 100; i++) peer.write('x'.repeat(65_536));
    expect(await peer.frame()).toContain('MSRP tid00001 413');
    expect(await ended.promise).toMatchObject({ state: 'failed', error: { code: 'too-big' } });
    expect(sink.bytes.length).toBe(0);
  });

  it('that opens ten thousand sessions and leaves costs little, and is forgotten', async () => {
    const clock = new TestClock();
    const own = endpoint({ clock });
    const listener = await own.listen({ host: '127.0.0.1' });
    const before = process.memoryUsage();
    const starts: Promise<void>[] = [];
    const sessions: MsrpSession[] = [];
    for (let i = 0; i < 10_000; i++) {
      const session = own.createSession({ listener, accept: () => ({ refuse: 413 }) });
      starts.push(session.start({ remotePath: PEER, role: 'passive' }));
      sessions.push(session);
    }
    const waiting = Promise.allSettled(starts);
    const after = process.memoryUsage();
    const used = after.heapUsed + after.external - before.heapUsed - before.external;
    expect(used / 10_000).toBeLessThan(20_000);
    // half of them it does bind, each by a connection, and leaves
    const bind = (session: MsrpSession, tid: string) =>
      `MSRP ${tid} SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${PEER}\r\nMessage-ID: bind\r\n-------${tid}$\r\n`;
    const peer = await RawPeer.connect(listener.port);
    for (const [index, session] of sessions.slice(0, 5000).entries()) peer.write(bind(session, `tid${index}xxxx`));
    await peer.read(/MSRP tid4999xxxx 200/);
    peer.socket.destroy();
    while (own.connectionCount > 0) await turns(1);
    clock.advance(30_000);
    const outcomes = await waiting;
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5000);
    expect(sessions.every(({ state }) => state.name === 'closed')).toBe(true);
    expect(clock.running).toBe(0);
    // nothing knows them any more
    const late = await RawPeer.connect(listener.port);
    late.write(bind(sessions[9999] as MsrpSession, 'tid00001'));
    expect(await late.frame()).toContain('MSRP tid00001 481');
  });

  it('that opens connections and says nothing is shown out, all of them', async () => {
    const clock = new TestClock();
    const own = endpoint({ clock });
    const listener = await own.listen({ host: '127.0.0.1' });
    const before = process.memoryUsage();
    const sockets = Array.from({ length: 1000 }, () => net.connect({ port: listener.port, host: '127.0.0.1' }));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    const closed = sockets.map((socket) => new Promise((resolve) => socket.resume().once('close', resolve)));
    while (own.connectionCount < sockets.length) await turns(1);
    const after = process.memoryUsage();
    expect((after.heapUsed + after.external - before.heapUsed - before.external) / 1000).toBeLessThan(60_000);
    clock.advance(30_000);
    await Promise.all(closed);
    expect(own.connectionCount).toBe(0);
  });

  it('that never reads is given up, and its message told to have failed', async () => {
    const { session, peer, clock } = await connected();
    peer.socket.pause();
    const message = session.send({ contentType: 'a/b', body: Buffer.alloc(64_000_000) });
    let before = -1;
    while (before !== message.progress.handed || before === 0) {
      before = message.progress.handed;
      await turns(200);
    }
    // once round for what was taken until now
    clock.advance(300_000);
    clock.advance(300_000);
    expect(await message.sent).toMatchObject({
      state: 'failed',
      error: { code: 'connection-stalled', retryable: true },
    });
    expect(session.state).toMatchObject({ name: 'closed', cause: { code: 'connection-stalled' } });
    expect(clock.running).toBe(0);
  });

  it('that takes everything and answers nothing fails each message after 30 seconds, and keeps no memory', async () => {
    const { session, clock, peer } = await connected();
    const messages = Array.from({ length: 500 }, (_, i) =>
      session.send({ contentType: 'text/plain', body: `message ${i}` }),
    );
    await peer.read(/message 499/);
    clock.advance(30_000);
    for (const { sent } of messages) {
      expect(await sent).toMatchObject({ state: 'failed', error: { code: 'transaction-timeout', status: 408 } });
    }
    expect(session.state.name).toBe('bound');
  });

  it('that breaks off anywhere leaves what had come until then', async () => {
    const mailbox = new Mailbox();
    const own = endpoint();
    const listener = await own.listen({ host: '127.0.0.1' });
    const body = Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 7) % 256));
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), async (share) => {
        const session = own.createSession({ listener, accept: mailbox.accept });
        const frames = [0, 200, 400].map((start, i) =>
          Buffer.concat([
            Buffer.from(
              `MSRP tid0000${i} SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${PEER}\r\nMessage-ID: message1\r\n` +
                `Byte-Range: ${start + 1}-*/600\r\nContent-Type: a/b\r\n\r\n`,
            ),
            body.subarray(start, start + 200),
            Buffer.from(`\r\n-------tid0000${i}${i === 2 ? '$' : '+'}\r\n`),
          ]),
        );
        const all = Buffer.concat(frames);
        const cut = Math.floor(share * all.length);
        const head = (frames[0] as Buffer).indexOf('\r\n\r\n') + 4;
        const closed = new Promise((resolve) => session.onStateChange(resolve));
        const peer = await RawPeer.connect(listener.port);
        peer.socket.end(all.subarray(0, cut));
        await peer.closed();
        if (cut >= head) {
          const { outcome, bytes } = await mailbox.next();
          expect(await closed).toMatchObject({ name: 'closed', cause: { code: 'connection-lost' } });
          if (cut === all.length) {
            expect(outcome).toEqual({ state: 'completed', size: 600 });
          } else {
            if (outcome.state !== 'failed') throw new Error(outcome.state);
            expect(outcome.error.code).toBe('connection-lost');
            const end = outcome.received[0]?.end ?? 0;
            expect(bytes.equals(body.subarray(0, end))).toBe(true);
          }
        }
        session.abort();
      }),
      sample(60),
    );
  }, 60_000);

  it('does no harm to the sessions of others on the same listener', async () => {
    const { active, passive, mailbox } = await pair();
    const port = Number(/:(\d+)\//.exec(passive.localPath)?.[1]);
    const stranger = await RawPeer.connect(port);
    stranger.write(`MSRP tid00001 SEND\r\nTo-Path: ${passive.localPath}\r\nFrom-Path: ${PEER}\r\n-------tid00001$\r\n`);
    // even who has learnt the path comes by another connection
    expect(await stranger.frame()).toContain('MSRP tid00001 506');
    await pour(stranger, Buffer.alloc(65_536, 'x'));
    active.send({ contentType: 'text/plain', body: 'well' });
    expect((await mailbox.next()).bytes.toString()).toBe('well');
  });

  it('that answers with what nobody asked for is not listened to', async () => {
    const server = await rawServer();
    const session = endpoint().createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const remotePath = `msrp://127.0.0.1:${server.port}/x;tcp`;
    const starting = session.start({ remotePath, role: 'active' });
    const peer = await server.peer();
    const tid = (await peer.frame()).slice(5, 21);
    const response = (id: string) =>
      `MSRP ${id} 200 OK\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${remotePath}\r\n-------${id}$\r\n`;
    for (let i = 0; i < 1000; i++) peer.write(response(`unknown${i}`));
    expect(session.state.name).toBe('connecting');
    peer.write(response(tid));
    await starting;
  });
});
