import { describe, expect, it } from 'vitest';
import type { AcceptHook, ByteSink, ByteSource, Chunking, MsrpSession, OutgoingMessage } from '../../../msrp/index.ts';
import { FairRing, type Turns } from '../../../msrp/index.ts';
import { deferred, endpoint, Mailbox, pair, rawServer } from '../support/support.ts';
import { TestClock } from '../support/test-clock.ts';

/** Bytes without end, or nearly: no test waits for all of them. */
function endless(onRead?: () => void): ByteSource {
  return {
    size: Number.MAX_SAFE_INTEGER,
    async read(buffer) {
      onRead?.();
      return buffer.fill(0x7e).length;
    },
    close: () => Promise.resolve(),
  };
}

/** Keeps texts and lets everything else fall to the ground. */
function listening(): { mailbox: Mailbox; accept: AcceptHook } {
  const mailbox = new Mailbox();
  const sink: ByteSink = { write: () => undefined, close: () => Promise.resolve(), abort: () => Promise.resolve() };
  return { mailbox, accept: (offer) => (offer.contentType === 'a/b' ? { sink } : mailbox.accept(offer)) };
}

describe('turns', () => {
  it('are shared by weight, whatever each one sends at a time', () => {
    const ring = new FairRing<string>(1000);
    const sent = new Map<string, number>([
      ['a', 0],
      ['b', 0],
      ['c', 0],
    ]);
    ring.add('a', 1);
    ring.add('b', 2);
    ring.add('c', 4);
    const piece = { a: 1500, b: 700, c: 30 };
    for (let i = 0; i < 20_000; i++) {
      const turn = ring.turn();
      if (turn === undefined) throw new Error('no turn');
      const bytes = piece[turn.member as keyof typeof piece];
      sent.set(turn.member, (sent.get(turn.member) ?? 0) + bytes);
      ring.spend(turn.member, bytes);
    }
    const unit = (sent.get('a') ?? 0) / 1;
    expect((sent.get('b') ?? 0) / unit).toBeCloseTo(2, 1);
    expect((sent.get('c') ?? 0) / unit).toBeCloseTo(4, 1);
  });

  it('are no use to save up for', () => {
    const ring = new FairRing<string>(1000);
    ring.add('a', 1);
    for (let i = 0; i < 1000; i++) ring.spend('a', 10);
    ring.add('b', 1);
    expect(ring.turn()?.budget).toBeLessThanOrEqual(1000);
    ring.remove('a');
    ring.remove('b');
    expect(ring.turn()).toBeUndefined();
  });
});

