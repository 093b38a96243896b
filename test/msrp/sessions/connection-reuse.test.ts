import { describe, expect, it } from 'vitest';
import { fingerprintOf, type MsrpSession } from '../../../msrp/index.ts';
import { makeIdentity } from '../support/identity.ts';
import { endpoint, Mailbox, type RawPeer, rawServer } from '../support/support.ts';

/** Answers the request that binds `session`; gives back the frame. */
async function answerBind(peer: RawPeer, session: MsrpSession): Promise<string> {
  const bind = await peer.frame();
  const tid = bind.slice(5, 21);
  const [, peerPath = ''] = /To-Path: (.*)\r\n/.exec(bind) ?? [];
  peer.write(`MSRP ${tid} 200 OK\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${peerPath}\r\n-------${tid}$\r\n`);
  return bind;
}

describe('a connection that is used again', () => {
  it('is left for a fresh one when the peer closes it while the session is being bound', async () => {
    const server = await rawServer();
    const own = endpoint();
    const open = () => own.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const path = (id: string) => `msrp://127.0.0.1:${server.port}/${id};tcp`;
    const first = open();
    const starting = first.start({ remotePath: path('first'), role: 'active' });
    const old = await server.peer();
    await answerBind(old, first);
    await starting;
    const second = open();
    const states: string[] = [];
    second.onStateChange(({ name }) => states.push(name));
    const message = second.send({ contentType: 'text/plain', body: 'only once' });
    const again = second.start({ remotePath: path('second'), role: 'active' });
    // the request is on its way, and nobody will ever answer it
    const lost = await old.frame();
    expect(lost).toContain('/second;tcp\r\n');
    old.socket.end();
    const fresh = await server.peer();
    const bind = await answerBind(fresh, second);
    expect(bind).toContain('/second;tcp\r\n');
    await again;
    const frame = await fresh.frame();
    expect(frame).toContain('only once');
    const tid = frame.slice(5, 21);
    fresh.write(
      `MSRP ${tid} 200 OK\r\nTo-Path: ${second.localPath}\r\nFrom-Path: ${path('second')}\r\n-------${tid}$\r\n`,
    );
    expect(await message.sent).toEqual({ state: 'sent' });
    expect(states).toEqual(['connecting', 'bound']);
    // the session that lived there is lost with it, and says so
    expect(first.state).toMatchObject({ name: 'closed', cause: { code: 'connection-lost' } });
    await second.close();
    expect(await fresh.closed()).toBe('');
  });

  it('is not left when it was made for this very session', async () => {
    const server = await rawServer();
    const session = endpoint().createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const starting = session.start({ remotePath: `msrp://127.0.0.1:${server.port}/x;tcp`, role: 'active' });
    const peer = await server.peer();
    await peer.frame();
    peer.socket.end();
    await expect(starting).rejects.toMatchObject({ code: 'connection-lost' });
  });

  it('carries every message once, whenever the other sessions leave it', async () => {
    const far = endpoint();
    const near = endpoint();
    const listener = await far.listen({ host: '127.0.0.1' });
    const open = async (mailbox: Mailbox) => {
      const passive = far.createSession({ listener, accept: mailbox.accept });
      const active = near.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
      const waiting = passive.start({ remotePath: active.localPath, role: 'passive' });
      return { passive, active, waiting };
    };
    let before: MsrpSession | undefined;
    for (let i = 0; i < 120; i++) {
      const mailbox = new Mailbox();
      const { passive, active, waiting } = await open(mailbox);
      const leaving = before;
      const leave = async () => {
        for (let turn = 0; turn < i % 12; turn++) await new Promise((resolve) => setImmediate(resolve));
        leaving?.abort();
      };
      const message = active.send({ contentType: 'text/plain', body: `message ${i}` });
      await Promise.all([leave(), active.start({ remotePath: passive.localPath, role: 'active' }), waiting]);
      expect(await message.sent).toEqual({ state: 'sent' });
      expect((await mailbox.next()).bytes.toString()).toBe(`message ${i}`);
      expect(mailbox.count).toBe(0);
      // either side may be the one that leaves
      before = i % 2 === 0 ? passive : active;
    }
    before?.abort();
  });

  it('is one for all sessions that start at the same time', async () => {
    const far = endpoint();
    const near = endpoint();
    const listener = await far.listen({ host: '127.0.0.1' });
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const passive = far.createSession({ listener, accept: new Mailbox().accept });
        const active = near.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
        await Promise.all([
          passive.start({ role: 'passive' }),
          active.start({ remotePath: passive.localPath, role: 'active' }),
        ]);
      }),
    );
    expect(near.connectionCount).toBe(1);
  });

  it('by fingerprint is none for a session that trusts authorities', async () => {
    const identity = await makeIdentity();
    const far = endpoint();
    const near = endpoint();
    const listener = await far.listen({ host: '127.0.0.1', tls: identity });
    const passive = far.createSession({ listener, accept: new Mailbox().accept });
    const open = () => near.createSession({ host: '127.0.0.1', secure: true, accept: new Mailbox().accept });
    const fingerprints = [fingerprintOf(identity.cert)];
    await Promise.all([
      passive.start({ role: 'passive' }),
      open().start({ remotePath: passive.localPath, role: 'active', fingerprints }),
    ]);
    const other = far.createSession({ listener, accept: new Mailbox().accept });
    const trusting = open().start({ remotePath: other.localPath, role: 'active' });
    await expect(trusting).rejects.toMatchObject({ code: 'tls-untrusted' });
  });

  it('is given up at once when starting is called off', async () => {
    const server = await rawServer();
    const session = endpoint().createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const controller = new AbortController();
    const remotePath = `msrp://127.0.0.1:${server.port}/x;tcp`;
    const starting = session.start({ remotePath, role: 'active', signal: controller.signal });
    const peer = await server.peer();
    // connected, and waiting for the answer to the request that binds
    await peer.frame();
    controller.abort();
    await expect(starting).rejects.toMatchObject({ code: 'aborted' });
    await peer.closed();
  });
});
