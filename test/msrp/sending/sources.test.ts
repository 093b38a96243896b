import fs from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ByteSource, openFile } from '../../../msrp/index.ts';
import { bound } from '../support/sending-session.ts';
import { pair, temporaryFolder, unprivileged } from '../support/support.ts';

const text = { contentType: 'text/plain; charset=utf-8' };

describe('sources', () => {
  it('tells the peer when a file turns out shorter than it was', async () => {
    const { session, peer } = await bound();
    const folder = await temporaryFolder();
    const name = path.join(folder, 'shrinking');
    await fs.writeFile(name, Buffer.alloc(4_000_000, 'x'));
    const source = await openFile(name);
    await fs.truncate(name, 2_500_000);
    const message = session.send({ ...text, body: source });
    expect(await message.sent).toMatchObject({ state: 'failed', error: { code: 'source-shortened' } });
    await peer.read(/-------\w{16}#\r\n$/);
  });

  it('closes the source, and tells the peer when it cannot be read', async () => {
    const { session, peer } = await bound();
    let closed = 0;
    const source: ByteSource = {
      size: 4_000_000,
      async read(buffer, position) {
        if (position >= 2_000_000) throw Object.assign(new Error('fault'), { code: 'EIO' });
        return buffer.fill(0x78).length;
      },
      async close() {
        closed++;
      },
    };
    const message = session.send({ ...text, body: source });
    expect(await message.sent).toMatchObject({ state: 'failed', error: { code: 'source-failed' } });
    await peer.read(/-------\w{16}#\r\n$/);
    expect(closed).toBe(1);
  });

  it.each([
    ['source-missing', 'nowhere'],
    ['source-failed', '.'],
    ['source-shortened', 'short'],
  ])('has %s for a file that cannot be opened', async (code, name) => {
    const folder = await temporaryFolder();
    await fs.writeFile(path.join(folder, 'short'), 'abc');
    const opened = openFile(path.join(folder, name), name === 'short' ? { start: 1, length: 3 } : {});
    if (name === '.') {
      const { session } = await bound();
      expect(await session.send({ ...text, body: await opened }).sent).toMatchObject({
        state: 'failed',
        error: { code },
      });
    } else {
      await expect(opened).rejects.toMatchObject({ name: 'MsrpError', code });
    }
  });

  it('tells a file that may not be read from others', async () => {
    const name = path.join(await temporaryFolder(), 'denied');
    await fs.writeFile(name, 'abc', { mode: 0 });
    await expect(unprivileged(() => openFile(name))).rejects.toMatchObject({
      name: 'MsrpError',
      code: 'source-denied',
    });
  });

  it('sends a file to its end although it is removed meanwhile', async () => {
    const name = path.join(await temporaryFolder(), 'removed');
    await fs.writeFile(name, Buffer.alloc(5_000_000, 'x'));
    const { active, mailbox } = await pair();
    const source = await openFile(name);
    const message = active.send({ ...text, body: source });
    await fs.rm(name);
    expect((await mailbox.next()).outcome).toEqual({ state: 'completed', size: 5_000_000 });
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('sends a part of a file', async () => {
    const { session, peer } = await bound();
    const name = path.join(await temporaryFolder(), 'part');
    await fs.writeFile(name, 'abcdefgh');
    session.send({ ...text, body: await openFile(name, { start: 2, length: 3 }) });
    expect(await peer.frame()).toContain('Byte-Range: 1-3/3\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ncde\r\n');
  });
  it('sends a stream whose size is known with its total, and holds it to that', async () => {
    const { session, peer, answer } = await bound({ chunking: 1000 });
    async function* pieces(count: number) {
      for (let i = 0; i < count; i++) yield Buffer.alloc(500, 'x');
    }
    const message = session.send({ ...text, body: pieces(3), size: 1500 });
    for (const range of ['1-1000/1500', '1001-1500/1500']) {
      const frame = await peer.frame();
      expect(frame).toContain(`Byte-Range: ${range}\r\n`);
      answer(frame);
    }
    expect(await message.sent).toEqual({ state: 'sent' });
    const shorter = session.send({ ...text, body: pieces(2), size: 1500 });
    expect(await shorter.sent).toMatchObject({ state: 'failed', error: { code: 'source-shortened' } });
    const longer = session.send({ ...text, body: pieces(4), size: 1500 });
    expect(await longer.sent).toMatchObject({ state: 'failed', error: { code: 'source-lengthened' } });
    expect(() => session.send({ ...text, body: pieces(3), size: 1500, start: 500 })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    );
  });

  it('numbers bytes up to 2^53-1', async () => {
    const { session, peer, answer } = await bound();
    const size = Number.MAX_SAFE_INTEGER;
    const source: ByteSource = {
      size,
      read: async (buffer, position) => buffer.fill(0x78, 0, Math.min(buffer.length, size - position)).length,
      close: async () => undefined,
    };
    const message = session.send({ ...text, body: source, start: size - 5000, chunking: 4096 });
    let frame = await peer.frame();
    expect(frame).toContain('Byte-Range: 9007199254735992-*/9007199254740991\r\n');
    answer(frame);
    frame = await peer.frame();
    expect(frame).toContain('Byte-Range: 9007199254740088-9007199254740991/9007199254740991\r\n');
    answer(frame);
    expect(await message.sent).toEqual({ state: 'sent' });
    expect(message.progress.handed).toBe(size);
  });

  it('sends nothing of a source that is no wrapper although it says so', async () => {
    const { session, peer } = await bound();
    const name = path.join(await temporaryFolder(), 'envelope');
    await fs.writeFile(name, 'no envelope');
    const bad = session.send({ contentType: 'message/cpim', body: await openFile(name) });
    expect(await bad.sent).toMatchObject({ state: 'failed', error: { code: 'cpim-malformed' } });
    async function* pieces() {
      yield Buffer.from('To: <sip:b@c>\r');
      yield Buffer.from('\n\r\nContent-Type: text/plain\r\n\r\ninside');
    }
    session.send({ contentType: 'message/cpim', body: pieces() });
    const frame = await peer.frame();
    expect(frame).toContain('\r\n\r\nTo: <sip:b@c>\r\n\r\nContent-Type: text/plain\r\n\r\ninside\r\n-------');
  });
});
