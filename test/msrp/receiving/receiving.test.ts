import { describe, expect, it } from 'vitest';
import { type ByteSink, type IncomingOffer, MemorySink, type ReceiveOutcome } from '../../../msrp/index.ts';
import { accepting, bound, PEER } from '../support/receiving-session.ts';
import { deferred } from '../support/support.ts';
import { TestClock } from '../support/test-clock.ts';

describe('receiving', () => {
  it('puts chunks together in any order', async () => {
    const { peer, mailbox, send } = await bound();
    peer.write(send({ tid: 'tid00003', body: 'GHI', range: '7-9/9' }));
    peer.write(send({ tid: 'tid00001', body: 'ABC', range: '1-3/9', flag: '+' }));
    peer.write(send({ tid: 'tid00002', body: 'DEF', range: '4-6/9', flag: '+' }));
    expect((await mailbox.next()).bytes.toString()).toBe('ABCDEFGHI');
    // the one that said it was the last is confirmed when it is
    for (const tid of ['tid00001', 'tid00002', 'tid00003']) expect(await peer.frame()).toContain(`MSRP ${tid} 200`);
  });

  it('never confirms a message whose beginning does not come, and says so before the peer gives up', async () => {
    const clock = new TestClock();
    const { accept, outcome } = accepting(new MemorySink(100));
    const { peer, send } = await bound({ accept }, { clock });
    peer.write(send({ tid: 'tid00001', body: 'EFGH', range: '5-8/8' }));
    peer.write(send({ tid: 'tid00002', id: 'ping' }));
    expect(await peer.frame()).toContain('MSRP tid00002 200');
    clock.advance(29_000);
    expect(await peer.frame()).toContain('MSRP tid00001 400');
    expect(await outcome).toMatchObject({ state: 'failed', error: { code: 'malformed-frame' } });
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
});
