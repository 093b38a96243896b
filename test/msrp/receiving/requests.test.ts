import { describe, expect, it } from 'vitest';
import type { RequestAnswer, RequestBody } from '../../../msrp/index.ts';
import { bound, PEER } from '../support/receiving-session.ts';
import { deferred, endpoint, pair, RawPeer } from '../support/support.ts';

describe('requests that are not for a session', () => {
  it('get 481 for an unknown or a wrong session', async () => {
    const { peer, session, send } = await bound();
    const wrong = session.localPath.replace(session.id, `${session.id.slice(0, -1)}?`.replace('?', 'Z'));
    peer.write(send({ tid: 'tid00001', body: 'x' }).replace(session.localPath, wrong));
    expect(await peer.frame()).toBe(
      `MSRP tid00001 481 No Such Session\r\nTo-Path: ${PEER}\r\nFrom-Path: ${wrong}\r\n-------tid00001$\r\n`,
    );
    peer.write(send({ tid: 'tid00002', body: 'x' }).replace(session.id, session.id.toUpperCase()));
    expect(await peer.frame()).toContain('MSRP tid00002 481');
    peer.write(send({ tid: 'tid00003', body: 'x' }).replace(PEER, PEER.replace('peersession', 'other')));
    expect(await peer.frame()).toContain('MSRP tid00003 481');
    peer.write(send({ tid: 'tid00004', body: 'x' }).replace('msrp://127.0.0.1', 'MSRP://127.0.0.1'));
    expect(await peer.frame()).toContain('MSRP tid00004 200');
  });

  it('get 506 when the session lives on another connection', async () => {
    const { send, port, peer } = await bound();
    const second = await RawPeer.connect(port);
    second.write(send({ tid: 'tid00001', body: 'x' }));
    expect(await second.frame()).toContain('MSRP tid00001 506');
    peer.write(send({ tid: 'tid00002', body: 'x' }));
    expect(await peer.frame()).toContain('MSRP tid00002 200');
  });

  it('get 501 for unknown methods, and no answer to a REPORT', async () => {
    const { peer, send } = await bound();
    peer.write(send({ tid: 'tid00001', range: '1-0/0', id: 'x' }).replace(' SEND', ' REPORT'));
    peer.write(send({ tid: 'tid00002', range: '1-0/0', id: 'x' }).replace(' SEND', ' FILE_OFFSET'));
    expect(await peer.frame()).toContain('MSRP tid00002 501');
  });

  it('get 400 for paths and ranges nobody understands', async () => {
    const { peer, send, session } = await bound();
    peer.write(send({ tid: 'tid00001', body: 'x' }).replace(session.localPath, 'sip:bob@example.org'));
    expect(await peer.frame()).toContain('MSRP tid00001 400');
    peer.write(send({ tid: 'tid00002', body: 'x', range: '0-1/1' }));
    expect(await peer.frame()).toContain('MSRP tid00002 400');
    peer.write(send({ tid: 'tid00003', body: 'x', range: '1-99999999999999999/*' }));
    expect(await peer.frame()).toContain('MSRP tid00003 400');
  });

  it('are not answered when they do not say where to', async () => {
    const { peer, send, session } = await bound();
    for (const path of [`To-Path: ${session.localPath}\r\n`, `From-Path: ${PEER}\r\n`]) {
      peer.write(send({ tid: 'tid00001', body: 'x' }).replace(path, ''));
    }
    peer.write(send({ tid: 'tid00002', body: 'x' }));
    expect(await peer.frame()).toContain('MSRP tid00002 200');
  });

  it('close the connection when they are no MSRP', async () => {
    const { peer, session } = await bound();
    peer.write('GET / HTTP/1.1\r\n\r\n');
    await peer.closed();
    expect(session.state).toMatchObject({ name: 'closed', cause: { code: 'malformed-frame' } });
  });

  it('with a large body and another method than SEND end the connection', async () => {
    const { peer, send, session } = await bound({ request: () => ({ status: 200 }) });
    peer.write(send({ tid: 'tid00001', body: 'x'.repeat(10_241) }).replace(' SEND', ' OTHER'));
    await peer.closed();
    expect(session.state).toMatchObject({ name: 'closed', cause: { code: 'body-too-long' } });
  });

  it('are answered by the application where it wants to', async () => {
    const { peer, send } = await bound({
      request: (head) =>
        head.method === 'FILE_OFFSET' ? { status: 200, comment: 'Fine', fields: [['Offset', '42']] } : undefined,
    });
    peer.write(send({ tid: 'tid00001', range: '1-0/0', id: 'x' }).replace(' SEND', ' FILE_OFFSET'));
    const answer = await peer.frame();
    expect(answer).toContain('MSRP tid00001 200 Fine\r\n');
    expect(answer).toContain('\r\nOffset: 42\r\n-------');
  });

  it('are given to the application with their bodies, and may be answered later', async () => {
    const seen: string[] = [];
    const answer = deferred<RequestAnswer>();
    const { active } = await pair({
      passive: {
        request: async ({ method, headers }, body) => {
          seen.push(`${method} ${headers.get('Content-Type')} ${Buffer.from(body).toString()}`);
          return await answer.promise;
        },
      },
    });
    const response = active.request('OTHER', [['X-One', 'a']], { contentType: 'text/plain', text: 'reunião\r\n' });
    // nothing waits for it
    await active.send({ contentType: 'text/plain', body: 'meanwhile' }).sent;
    answer.resolve({ status: 403 });
    expect((await response).status).toBe(403);
    expect(seen).toEqual(['OTHER text/plain reunião\r\n']);
  });

  it('are no harm to others when the application fails at them', async () => {
    const handlers = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const faults: string[] = [];
    process.on('uncaughtException', ({ message }) => faults.push(message));
    try {
      const { peer, send } = await bound({
        request: ({ method }) => {
          if (method === 'THROWS') throw new Error('bug');
          return { status: 200, fields: [['X', 'a\r\nb']] };
        },
      });
      for (const [tid, method] of [
        ['tid00001', 'THROWS'],
        ['tid00002', 'INJECTS'],
      ] as const) {
        peer.write(send({ tid, range: '1-0/0', id: 'x' }).replace(' SEND', ` ${method}`));
        expect(await peer.frame()).toContain(`MSRP ${tid} 501`);
      }
      expect(faults).toEqual(['bug', 'A control character in the value of X']);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const handler of handlers) process.on('uncaughtException', handler);
    }
  });

  it.each([
    ['invalid-option', 'lower', [], undefined],
    ['invalid-option', 'OTHER\r\nX: y', [], undefined],
    ['invalid-header', 'OTHER', [['to-path', 'msrp://a/b;tcp']], undefined],
    ['invalid-header', 'OTHER', [['X', 'a\r\nb']], undefined],
    ['invalid-option', 'OTHER', [], { contentType: 'text/plain', text: 'é'.repeat(5121) }],
  ] as [string, string, [string, string][], RequestBody | undefined][])(
    'are refused with %s when they cannot be written: %j',
    async (code, method, fields, body) => {
      const { active } = await pair();
      await expect(active.request(method, fields, body)).rejects.toMatchObject({ code });
    },
  );

  it('cost a guesser of session ids the connection', async () => {
    const own = endpoint();
    const listener = await own.listen({ host: '127.0.0.1' });
    const peer = await RawPeer.connect(listener.port);
    for (let i = 0; i < 40; i++) {
      peer.write(
        `MSRP tid${i}xxx SEND\r\nTo-Path: msrp://127.0.0.1:${listener.port}/guess${i};tcp\r\nFrom-Path: ${PEER}\r\n-------tid${i}xxx$\r\n`,
      );
    }
    expect(await peer.closed()).toContain('481');
  });
});
