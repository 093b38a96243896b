import { existsSync } from 'node:fs';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  type AcceptHook,
  type ByteSink,
  FileSink,
  type IncomingOffer,
  MemorySink,
  type MsrpSession,
  type ReceiveOutcome,
  type SessionOptions,
  streamSink,
} from '../../msrp/index.ts';
import { deferred, endpoint, Mailbox, RawPeer } from './support.ts';

const PEER = 'msrp://127.0.0.1:9/peersession;tcp';

interface Setting {
  session: MsrpSession;
  peer: RawPeer;
  mailbox: Mailbox;
  port: number;
  /** A SEND of the peer. */
  send: (options: {
    tid: string;
    body?: string;
    flag?: string;
    range?: string | undefined;
    id?: string;
    extra?: string;
    type?: string | undefined;
  }) => string;
}

/** A session bound to a peer of which the test writes every byte. */
async function bound(options: Partial<SessionOptions> = {}): Promise<Setting> {
  const mailbox = new Mailbox();
  const own = endpoint();
  const listener = await own.listen({ host: '127.0.0.1' });
  const session = own.createSession({ listener, accept: mailbox.accept, ...options });
  const peer = await RawPeer.connect(listener.port);
  const send: Setting['send'] = ({
    tid,
    body,
    flag = '$',
    range = '1-*/*',
    id = 'message1',
    extra = '',
    type = 'text/plain',
  }) =>
    `MSRP ${tid} SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${PEER}\r\nMessage-ID: ${id}\r\n` +
    `Byte-Range: ${range}\r\n${extra}${body === undefined ? '' : `Content-Type: ${type}\r\n\r\n${body}\r\n`}-------${tid}${flag}\r\n`;
  peer.write(send({ tid: 'bindbind', range: '1-0/0', id: 'bind' }));
  await session.start({ remotePath: PEER, role: 'passive' });
  expect(await peer.frame()).toBe(
    `MSRP bindbind 200 OK\r\nTo-Path: ${PEER}\r\nFrom-Path: ${session.localPath}\r\n-------bindbind$\r\n`,
  );
  return { session, peer, mailbox, port: listener.port, send };
}

/** Accepts one message with the sink given. */
function accepting(sink: ByteSink, more: { size?: number; signal?: AbortSignal } = {}) {
  const ended = deferred<ReceiveOutcome>();
  const accept: AcceptHook = () => ({ sink, ended: ended.resolve, ...more });
  return { accept, outcome: ended.promise };
}

