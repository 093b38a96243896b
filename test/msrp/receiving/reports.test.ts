import { describe, expect, it } from 'vitest';
import { MemorySink } from '../../../msrp/index.ts';
import { bound, PEER } from '../support/receiving-session.ts';
import { TestClock } from '../support/test-clock.ts';

describe('responses and reports', () => {
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

  it('reports parts of a single chunk while it comes in', async () => {
    const { peer, send } = await bound({ accept: () => ({ sink: new MemorySink(100), reportEvery: { share: 0.5 } }) });
    const frame = send({ tid: 'tid00001', body: 'abcdefgh', range: '1-*/8', extra: 'Success-Report: yes\r\n' });
    const body = frame.indexOf('abcdefgh');
    peer.write(frame.slice(0, body + 5));
    expect(await peer.frame()).toContain('Byte-Range: 1-5/*');
    peer.write(frame.slice(body + 5));
    expect(await peer.frame()).toContain('MSRP tid00001 200');
    expect(await peer.frame()).toContain('Byte-Range: 1-8/8');
  });

  it('reports in steps of time in which something came, and not once it is over', async () => {
    const clock = new TestClock();
    const { peer, send } = await bound(
      { accept: () => ({ sink: new MemorySink(100), reportEvery: { milliseconds: 500 } }) },
      { clock },
    );
    const extra = 'Success-Report: yes\r\n';
    clock.advance(2000);
    for (const range of ['1-*/9', '4-*/9']) {
      peer.write(send({ tid: 'tid00001', body: 'abc', range, flag: '+', extra }));
      expect(await peer.frame()).toContain('MSRP tid00001 200');
    }
    clock.advance(500);
    expect(await peer.frame()).toContain('Byte-Range: 1-6/*');
    // nothing new, nothing to say
    clock.advance(500);
    peer.write(send({ tid: 'tid00002', body: 'g', range: '7-*/9', flag: '+', extra }));
    expect(await peer.frame()).toContain('MSRP tid00002 200');
    peer.write(send({ tid: 'tid00003', body: 'hi', range: '8-9/9', extra }));
    expect(await peer.frame()).toContain('MSRP tid00003 200');
    expect(await peer.frame()).toContain('Byte-Range: 1-9/9');
    clock.advance(5000);
    peer.write(send({ tid: 'tid00004', id: 'ping', range: '1-0/0' }));
    expect(await peer.frame()).toContain('MSRP tid00004 200');
  });

  it('reports tenths of a large message unless told otherwise, and a small one once', async () => {
    const size = 20_000_000;
    const { peer, send } = await bound({ accept: () => ({ sink: new MemorySink(size) }) });
    const extra = 'Success-Report: yes\r\n';
    peer.write(send({ tid: 'tid00001', body: '~'.repeat(size), range: `1-*/${size}`, extra }));
    const reported: number[] = [];
    while (reported.at(-1) !== size) reported.push(Number((await peer.read(/Byte-Range: 1-(\d+)\//))[1]));
    expect(reported.length).toBeGreaterThan(5);
    expect(reported.length).toBeLessThanOrEqual(10);
    peer.write(send({ tid: 'tid00002', id: 'small', body: '~'.repeat(1_000_000), range: '1-*/*', extra }));
    expect((await peer.read(/Byte-Range: \S+/))[0]).toBe('Byte-Range: 1-1000000/1000000');
  });

  it('reports only the end where that is wanted', async () => {
    const size = 4_000_000;
    const { peer, send } = await bound({ accept: () => ({ sink: new MemorySink(size), reportEvery: 'end' }) });
    peer.write(send({ tid: 'tid00001', body: '~'.repeat(size), extra: 'Success-Report: yes\r\n' }));
    expect((await peer.read(/Byte-Range: \S+/))[0]).toBe(`Byte-Range: 1-${size}/${size}`);
  });

  it('lets a peer answer a report, which nobody should', async () => {
    const { peer, send, session, mailbox } = await bound();
    peer.write(send({ tid: 'tid00001', body: 'hello', extra: 'Success-Report: yes\r\n' }));
    await peer.frame();
    const tid = (await peer.frame()).slice(5, 21);
    peer.write(`MSRP ${tid} 200 OK\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${PEER}\r\n-------${tid}$\r\n`);
    await mailbox.next();
    peer.write(send({ tid: 'tid00002', body: 'hello', id: 'next' }));
    expect(await peer.frame()).toContain('MSRP tid00002 200');
    expect((await mailbox.next()).messageId).toBe('next');
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
});
