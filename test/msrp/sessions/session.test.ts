import { describe, expect, it } from 'vitest';
import {
  answerSetup,
  type MsrpSession,
  offererRole,
  parseUri,
  type SessionState,
  type StartOptions,
} from '../../../msrp/index.ts';
import { endpoint, Mailbox, pair, RawPeer, rawServer } from '../support/support.ts';
import { TestClock } from '../support/test-clock.ts';

const PEER = 'msrp://127.0.0.1:9/peersession;tcp';

describe('a session', () => {
  it('has a path with an explicit port and an id nobody can guess', async () => {
    const own = endpoint();
    const listener = await own.listen({ host: '127.0.0.1' });
    const a = own.createSession({ listener, accept: new Mailbox().accept });
    const b = own.createSession({ listener, accept: new Mailbox().accept });
    expect(parseUri(a.localPath)).toMatchObject({
      secure: false,
      host: '127.0.0.1',
      port: listener.port,
      sessionId: a.id,
    });
    // 24 characters of 5 bits
    expect(a.id).toMatch(/^[a-z2-7]{24}$/);
    expect(a.id).not.toBe(b.id);
  });

  it('goes through its states', async () => {
    const far = endpoint();
    const listener = await far.listen({ host: '127.0.0.1' });
    const passive = far.createSession({ listener, accept: new Mailbox().accept });
    const active = endpoint().createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const seen: SessionState['name'][][] = [[], []];
    const undo = passive.onStateChange(({ name }) => seen[0]?.push(name));
    active.onStateChange(({ name }) => seen[1]?.push(name));
    await Promise.all([
      passive.start({ remotePath: active.localPath, role: 'passive' }),
      active.start({ remotePath: passive.localPath, role: 'active' }),
    ]);
    undo();
    await active.close();
    expect(seen).toEqual([
      ['waiting', 'bound'],
      ['connecting', 'bound', 'closing', 'closed'],
    ]);
  });

  it('is bound by a peer that connects before its answer is known', async () => {
    const own = endpoint();
    const listener = await own.listen({ host: '127.0.0.1' });
    const mailbox = new Mailbox();
    const session = own.createSession({ listener, accept: mailbox.accept });
    const peer = await RawPeer.connect(listener.port);
    const bind = `MSRP bindbind SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${PEER}\r\nMessage-ID: bind\r\n-------bindbind$\r\n`;
    peer.write(bind);
    expect(await peer.frame()).toContain('MSRP bindbind 200');
    await session.start({ remotePath: PEER, role: 'passive' });
    expect(session.state.name).toBe('bound');
  });

  it('is not bound by somebody else who connected first', async () => {
    const own = endpoint();
    const listener = await own.listen({ host: '127.0.0.1' });
    const session = own.createSession({ listener, accept: new Mailbox().accept });
    const peer = await RawPeer.connect(listener.port);
    peer.write(
      `MSRP bindbind SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${PEER}\r\nMessage-ID: bind\r\n-------bindbind$\r\n`,
    );
    await peer.frame();
    const starting = session.start({ remotePath: PEER.replace('peer', 'other'), role: 'passive' });
    await expect(starting).rejects.toMatchObject({ code: 'path-mismatch' });
    await peer.closed();
  });

  it('may be bound by a message instead of an empty request', async () => {
    const own = endpoint();
    const listener = await own.listen({ host: '127.0.0.1' });
    const mailbox = new Mailbox();
    const session = own.createSession({ listener, accept: mailbox.accept });
    const started = session.start({ remotePath: PEER, role: 'passive' });
    const peer = await RawPeer.connect(listener.port);
    peer.write(
      `MSRP bindbind SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${PEER}\r\nMessage-ID: one\r\nContent-Type: text/plain\r\n\r\nhi\r\n-------bindbind$\r\n`,
    );
    await started;
    expect((await mailbox.next()).bytes.toString()).toBe('hi');
  });

  it('tolerates a bind of the peer while its own is on its way', async () => {
    const server = await rawServer();
    const session = endpoint().createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const peerPath = `msrp://127.0.0.1:${server.port}/peersession;tcp`;
    const started = session.start({ remotePath: peerPath, role: 'active' });
    const peer = await server.peer();
    const tid = (await peer.frame()).slice(5, 21);
    peer.write(
      `MSRP theirbind SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${peerPath}\r\nMessage-ID: bind\r\n-------theirbind$\r\n`,
    );
    expect(await peer.frame()).toContain('MSRP theirbind 200');
    peer.write(`MSRP ${tid} 200 OK\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${peerPath}\r\n-------${tid}$\r\n`);
    await started;
  });

  it('matches by session id alone where that was agreed, and connects where the description says', async () => {
    const far = endpoint();
    const listener = await far.listen({ host: '127.0.0.1' });
    const mailbox = new Mailbox();
    const passive = far.createSession({ listener, accept: mailbox.accept, matching: 'session-id' });
    const active = endpoint().createSession({
      host: '127.0.0.1',
      accept: new Mailbox().accept,
      matching: 'session-id',
    });
    // a middlebox has changed both addresses
    await Promise.all([
      passive.start({ remotePath: active.localPath.replace('127.0.0.1', 'a.example.org'), role: 'passive' }),
      active.start({
        remotePath: passive.localPath.replace('127.0.0.1', 'b.example.org'),
        role: 'active',
        address: { host: '127.0.0.1', port: listener.port },
      }),
    ]);
    active.send({ contentType: 'text/plain', body: 'through' });
    expect((await mailbox.next()).bytes.toString()).toBe('through');
  });

  it('uses a connection again that leads to the same place, and closes it with the last session', async () => {
    const far = endpoint();
    const near = endpoint();
    const listener = await far.listen({ host: '127.0.0.1' });
    const mailboxes = [new Mailbox(), new Mailbox()];
    const sessions: { active: MsrpSession; passive: MsrpSession }[] = [];
    for (const mailbox of mailboxes) {
      const passive = far.createSession({ listener, accept: mailbox.accept });
      const active = near.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
      await Promise.all([
        passive.start({ remotePath: active.localPath, role: 'passive' }),
        active.start({ remotePath: passive.localPath, role: 'active' }),
      ]);
      sessions.push({ active, passive });
    }
    expect(far.connectionCount).toBe(1);
    sessions[0]?.active.send({ contentType: 'text/plain', body: 'first' });
    sessions[1]?.active.send({ contentType: 'text/plain', body: 'second' });
    expect((await mailboxes[0]?.next())?.bytes.toString()).toBe('first');
    expect((await mailboxes[1]?.next())?.bytes.toString()).toBe('second');
    await sessions[0]?.active.close();
    expect(sessions[1]?.active.state.name).toBe('bound');
    const lost = new Promise<void>((resolve) => {
      sessions[1]?.passive.onStateChange(() => resolve());
    });
    await sessions[1]?.active.close();
    await lost;
    expect(far.connectionCount).toBe(0);
  });

  it('that is broken off in the middle of a frame leaves the others on its connection well', async () => {
    const far = endpoint();
    const near = endpoint();
    const listener = await far.listen({ host: '127.0.0.1' });
    const open = async (mailbox: Mailbox) => {
      const passive = far.createSession({ listener, accept: mailbox.accept });
      const active = near.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
      await Promise.all([
        passive.start({ remotePath: active.localPath, role: 'passive' }),
        active.start({ remotePath: passive.localPath, role: 'active' }),
      ]);
      return active;
    };
    const [broken, well] = [new Mailbox(), new Mailbox()];
    const [first, second] = [await open(broken), await open(well)];
    expect(near.connectionCount).toBe(1);
    const body = Buffer.alloc(50_000_000);
    const message = first.send({ contentType: 'a/b', body, progressEvery: 1 });
    await new Promise<void>((resolve) => {
      message.onProgress(() => resolve());
    });
    first.abort();
    expect(await message.sent).toMatchObject({ state: 'failed', error: { code: 'session-closed' } });
    expect((await broken.next()).outcome.state).toBe('aborted');
    second.send({ contentType: 'text/plain', body: 'well' });
    expect((await well.next()).bytes.toString()).toBe('well');
  });

  it('sends requests of any kind and shows the response', async () => {
    const { active } = await pair({
      passive: {
        request: ({ method, headers }) => ({
          status: method === 'NICKNAME' ? 200 : 501,
          fields: [['X-Echo', headers.get('Use-Nickname') ?? '']],
        }),
      },
    });
    const response = await active.request('NICKNAME', [['Use-Nickname', '"Ally"']]);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-echo')).toBe('"Ally"');
    expect((await active.request('OTHER', [])).status).toBe(501);
  });

  it.each([
    ['connect-failed', {}],
    ['invalid-uri', { remotePath: 'sip:bob@example.org' }],
    ['aborted', { signal: AbortSignal.abort() }],
  ] as [string, Partial<StartOptions>][])('cannot be started: %s', async (code, options) => {
    const server = await rawServer();
    const session = endpoint().createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    // the discard port: nobody listens there
    const remotePath = code === 'aborted' ? `msrp://127.0.0.1:${server.port}/x;tcp` : PEER;
    await expect(session.start({ remotePath, role: 'active', ...options })).rejects.toMatchObject({ code });
    expect(session.state).toMatchObject({ name: 'closed', cause: { code } });
  });

  it('is closed when the peer refuses to bind, or does not answer', async () => {
    const clock = new TestClock();
    const server = await rawServer();
    const own = endpoint({ clock });
    const remotePath = `msrp://127.0.0.1:${server.port}/peersession;tcp`;
    const refused = own.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const starting = refused.start({ remotePath, role: 'active' });
    const peer = await server.peer();
    const tid = (await peer.frame()).slice(5, 21);
    peer.write(
      `MSRP ${tid} 481 Unknown\r\nTo-Path: ${refused.localPath}\r\nFrom-Path: ${remotePath}\r\n-------${tid}$\r\n`,
    );
    await expect(starting).rejects.toMatchObject({ code: 'bind-refused', status: 481 });
    await peer.closed();
    const silent = own.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const waiting = silent.start({ remotePath, role: 'active' });
    await (await server.peer()).frame();
    clock.advance(30_000);
    await expect(waiting).rejects.toMatchObject({ code: 'transaction-timeout' });
  });

  it('does not wait for ever for a peer that does not come', async () => {
    const clock = new TestClock();
    const own = endpoint({ clock });
    const listener = await own.listen({ host: '127.0.0.1' });
    const session = own.createSession({ listener, accept: new Mailbox().accept });
    const waiting = session.start({ remotePath: PEER, role: 'passive', timeout: 1000 });
    clock.advance(1000);
    await expect(waiting).rejects.toMatchObject({ code: 'bind-timeout' });
    const other = own.createSession({ listener, accept: new Mailbox().accept });
    const controller = new AbortController();
    const called = other.start({ remotePath: PEER, role: 'passive', signal: controller.signal });
    controller.abort();
    await expect(called).rejects.toMatchObject({ code: 'aborted' });
    expect(clock.running).toBe(0);
  });

  it('cuts off whoever connects and says nothing', async () => {
    const clock = new TestClock();
    const own = endpoint({ clock });
    const listener = await own.listen({ host: '127.0.0.1' });
    const peer = await RawPeer.connect(listener.port);
    peer.write('\r\n');
    peer.write(
      `MSRP tid00001 SEND\r\nTo-Path: msrp://127.0.0.1:${listener.port}/x;tcp\r\nFrom-Path: ${PEER}\r\n-------tid00001$\r\n`,
    );
    await peer.frame();
    clock.advance(30_000);
    await peer.closed();
    expect(own.connectionCount).toBe(0);
  });

  it('cannot listen where somebody else does', async () => {
    const own = endpoint();
    const { port } = await own.listen({ host: '127.0.0.1' });
    await expect(own.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'listen-failed' });
  });
});

describe('roles (RFC 6135)', () => {
  it.each([
    ['actpass', true, 'passive'],
    ['actpass', false, 'active'],
    ['active', true, 'passive'],
    ['passive', true, 'active'],
    ['holdconn', true, 'passive'],
    [undefined, false, 'passive'],
  ] as const)('to an offer of %s (reachable: %s) the answer is %s', (offered, reachable, role) => {
    expect(answerSetup(offered, reachable)).toBe(role);
  });

  it.each([
    ['actpass', 'passive', 'active'],
    ['actpass', 'active', 'passive'],
    ['actpass', undefined, 'active'],
    ['active', 'passive', 'active'],
    ['passive', 'active', 'passive'],
  ] as const)('having offered %s and been answered %s the offerer is %s', (offered, answered, role) => {
    expect(offererRole(offered, answered)).toBe(role);
  });
});