describe('messages on one connection', () => {
  it.each<Chunking>(['whole', 2048, 65_536])('are not behind a file that fills it (chunks: %s)', async (chunking) => {
    const { mailbox, accept } = listening();
    const { active } = await pair({ active: { chunking }, passive: { accept } });
    const started = deferred<void>();
    const file = active.send({ contentType: 'a/b', body: endless(() => started.resolve()) });
    await started.promise;
    // each one waits for the one before, and all of them come while the file goes on
    for (let i = 0; i < 20; i++) {
      const small = active.send({ contentType: 'text/plain', body: `small ${i}`, priority: 'high' });
      expect((await mailbox.next()).bytes.toString()).toBe(`small ${i}`);
      expect(await small.sent).toEqual({ state: 'sent' });
    }
    expect(file.progress.handed).toBeGreaterThan(0);
    file.abort();
    expect(await file.sent).toMatchObject({ state: 'aborted' });
  });

  it('of many sessions get equal shares', async () => {
    const server = await rawServer();
    const own = endpoint();
    const sessions: MsrpSession[] = [];
    let peer: Awaited<ReturnType<typeof server.peer>> | undefined;
    for (let i = 0; i < 100; i++) {
      const session = own.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
      const remotePath = `msrp://127.0.0.1:${server.port}/peer${i};tcp`;
      const starting = session.start({ remotePath, role: 'active' });
      peer ??= await server.peer();
      const bind = await peer.frame();
      const tid = bind.slice(5, 21);
      peer.write(
        `MSRP ${tid} 200 OK\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${remotePath}\r\n-------${tid}$\r\n`,
      );
      await starting;
      sessions.push(session);
    }
    // the peer reads and forgets
    peer?.socket.removeAllListeners('data').resume();
    // it reads as it can; what matters is who is given the room
    const messages = sessions.map((session) =>
      session.send({ contentType: 'a/b', body: endless(), failureReport: 'no', chunking: 2048 }),
    );
    const least = () => Math.min(...messages.map(({ progress }) => progress.handed));
    while (least() < 200_000) await new Promise((resolve) => setImmediate(resolve));
    const most = Math.max(...messages.map(({ progress }) => progress.handed));
    expect(least() / most).toBeGreaterThan(0.9);
  });

  it.each(['no', 'yes'] as const)('of a session go by priority (Failure-Report %s)', async (failureReport) => {
    const { active } = await pair({ passive: { accept: listening().accept } });
    const [high, low] = (['high', 'low'] as const).map((priority) =>
      active.send({ contentType: 'a/b', body: endless(), failureReport, priority }),
    );
    if (high === undefined || low === undefined) throw new Error('no messages');
    while (high.progress.handed < 20_000_000) await new Promise((resolve) => setImmediate(resolve));
    // 16 to 1, but for the moments in which one of them waits for its source
    expect(high.progress.handed / low.progress.handed).toBeGreaterThan(4);
    expect(low.progress.handed).toBeGreaterThan(0);
  });
});

