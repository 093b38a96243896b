import { describe, expect, it } from 'vitest';
import { bound, PEER } from '../support/receiving-session.ts';
import { endpoint, RawPeer } from '../support/support.ts';

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
