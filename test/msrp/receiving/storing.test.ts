import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type ByteSink, FileSink, type ReceiveOutcome, streamSink } from '../../../msrp/index.ts';
import { accepting, bound } from '../support/receiving-session.ts';
import { deferred, pair, temporaryFolder, unprivileged } from '../support/support.ts';

describe('storing', () => {
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

  it.runIf(existsSync('/dev/full'))('tells the peer of a full disk, and other messages are unharmed', async () => {
    const folder = await temporaryFolder();
    const outcomes = new Map<string, ReceiveOutcome>();
    const done = deferred<void>();
    const { active } = await pair({
      passive: {
        accept: async ({ contentType, messageId }) => ({
          sink: await FileSink.open(contentType === 'a/full' ? '/dev/full' : path.join(folder, messageId)),
          ended: (outcome) => {
            outcomes.set(contentType, outcome);
            if (outcomes.size === 2) done.resolve();
          },
        }),
      },
    });
    const body = randomBytes(8_000_000);
    const well = active.send({ contentType: 'a/well', body, chunking: 65_536 });
    const full = active.send({ contentType: 'a/full', body, chunking: 65_536 });
    expect(await full.sent).toMatchObject({ state: 'refused', status: 413 });
    expect(await well.sent).toEqual({ state: 'sent' });
    await done.promise;
    expect(outcomes.get('a/full')).toMatchObject({ state: 'failed', error: { code: 'disk-full' } });
    expect(outcomes.get('a/well')).toEqual({ state: 'completed', size: body.length });
    expect(body.equals(await fs.readFile(path.join(folder, well.messageId)))).toBe(true);
  });

  it.each([
    ['storage-denied', 'denied/file'],
    ['storage-failed', 'nowhere/file'],
  ])('refuses with 413 and %s what has no place to go: %s', async (code, name) => {
    const folder = await temporaryFolder();
    await fs.mkdir(path.join(folder, 'denied'), { mode: 0o500 });
    await fs.chmod(folder, 0o755);
    const { peer, send } = await bound({
      accept: async () => ({ sink: await unprivileged(() => FileSink.open(path.join(folder, name))) }),
    });
    peer.write(send({ tid: 'tid00001', body: 'abc' }));
    expect(await peer.frame()).toContain(`MSRP tid00001 413 ${code}\r\n`);
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

  it('confirms at once what a sink copies, and stops reading until the sink has room', async () => {
    const room = deferred<void>();
    let taken = 0;
    const ended = deferred<ReceiveOutcome>();
    const sink: ByteSink = {
      copies: true,
      write(data) {
        taken += data.length;
        return room.promise;
      },
      close: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    };
    const { peer, send } = await bound({ accept: () => ({ sink, ended: ended.resolve }) });
    peer.write(send({ tid: 'tid00001', body: 'abcd', range: '1-*/*', flag: '+' }));
    expect(await peer.frame()).toContain('MSRP tid00001 200');
    const body = 'x'.repeat(32 * 1024 * 1024);
    peer.write(send({ tid: 'tid00002', body, range: '5-*/*' }));
    let before = -1;
    while (before !== taken) {
      before = taken;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeLessThan(1024 * 1024);
    room.resolve();
    expect(await ended.promise).toEqual({ state: 'completed', size: 4 + body.length });
  });

  it('fails with what a copying sink finds later', async () => {
    let fail: (error: Error) => void = () => undefined;
    const room = new Promise<void>((_, reject) => {
      fail = reject;
    });
    const sink: ByteSink = {
      copies: true,
      write: () => room,
      close: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    };
    const { accept, outcome } = accepting(sink);
    const { peer, send } = await bound({ accept });
    peer.write(send({ tid: 'tid00001', body: 'abcd', range: '1-*/*', flag: '+' }));
    expect(await peer.frame()).toContain('MSRP tid00001 200');
    fail(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    expect(await outcome).toMatchObject({ state: 'failed', error: { code: 'disk-full' } });
    peer.write(send({ tid: 'tid00002', body: 'efgh', range: '5-8/8' }));
    expect(await peer.frame()).toContain('MSRP tid00002 413');
  });
});