describe('a peer that does not read', () => {
  it('stops the reading of the file', async () => {
    const server = await rawServer();
    const session = endpoint().createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const remotePath = `msrp://127.0.0.1:${server.port}/peer;tcp`;
    const starting = session.start({ remotePath, role: 'active' });
    const peer = await server.peer();
    const tid = (await peer.frame()).slice(5, 21);
    peer.write(`MSRP ${tid} 200 OK\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${remotePath}\r\n-------${tid}$\r\n`);
    await starting;
    peer.socket.pause();
    let reads = 0;
    const message = session.send({ contentType: 'a/b', body: endless(() => reads++), failureReport: 'no' });
    let before = -1;
    while (before !== reads || reads < 3) {
      before = reads;
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    // buffers of the system hold a few megabytes, ours no more than a few
    expect(reads).toBeLessThan(30);
    message.abort();
  });

  it('but sends, is not read from any more', async () => {
    const own = endpoint();
    const listener = await own.listen({ host: '127.0.0.1' });
    const session = own.createSession({ listener, accept: new Mailbox().accept });
    const net = await import('node:net');
    const socket = net.connect({ port: listener.port, host: '127.0.0.1' });
    const request = Buffer.from(
      `MSRP tid00001 SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: msrp://127.0.0.1:9/x;tcp\r\nMessage-ID: m\r\n-------tid00001$\r\n`,
    );
    const many = Buffer.concat(Array.from({ length: 5000 }, () => request));
    socket.pause();
    socket.on('error', () => undefined);
    let stuck = false;
    for (let i = 0; i < 200 && !stuck; i++) {
      // false, and no drain for a hundred turns: nobody takes it
      if (!socket.write(many)) {
        const drained = new Promise<boolean>((resolve) => socket.once('drain', () => resolve(true)));
        const turns = (async () => {
          for (let turn = 0; turn < 3000; turn++) await new Promise((resolve) => setImmediate(resolve));
          return false;
        })();
        stuck = !(await Promise.race([drained, turns]));
      }
    }
    expect(stuck).toBe(true);
    socket.destroy();
  });
});

describe('sessions nobody uses', () => {
  it('cost little memory', async () => {
    const far = endpoint();
    const near = endpoint();
    const listener = await far.listen({ host: '127.0.0.1' });
    const sessions: MsrpSession[] = [];
    const open = async () => {
      const passive = far.createSession({ listener, accept: new Mailbox().accept });
      const active = near.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
      await Promise.all([
        passive.start({ role: 'passive' }),
        active.start({ remotePath: passive.localPath, role: 'active' }),
      ]);
      sessions.push(active, passive);
    };
    for (let i = 0; i < 100; i++) await open();
    const before = process.memoryUsage();
    for (let i = 0; i < 500; i++) await open();
    const after = process.memoryUsage();
    const used = after.heapUsed + after.external - before.heapUsed - before.external;
    expect(used / 1000).toBeLessThan(20_000);
    expect(sessions).toHaveLength(1200);
  });
});

describe('a link with a limit', () => {
  it('lets so many bytes out and no more, shared between connections', async () => {
    const clock = new TestClock();
    const near = endpoint({ clock, sharing: { bytesPerSecond: 100_000 } });
    const far = endpoint();
    const messages: OutgoingMessage[] = [];
    for (let i = 0; i < 2; i++) {
      // a listener each, so that there are two connections
      const listener = await far.listen({ host: '127.0.0.1' });
      const passive = far.createSession({ listener, accept: listening().accept });
      const active = near.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
      await Promise.all([
        passive.start({ role: 'passive' }),
        active.start({ remotePath: passive.localPath, role: 'active' }),
      ]);
      messages.push(active.send({ contentType: 'a/b', body: endless(), failureReport: 'no' }));
    }
    const handed = () => messages.map(({ progress }) => progress.handed);
    for (let tenth = 0; tenth < 100; tenth++) {
      clock.advance(100);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    const [a = 0, b = 0] = handed();
    // ten seconds, and a little that may be sent at once at first
    expect(a + b).toBeGreaterThan(500_000);
    expect(a + b).toBeLessThan(1_100_000);
    expect(Math.min(a, b) / Math.max(a, b)).toBeGreaterThan(0.8);
  });

  it('may take turns in another way', async () => {
    // whoever comes last goes first
    class Stack<Member> implements Turns<Member> {
      readonly #members: Member[] = [];
      get size() {
        return this.#members.length;
      }
      add(member: Member) {
        if (!this.#members.includes(member)) this.#members.push(member);
      }
      remove(member: Member) {
        if (this.#members.includes(member)) this.#members.splice(this.#members.indexOf(member), 1);
      }
      turn() {
        const member = this.#members.at(-1);
        return member === undefined ? undefined : { member, budget: Number.POSITIVE_INFINITY };
      }
      spend() {}
    }
    const { active, mailbox } = await pair({ activeEndpoint: { sharing: { newTurns: () => new Stack() } } });
    for (const body of ['first', 'second', 'third']) active.send({ contentType: 'text/plain', body });
    const order: string[] = [];
    for (let i = 0; i < 3; i++) order.push((await mailbox.next()).bytes.toString());
    expect(order).toEqual(['third', 'second', 'first']);
  });
});

describe('an empty request now and then', () => {
  it('keeps the way open, and notices when it is not', async () => {
    const clock = new TestClock();
    const server = await rawServer();
    const session = endpoint({ clock }).createSession({
      host: '127.0.0.1',
      accept: new Mailbox().accept,
      keepAlive: 60_000,
    });
    const remotePath = `msrp://127.0.0.1:${server.port}/peer;tcp`;
    const starting = session.start({ remotePath, role: 'active' });
    const peer = await server.peer();
    const answer = async () => {
      const tid = (await peer.frame()).slice(5, 21);
      peer.write(
        `MSRP ${tid} 200 OK\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${remotePath}\r\n-------${tid}$\r\n`,
      );
    };
    await answer();
    await starting;
    clock.advance(60_000);
    await answer();
    // answered means that the next one is on its way after the same time
    while (clock.running < 1) await new Promise((resolve) => setImmediate(resolve));
    const closed = new Promise((resolve) => session.onStateChange(resolve));
    while (session.state.name === 'bound') {
      clock.advance(30_000);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await closed).toMatchObject({ name: 'closed', cause: { code: 'transaction-timeout' } });
  });
});