describe('receiving', () => {
  it('puts chunks together in any order', async () => {
    const { peer, mailbox, send } = await bound();
    peer.write(send({ tid: 'tid00003', body: 'GHI', range: '7-9/9' }));
    peer.write(send({ tid: 'tid00001', body: 'ABC', range: '1-3/9', flag: '+' }));
    peer.write(send({ tid: 'tid00002', body: 'DEF', range: '4-6/9', flag: '+' }));
    expect((await mailbox.next()).bytes.toString()).toBe('ABCDEFGHI');
    for (const tid of ['tid00003', 'tid00001', 'tid00002']) expect(await peer.frame()).toContain(`MSRP ${tid} 200`);
  });

  it('lets the chunk received last win where chunks overlap', async () => {
    const { peer, mailbox, send } = await bound();
    peer.write(send({ tid: 'tid00001', body: 'aaaaaa', range: '1-*/8', flag: '+' }));
    peer.write(send({ tid: 'tid00002', body: 'bbbbb', range: '4-*/8' }));
    expect((await mailbox.next()).bytes.toString()).toBe('aaabbbbb');
  });

  it('keeps that order even if the sink takes its time', async () => {
    const memory = new MemorySink(100);
    const first = deferred<void>();
    let writes = 0;
    const sink: ByteSink = {
      async write(data, position) {
        const copy = Buffer.from(data);
        if (writes++ === 0) await first.promise;
        memory.write(copy, position);
      },
      close: () => memory.close(),
      abort: () => memory.abort(),
    };
    const { accept, outcome } = accepting(sink);
    const { peer, send } = await bound({ accept });
    peer.write(send({ tid: 'tid00001', body: 'aaaaaa', range: '1-*/8', flag: '+' }));
    peer.write(send({ tid: 'tid00002', body: 'bbbbb', range: '4-*/8' }));
    peer.write(send({ tid: 'tid00003', id: 'ping' }));
    expect(await peer.frame()).toContain('MSRP tid00003 200');
    first.resolve();
    expect(await outcome).toEqual({ state: 'completed', size: 8 });
    expect(memory.text).toBe('aaabbbbb');
  });

  it('tells messages apart whose chunks come in turns', async () => {
    const { peer, mailbox, send } = await bound();
    peer.write(send({ tid: 'tid00001', body: 'one ', range: '1-*/*', flag: '+', id: 'first' }));
    peer.write(send({ tid: 'tid00002', body: 'zwei ', range: '1-*/*', flag: '+', id: 'second' }));
    peer.write(send({ tid: 'tid00003', body: 'more', range: '5-*/*', id: 'first' }));
    peer.write(send({ tid: 'tid00004', body: 'mehr', range: '6-*/*', id: 'second' }));
    expect((await mailbox.next()).bytes.toString()).toBe('one more');
    expect((await mailbox.next()).bytes.toString()).toBe('zwei mehr');
  });

  it.each(['1-3/3', '1-999/999', '1-*/*', '1-1/2', '1-*/4'])(
    'takes the length from the body and not from Byte-Range: %s',
    async (range) => {
      const { peer, mailbox, send } = await bound();
      peer.write(send({ tid: 'tid00001', body: 'ünïcödé ✓', range }));
      const received = await mailbox.next();
      expect(received.bytes.toString()).toBe('ünïcödé ✓');
      expect(received.outcome).toEqual({ state: 'completed', size: received.bytes.length });
    },
  );

  it('does without Byte-Range and Message-ID', async () => {
    const { peer, mailbox, session } = await bound();
    peer.write(
      `MSRP tid00001 SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${PEER}\r\nContent-Type: text/plain\r\n\r\nplain\r\n-------tid00001$\r\n`,
    );
    expect((await mailbox.next()).bytes.toString()).toBe('plain');
  });

  it('takes an end-line of another transaction for text', async () => {
    const { peer, mailbox, send } = await bound();
    const body = '-------tid00001X\r\n-------tid00002$\r\n-------tid00001';
    peer.write(send({ tid: 'tid00001', body }));
    expect((await mailbox.next()).bytes.toString()).toBe(body);
  });

  it('acknowledges what is no message, and delivers nothing', async () => {
    const { peer, mailbox, send } = await bound();
    peer.write('\r\n\r\n');
    peer.write(send({ tid: 'tid00001', range: '1-0/0', id: 'keep', extra: 'Keep-Alive: yes\r\n' }));
    peer.write(send({ tid: 'tid00002', body: 'HEARTBEAT', id: 'beat', type: 'text/x-msrp-heartbeat' }));
    peer.write(send({ tid: 'tid00003', range: '1-0/0', id: 'type', extra: 'Content-Type: text/plain\r\n' }));
    for (const tid of ['tid00001', 'tid00002', 'tid00003']) expect(await peer.frame()).toContain(`MSRP ${tid} 200`);
    expect(mailbox.count).toBe(0);
  });

  it('sends the response and the report in one piece', async () => {
    const { peer, send, session } = await bound();
    const pieces: string[] = [];
    peer.socket.on('data', (data: Buffer) => pieces.push(data.toString()));
    peer.write(send({ tid: 'tid00001', body: 'hello', range: '1-5/5', extra: 'Success-Report: yes\r\n' }));
    expect(await peer.frame()).toContain('MSRP tid00001 200 OK');
    const report = await peer.frame();
    expect(report).toMatch(/^MSRP \w{16} REPORT\r\n/);
    expect(report).toContain(
      `To-Path: ${PEER}\r\nFrom-Path: ${session.localPath}\r\nMessage-ID: message1\r\nByte-Range: 1-5/5\r\nStatus: 000 200 OK\r\n-------`,
    );
    expect(pieces).toHaveLength(1);
  });

  it('reports parts as often as the application wants', async () => {
    const memory = new MemorySink(100);
    const { peer, send } = await bound({ accept: () => ({ sink: memory, reportEvery: 4 }) });
    const extra = 'Success-Report: yes\r\nFailure-Report: no\r\n';
    peer.write(send({ tid: 'tid00001', body: 'abc', range: '1-*/9', flag: '+', extra }));
    peer.write(send({ tid: 'tid00002', body: 'def', range: '4-*/9', flag: '+', extra }));
    peer.write(send({ tid: 'tid00003', body: 'ghi', range: '7-*/9', extra }));
    expect(await peer.frame()).toContain('Byte-Range: 1-6/*');
    expect(await peer.frame()).toContain('Byte-Range: 1-9/9');
  });

  it.each([
    ['no', 200, false],
    ['partial', 200, false],
    ['yes', 200, true],
    ['no', 415, false],
    ['partial', 415, true],
    ['yes', 415, true],
  ] as const)('with Failure-Report %s a %i is answered: %s', async (failureReport, status, answered) => {
    const { peer, send } = await bound({
      accept: () => (status === 200 ? { sink: new MemorySink(100) } : { refuse: status }),
    });
    peer.write(send({ tid: 'tid00001', body: 'x', extra: `Failure-Report: ${failureReport}\r\n` }));
    if (answered) expect(await peer.frame()).toContain(`MSRP tid00001 ${status}`);
    // sent later, so that an answer to the first would have come before
    peer.write(send({ tid: 'tid00002', id: 'other', body: 'x' }));
    expect(await peer.frame()).toContain(`MSRP tid00002 ${status}`);
  });

  it('shows the accept hook every header before the body is there', async () => {
    const seen = deferred<IncomingOffer>();
    const { peer, send } = await bound({
      accept: (offer) => {
        seen.resolve(offer);
        return { refuse: 415 };
      },
    });
    const frame = send({
      tid: 'tid00001',
      body: '',
      range: '11-*/999',
      extra: 'Content-Disposition: attachment\r\nX-Other: ✓\r\n',
    });
    peer.write(frame.slice(0, frame.indexOf('\r\n\r\n') + 4));
    const offer = await seen.promise;
    expect(offer).toMatchObject({ messageId: 'message1', contentType: 'text/plain', start: 10, claimedSize: 999 });
    expect(offer.headers.get('content-disposition')).toBe('attachment');
    expect(offer.headers.get('x-other')).toBe('✓');
    // refused at once, although the message goes on
    expect(await peer.frame()).toContain('MSRP tid00001 415');
    peer.write(`never stored${frame.slice(frame.indexOf('\r\n\r\n') + 4)}`);
    peer.write(send({ tid: 'tid00002', body: 'the rest', range: '23-*/999' }));
    expect(await peer.frame()).toContain('MSRP tid00002 415');
  });

  it('waits for an accept hook that takes its time, and keeps the bytes until then', async () => {
    const decision = deferred<ByteSink>();
    const { peer, send } = await bound({ accept: async () => ({ sink: await decision.promise }) });
    peer.write(send({ tid: 'tid00001', body: 'abc', range: '1-*/6', flag: '+' }));
    peer.write(send({ tid: 'tid00002', body: 'def', range: '4-*/6' }));
    peer.write(send({ tid: 'tid00003', id: 'ping', range: '1-0/0' }));
    expect(await peer.frame()).toContain('MSRP tid00003 200');
    const memory = new MemorySink(100);
    decision.resolve(memory);
    expect(await peer.frame()).toContain('MSRP tid00001 200');
    expect(await peer.frame()).toContain('MSRP tid00002 200');
    expect(memory.text).toBe('abcdef');
  });

  it('stops at the size agreed beforehand, whatever the peer says, and writes nothing beyond', async () => {
    const memory = new MemorySink(100);
    let written = 0;
    const sink: ByteSink = {
      write(data, position) {
        written = Math.max(written, position + data.length);
        memory.write(data, position);
      },
      close: () => memory.close(),
      abort: () => Promise.resolve(),
    };
    const { accept, outcome } = accepting(sink, { size: 5 });
    const { peer, send } = await bound({ accept });
    peer.write(send({ tid: 'tid00001', body: 'abc', range: '1-3/9', flag: '+' }));
    expect(await peer.frame()).toContain('MSRP tid00001 200');
    peer.write(send({ tid: 'tid00002', body: 'defghi', range: '4-9/9' }));
    expect(await peer.frame()).toContain('MSRP tid00002 413');
    expect(await outcome).toMatchObject({
      state: 'failed',
      error: { code: 'too-big', status: 413 },
      received: [{ start: 0, end: 3 }],
    });
    expect(written).toBe(3);
    peer.write(send({ tid: 'tid00003', body: 'again', range: '1-*/9' }));
    expect(await peer.frame()).toContain('MSRP tid00003 413');
  });

  it('tells the application that the peer gave up, with what came', async () => {
    const { peer, mailbox, send } = await bound();
    peer.write(send({ tid: 'tid00001', body: 'abc', range: '1-*/9', flag: '+' }));
    peer.write(send({ tid: 'tid00002', body: 'de', range: '4-*/9', flag: '#' }));
    expect((await mailbox.next()).outcome).toEqual({ state: 'aborted', received: [{ start: 0, end: 5 }] });
  });

  it('tells the application of a lost connection, with what came', async () => {
    const { peer, mailbox, send, session } = await bound();
    const frame = send({ tid: 'tid00001', body: 'abcdef', range: '1-*/9' });
    peer.write(frame.slice(0, frame.indexOf('def')));
    peer.socket.end();
    expect((await mailbox.next()).outcome).toMatchObject({
      state: 'failed',
      error: { code: 'connection-lost', retryable: true },
      received: [{ start: 0, end: 3 }],
    });
    expect(session.state).toMatchObject({ name: 'closed', cause: { code: 'connection-lost' } });
  });

  it('goes on from what an earlier session brought', async () => {
    const memory = new MemorySink(100);
    memory.write(Buffer.from('abcd'), 0);
    const ended = deferred<ReceiveOutcome>();
    const { peer, send } = await bound({
      accept: () => ({ sink: memory, received: [{ start: 0, end: 4 }], ended: ended.resolve }),
    });
    peer.write(send({ tid: 'tid00001', body: 'ef', range: '5-6/6', extra: 'Success-Report: yes\r\n' }));
    expect(await ended.promise).toEqual({ state: 'completed', size: 6 });
    expect(memory.text).toBe('abcdef');
  });

  it('stops the peer when the application cancels', async () => {
    const controller = new AbortController();
    const { accept, outcome } = accepting(new MemorySink(100), { signal: controller.signal });
    const { peer, send } = await bound({ accept });
    peer.write(send({ tid: 'tid00001', body: 'abc', range: '1-*/9', flag: '+' }));
    expect(await peer.frame()).toContain('MSRP tid00001 200');
    controller.abort();
    expect(await outcome).toEqual({ state: 'cancelled', received: [{ start: 0, end: 3 }] });
    peer.write(send({ tid: 'tid00002', body: 'def', range: '4-*/9', flag: '+' }));
    expect(await peer.frame()).toContain('MSRP tid00002 413');
  });

  it.each([
    ['ENOSPC', 'disk-full'],
    ['EACCES', 'storage-denied'],
    ['EIO', 'storage-failed'],
  ])('tells both sides when storing fails with %s', async (system, code) => {
    const fault = Object.assign(new Error('fault'), { code: system });
    const aborted = deferred<Error>();
    const sink: ByteSink = {
      write: () => Promise.reject(fault),
      close: () => Promise.resolve(),
      abort: async (cause) => aborted.resolve(cause),
    };
    const { accept, outcome } = accepting(sink);
    const { peer, send } = await bound({ accept });
    peer.write(send({ tid: 'tid00001', body: 'abc' }));
    expect(await peer.frame()).toContain('MSRP tid00001 413');
    expect(await outcome).toMatchObject({ state: 'failed', error: { code, cause: fault } });
    expect(await aborted.promise).toMatchObject({ code });
  });

  it.runIf(existsSync('/dev/full'))('tells a full disk from other trouble', async () => {
    const ended = deferred<ReceiveOutcome>();
    const { peer, send } = await bound({
      accept: async () => ({ sink: await FileSink.open('/dev/full'), ended: ended.resolve }),
    });
    peer.write(send({ tid: 'tid00001', body: 'abc' }));
    expect(await peer.frame()).toContain('MSRP tid00001 413');
    expect(await ended.promise).toMatchObject({ state: 'failed', error: { code: 'disk-full', retryable: true } });
  });

  it('does not confirm a message whose sink cannot be closed', async () => {
    const sink: ByteSink = {
      write: () => undefined,
      close: () => Promise.reject(new Error('fault')),
      abort: () => Promise.resolve(),
    };
    const { accept, outcome } = accepting(sink);
    const { peer, send } = await bound({ accept });
    peer.write(send({ tid: 'tid00001', body: 'abc' }));
    expect(await peer.frame()).toContain('MSRP tid00001 413');
    expect(await outcome).toMatchObject({ state: 'failed', error: { code: 'storage-failed' } });
  });

  it('hands a message on to a stream, which has to take it in order', async () => {
    const taken: Buffer[] = [];
    const slow = new Writable({
      highWaterMark: 4,
      write(chunk: Buffer, _encoding, callback) {
        taken.push(chunk);
        setImmediate(callback);
      },
    });
    const first = accepting(streamSink(slow));
    const { peer, send } = await bound({ accept: first.accept });
    for (let i = 0; i < 5; i++) {
      peer.write(send({ tid: `tid${i}xxxx`, body: 'abcdefgh', range: `${i * 8 + 1}-*/40`, flag: i === 4 ? '$' : '+' }));
    }
    expect(await first.outcome).toEqual({ state: 'completed', size: 40 });
    expect(Buffer.concat(taken).toString()).toBe('abcdefgh'.repeat(5));
    const second = accepting(streamSink(new Writable({ write: (_chunk, _encoding, callback) => callback() })));
    const other = await bound({ accept: second.accept });
    other.peer.write(other.send({ tid: 'tid00001', body: 'late', range: '5-8/8' }));
    expect(await other.peer.frame()).toContain('MSRP tid00001 413');
    expect(await second.outcome).toMatchObject({ state: 'failed', error: { code: 'storage-failed' } });
  });

  it('tells both sides when a stream breaks', async () => {
    const broken = new Writable({ write: (_chunk, _encoding, callback) => callback(new Error('fault')) });
    const { accept, outcome } = accepting(streamSink(broken));
    const { peer, send } = await bound({ accept });
    peer.write(send({ tid: 'tid00001', body: 'abc' }));
    expect(await peer.frame()).toContain('MSRP tid00001 413');
    expect(await outcome).toMatchObject({ state: 'failed', error: { code: 'storage-failed' } });
  });

  it('acknowledges a duplicate and does not deliver it again', async () => {
    const { peer, mailbox, send } = await bound();
    peer.write(send({ tid: 'tid00001', body: 'once' }));
    expect((await mailbox.next()).bytes.toString()).toBe('once');
    expect(await peer.frame()).toContain('MSRP tid00001 200');
    peer.write(send({ tid: 'tid00002', body: 'once', extra: 'Success-Report: yes\r\n' }));
    expect(await peer.frame()).toContain('MSRP tid00002 200');
    expect(await peer.frame()).toContain('REPORT');
    expect(mailbox.count).toBe(0);
  });

  it('refuses a message whose chunks leave too many holes', async () => {
    const { accept, outcome } = accepting(new MemorySink(100_000));
    const { peer, send } = await bound({ accept });
    for (let i = 0; i < 5000; i++) {
      peer.write(
        send({ tid: `tid${i}x`, body: 'a', range: `${i * 2 + 1}-*/*`, flag: '+', extra: 'Failure-Report: no\r\n' }),
      );
    }
    expect(await outcome).toMatchObject({ state: 'failed', error: { code: 'too-many-gaps' } });
  });

  it('keeps a limited number of incomplete messages', async () => {
    const { peer, send } = await bound();
    for (let i = 0; i < 65; i++) peer.write(send({ tid: `tid${i}xxx`, body: 'a', flag: '+', id: `message${i}` }));
    for (let i = 0; i < 64; i++) expect(await peer.frame()).toContain(`MSRP tid${i}xxx 200`);
    expect(await peer.frame()).toContain('MSRP tid64xxx 413');
  });

  it('stops reading while the sink cannot keep up', async () => {
    const go = deferred<void>();
    let taken = 0;
    const ended = deferred<ReceiveOutcome>();
    const sink: ByteSink = {
      async write(data) {
        taken += data.length;
        await go.promise;
      },
      close: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    };
    const { peer, send } = await bound({ accept: () => ({ sink, ended: ended.resolve }) });
    const body = 'x'.repeat(32 * 1024 * 1024);
    peer.write(send({ tid: 'tid00001', body }));
    // once nothing moves any more, all that is on its way is in buffers of the system
    let before = -1;
    while (before !== taken || taken === 0) {
      before = taken;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeLessThan(4 * 1024 * 1024);
    go.resolve();
    expect(await ended.promise).toEqual({ state: 'completed', size: body.length });
  });
});

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
