import { describe, expect, it } from 'vitest';
import type { SendProgress } from '../../../msrp/index.ts';
import { bound } from '../support/sending-session.ts';
import { endpoint, Mailbox, rawServer } from '../support/support.ts';
import { TestClock } from '../support/test-clock.ts';

const text = { contentType: 'text/plain; charset=utf-8' };

describe('sending', () => {
  it('writes a small message as one frame with its exact range, Content-Type last', async () => {
    const { session, peer, peerPath, answer } = await bound();
    const message = session.send({
      ...text,
      body: 'reunião',
      successReport: true,
      fields: [['Content-Disposition', 'render']],
    });
    const frame = await peer.frame();
    const tid = frame.slice(5, 21);
    expect(Buffer.from(frame, 'latin1').toString()).toBe(
      `MSRP ${tid} SEND\r\nTo-Path: ${peerPath}\r\nFrom-Path: ${session.localPath}\r\nMessage-ID: ${message.messageId}\r\n` +
        'Byte-Range: 1-8/8\r\nSuccess-Report: yes\r\nContent-Disposition: render\r\n' +
        `Content-Type: text/plain; charset=utf-8\r\n\r\nreunião\r\n-------${tid}$\r\n`,
    );
    answer(frame, 200, '');
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('makes a large message one interruptible chunk', async () => {
    const { session, peer } = await bound();
    session.send({ ...text, body: 'x'.repeat(100_000) });
    const frame = await peer.frame();
    expect(frame).toContain('\r\nByte-Range: 1-*/100000\r\n');
    expect(frame.endsWith('$\r\n')).toBe(true);
  });

  it('cuts the running chunk for a response, and goes on behind it', async () => {
    const { session, peer, peerPath, answer } = await bound();
    session.send({ ...text, body: '~'.repeat(30_000_000) });
    await peer.read(/Byte-Range: 1-\*\/30000000\r\n/);
    peer.write(
      `MSRP pingping SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${peerPath}\r\nMessage-ID: ping\r\n-------pingping$\r\n`,
    );
    const [, tid] = await peer.read(/~\r\n-------(\w{16})\+\r\nMSRP pingping 200 OK\r\n/);
    answer(`MSRP ${tid} SEND`);
    const [, next] = await peer.read(/MSRP \w{16} SEND\r\n[^~]*?Byte-Range: (\d+)-\*\/30000000\r\n/);
    expect(Number(next)).toBeGreaterThan(2048);
    await peer.read(/-------\w{16}\$\r\n$/);
  });

  it.each([
    [2048, '1-2048/5000'],
    [4096, '1-*/5000'],
    ['relay', '1-5000/5000'],
  ] as const)('keeps to chunks of %s and says %s', async (chunking, range) => {
    const { session, peer, answer } = await bound({ chunking });
    const body = 'x'.repeat(5000);
    const message = session.send({ ...text, body });
    let got = 0;
    for (let first = true; got < body.length; first = false) {
      const frame = await peer.frame();
      // what need not be interrupted tells its end
      if (first) expect(frame).toContain(chunking === 'relay' ? 'Byte-Range: 1-*/5000' : `Byte-Range: ${range}`);
      got += frame.split('\r\n\r\n')[1]?.indexOf('\r\n') ?? 0;
      answer(frame);
    }
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('holds back what the far end has not reported, whatever the next hop confirms, for as long as it is told to', async () => {
    const { session, peer, peerPath, answer } = await bound();
    const message = session.send({
      ...text,
      body: '~'.repeat(10_000),
      chunking: 2048,
      successReport: true,
      unreported: 4096,
    });
    const request = (method: string, headers: string): void =>
      peer.write(
        `MSRP requests ${method}\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${peerPath}\r\nMessage-ID: ${headers}\r\n-------requests$\r\n`,
      );
    /** What comes before the answer to a request of ours. */
    const meanwhile = async (): Promise<string> => {
      request('SEND', 'ping');
      return (await peer.read(/^([\s\S]*?)MSRP requests 200 OK\r\n[\s\S]*?\$\r\n/))[1] ?? '';
    };
    answer(await peer.frame());
    answer(await peer.frame());
    expect(await meanwhile()).toBe('');
    request('REPORT', `${message.messageId}\r\nByte-Range: 1-2048/10000\r\nStatus: 000 200 OK`);
    const third = await peer.frame();
    expect(third).toContain('Byte-Range: 4097-6144/10000');
    answer(third);
    expect(await meanwhile()).toBe('');
    message.allowUnreported(Number.POSITIVE_INFINITY);
    expect(await peer.frame()).toContain('Byte-Range: 6145-8192/10000');
    expect(await peer.frame()).toContain('Byte-Range: 8193-10000/10000');
  });

  it('never lets the end-line occur in a body', async () => {
    // identifiers that the test can foresee
    let next = 0;
    const random = (target: Uint8Array) => target.fill(next++ % 2);
    const clock = new TestClock();
    const server = await rawServer();
    const session = endpoint({ clock, random }).createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const started = session.start({ remotePath: `msrp://127.0.0.1:${server.port}/peersession;tcp`, role: 'active' });
    const peer = await server.peer();
    const bind = await peer.frame();
    peer.write(
      `MSRP ${bind.slice(5, 21)} 200 OK\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${session.localPath}\r\n-------${bind.slice(5, 21)}$\r\n`,
    );
    await started;
    const body = `before-------${'a'.repeat(16)}$\r\nafter`;
    session.send({ ...text, body, failureReport: 'no' });
    const first = await peer.frame();
    expect(first.split('\r\n\r\n')[1]).toBe(`before-\r\n-------${'a'.repeat(16)}+\r\n`);
    const second = await peer.read(/^MSRP (\S+) SEND\r\n[\s\S]*?\r\n\r\n([\s\S]*)\r\n-------\1\$\r\n$/);
    expect(`before-${second[2]}`).toBe(body);
  });

  it('holds back what is not confirmed, up to the window', async () => {
    const { session, peer, answer } = await bound({ chunking: 1000, window: 3000 });
    const message = session.send({ ...text, body: 'x'.repeat(10_000) });
    const frames = [await peer.frame(), await peer.frame(), await peer.frame()];
    expect(message.progress.handed).toBe(3000);
    for (const frame of frames) answer(frame);
    for (let i = 0; i < 7; i++) answer(await peer.frame());
    expect(await message.sent).toEqual({ state: 'sent' });
    expect(message.progress).toMatchObject({ handed: 10_000, confirmed: 10_000, total: 10_000 });
  });

  it('holds back all messages of the session together', async () => {
    const { session, peer, answer } = await bound({ chunking: 1000, window: 2000 });
    const messages = ['a', 'b', 'c'].map((letter) => session.send({ ...text, body: letter.repeat(3000) }));
    const frames = [await peer.frame(), await peer.frame()];
    const flying = () => messages.reduce((sum, { progress }) => sum + progress.handed - progress.confirmed, 0);
    expect(flying()).toBe(2000);
    for (let sent = 2; sent < 9; sent++) {
      const oldest = frames.shift();
      if (oldest !== undefined) answer(oldest);
      frames.push(await peer.frame());
      expect(flying()).toBeLessThanOrEqual(2000);
    }
    for (const frame of frames) answer(frame);
    for (const message of messages) expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('has room again for what is left when a message is given up', async () => {
    const { session, peer } = await bound({ chunking: 1000, window: 1000 });
    const first = session.send({ ...text, body: 'x'.repeat(3000) });
    await peer.frame();
    const second = session.send({ ...text, body: 'second '.repeat(200) });
    first.abort();
    expect(await peer.frame()).toMatch(/#\r\n$/);
    expect(await peer.frame()).toContain('second');
    second.abort();
  });

  it('fails when no response comes within 30 seconds of the last byte', async () => {
    const { session, peer, clock } = await bound();
    const message = session.send({ ...text, body: 'x' });
    await peer.frame();
    clock.advance(29_999);
    const late = session.send({ ...text, body: 'y' });
    await peer.frame();
    clock.advance(1);
    expect(await message.sent).toMatchObject({ state: 'failed', error: { code: 'transaction-timeout', status: 408 } });
    expect(late.progress.confirmed).toBe(0);
    clock.advance(29_999);
    expect(await late.sent).toMatchObject({ state: 'failed', error: { code: 'transaction-timeout' } });
  });

  it.each(['no', 'partial'] as const)('does not wait for responses with Failure-Report %s', async (failureReport) => {
    const { session, peer } = await bound();
    const message = session.send({ ...text, body: 'x', failureReport });
    expect(await peer.frame()).toContain(`\r\nFailure-Report: ${failureReport}\r\n`);
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('stops with # when the peer refuses in the middle, and sends no more of it', async () => {
    const { session, peer, answer } = await bound();
    const message = session.send({ ...text, body: '~'.repeat(30_000_000) });
    const [head] = await peer.read(/MSRP \w{16} SEND[\s\S]*?\r\n\r\n/);
    answer(head, 413, ' Stop');
    expect(await message.sent).toEqual({ state: 'refused', status: 413, comment: 'Stop', confirmed: [] });
    await peer.read(/~\r\n-------\w{16}#\r\n$/);
    const other = session.send({ ...text, body: 'still there' });
    expect(await peer.frame()).toContain('still there');
    other.abort();
  });

  it('tells which bytes were confirmed before a refusal', async () => {
    const { session, peer, answer } = await bound({ chunking: 1000, window: 1000 });
    const message = session.send({ ...text, body: 'x'.repeat(10_000) });
    answer(await peer.frame());
    answer(await peer.frame(), 413);
    expect(await message.sent).toMatchObject({ state: 'refused', status: 413, confirmed: [{ start: 0, end: 1000 }] });
    // nothing was open, so an empty chunk says that it is over
    expect(await peer.frame()).toMatch(/Byte-Range: 2001-\*\/10000[\s\S]*\r\n\r\n\r\n-------\w{16}#\r\n$/);
  });

  it('gives up with # when the application aborts, by handle or by signal', async () => {
    const { session, peer, answer } = await bound({ chunking: 1000, window: 1000 });
    const message = session.send({ ...text, body: 'x'.repeat(10_000) });
    answer(await peer.frame());
    await peer.frame();
    message.abort();
    expect(await peer.frame()).toMatch(/#\r\n$/);
    expect(await message.sent).toEqual({ state: 'aborted', confirmed: [{ start: 0, end: 1000 }] });
    const controller = new AbortController();
    const other = session.send({ ...text, body: 'x'.repeat(10_000), signal: controller.signal });
    await peer.frame();
    controller.abort();
    expect(await other.sent).toEqual({ state: 'aborted', confirmed: [] });
  });

  it('pauses and goes on in another chunk', async () => {
    const { session, peer, answer } = await bound({ chunking: 1000, window: 1000 });
    const message = session.send({ ...text, body: 'x'.repeat(2000) });
    const first = await peer.frame();
    message.pause();
    answer(first);
    const ping = session.request('SEND', [['Message-ID', 'ping']]);
    const frame = await peer.frame();
    expect(frame).toContain('Message-ID: ping');
    answer(frame);
    await ping;
    message.resume();
    answer(await peer.frame());
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('begins where the peer wants to have it, under the old Message-ID', async () => {
    const { session, peer, answer } = await bound();
    const message = session.send({ ...text, body: 'abcdef', start: 4, messageId: 'from-before' });
    const frame = await peer.frame();
    expect(frame).toContain('Message-ID: from-before\r\nByte-Range: 5-6/6\r\n');
    expect(frame).toContain('\r\n\r\nef\r\n');
    answer(frame);
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('collects reports as ranges until the whole message is covered', async () => {
    const { session, peer, answer, report } = await bound({ chunking: 1000 });
    const message = session.send({ ...text, body: 'x'.repeat(2000), successReport: true });
    answer(await peer.frame());
    answer(await peer.frame());
    report(message.messageId, '200 OK', '1001-2000/2000');
    expect(await message.sent).toEqual({ state: 'sent' });
    report(message.messageId, '200', '1-1000/2000');
    expect(await message.delivered).toEqual({ state: 'delivered' });
  });

  it('believes a report of the whole although the peer counts characters', async () => {
    const { session, peer, answer, report } = await bound();
    const message = session.send({ ...text, body: 'reunião', successReport: true });
    answer(await peer.frame());
    report(message.messageId, '200 OK', '1-7/7');
    expect(await message.delivered).toEqual({ state: 'delivered' });
  });

  it('hears of a failure by report', async () => {
    const { session, peer, answer, report } = await bound();
    const message = session.send({ ...text, body: 'hello', successReport: true });
    answer(await peer.frame());
    expect(await message.sent).toEqual({ state: 'sent' });
    report(message.messageId, '400 CPIM Parser Error', '1-5/5');
    expect(await message.delivered).toEqual({ state: 'refused', status: 400, comment: 'CPIM Parser Error' });
  });

  it('ignores reports and responses that belong to nothing', async () => {
    const { session, peer, answer, report } = await bound();
    report('nobody', '200 OK', '1-5/5');
    report('nobody', 'nonsense', 'nonsense');
    answer('MSRP strange1 SEND');
    const message = session.send({ ...text, body: 'x', successReport: true });
    const frame = await peer.frame();
    report(message.messageId, 'nonsense', '1-1/1');
    answer(frame);
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('ends the session when the peer does not know it any more', async () => {
    const { session, peer, answer } = await bound();
    const message = session.send({ ...text, body: 'x' });
    answer(await peer.frame(), 481);
    expect(await message.sent).toMatchObject({ state: 'refused', status: 481 });
    expect(session.state).toMatchObject({ name: 'closed', cause: { code: 'refused', status: 481 } });
  });

  it('says what was confirmed when the connection is lost', async () => {
    const { session, peer, answer } = await bound({ chunking: 1000, window: 1000 });
    const message = session.send({ ...text, body: 'x'.repeat(10_000), successReport: true });
    answer(await peer.frame());
    await peer.frame();
    peer.socket.destroy();
    expect(await message.sent).toMatchObject({
      state: 'failed',
      error: { code: 'connection-lost', retryable: true },
      confirmed: [{ start: 0, end: 1000 }],
    });
    expect(await message.delivered).toEqual({ state: 'unknown', reported: [] });
  });

  it('tells progress in steps, and the end of it', async () => {
    const { session, peer, answer } = await bound({ chunking: 1000, window: 1000 });
    const message = session.send({ ...text, body: 'x'.repeat(5500), progressEvery: 2000 });
    const told: SendProgress[] = [];
    message.onProgress((progress) => told.push(progress));
    for (let i = 0; i < 6; i++) answer(await peer.frame());
    await message.sent;
    expect(told.map(({ handed }) => handed)).toEqual([2000, 4000, 5500]);
  });

  it.each([
    ['invalid-header', { body: 'x', contentType: 'text/plain\r\nX: y' }],
    ['invalid-header', { body: 'x', contentType: 'text/plain', fields: [['X: y', 'z']] as const }],
    ['invalid-option', { body: 'x', contentType: 'text/plain', chunking: 0 }],
    ['invalid-option', { body: 'x', contentType: 'text/plain', start: 2 }],
    ['invalid-option', { body: 'x', contentType: 'text/plain', messageId: 'id\r\nX-Header: y' }],
    ['invalid-option', { body: 'x', contentType: 'text/plain', messageId: 'abc' }],
    ['invalid-header', { body: 'x', contentType: 'text/plain', fields: [['byte-range', '1-1/1']] as const }],
  ])('refuses with %s what cannot be sent', async (code, options) => {
    const { session } = await bound();
    expect(() => session.send(options)).toThrow(expect.objectContaining({ code }));
  });

  it('drains before it closes', async () => {
    const { session, peer, answer } = await bound({ chunking: 1000, window: 1000 });
    const message = session.send({ ...text, body: 'x'.repeat(3000) });
    const closing = session.close();
    expect(session.state.name).toBe('closing');
    expect(() => session.send({ ...text, body: 'x' })).toThrow(expect.objectContaining({ code: 'session-closed' }));
    for (let i = 0; i < 3; i++) answer(await peer.frame());
    expect(await message.sent).toEqual({ state: 'sent' });
    await closing;
    expect(session.state).toEqual({ name: 'closed', cause: undefined });
    await peer.closed();
  });

  it('takes its time to drain while something moves, and no longer', async () => {
    const { session, peer, answer, clock } = await bound({ chunking: 1000, window: 1000 });
    const message = session.send({ ...text, body: 'x'.repeat(5000) });
    const closing = session.close();
    for (let i = 0; i < 4; i++) {
      answer(await peer.frame());
      while (message.progress.confirmed < (i + 1) * 1000) await new Promise((resolve) => setImmediate(resolve));
      clock.advance(25_000);
    }
    expect(session.state.name).toBe('closing');
    message.pause();
    answer(await peer.frame());
    await closing;
    expect(await message.sent).toEqual({ state: 'sent' });
    const stuck = await bound();
    const paused = stuck.session.send({ ...text, body: 'x' });
    paused.pause();
    const leaving = stuck.session.close();
    stuck.clock.advance(30_000);
    await leaving;
    expect(await paused.sent).toMatchObject({ state: 'failed', error: { code: 'session-closed' } });
  });
});
