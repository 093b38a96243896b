import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileSink, openFile, type ReceiveOutcome } from '../../msrp/index.ts';
import { deferred, pair, temporaryFolder } from './support/support.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('messages between two peers', () => {
  it('delivers text, says so, and reports it', async () => {
    const { active, mailbox } = await pair();
    const message = active.send({
      contentType: 'text/plain; charset=utf-8',
      body: 'reunião 👍\r\n',
      successReport: true,
    });
    const received = await mailbox.next();
    expect(received.bytes.toString()).toBe('reunião 👍\r\n');
    expect(received.contentType).toBe('text/plain; charset=utf-8');
    expect(await message.sent).toEqual({ state: 'sent' });
    expect(await message.delivered).toEqual({ state: 'delivered' });
  });

  it('carries messages both ways over one connection', async () => {
    const { active, passive, mailbox, backMailbox } = await pair();
    active.send({ contentType: 'text/plain', body: 'there' });
    passive.send({ contentType: 'text/plain', body: 'back' });
    expect((await mailbox.next()).bytes.toString()).toBe('there');
    expect((await backMailbox.next()).bytes.toString()).toBe('back');
  });

  it.each(['whole', 'relay', 65_536, 2048, 777] as const)(
    'moves a file unchanged in chunks of the policy %s',
    async (chunking) => {
      const folder = await temporaryFolder();
      const bytes = randomBytes(3_000_001);
      await fs.writeFile(path.join(folder, 'in'), bytes);
      const ended = deferred<ReceiveOutcome>();
      const { active } = await pair({
        active: { chunking },
        passive: {
          accept: async () => ({
            sink: await FileSink.open(path.join(folder, 'out')),
            size: bytes.length,
            ended: ended.resolve,
          }),
        },
      });
      const message = active.send({
        contentType: 'application/octet-stream',
        body: await openFile(path.join(folder, 'in')),
        successReport: true,
      });
      expect(await ended.promise).toEqual({ state: 'completed', size: bytes.length });
      expect(await message.delivered).toEqual({ state: 'delivered' });
      expect(await message.sent).toEqual({ state: 'sent' });
      expect(message.progress).toEqual({
        handed: bytes.length,
        confirmed: bytes.length,
        reported: bytes.length,
        total: bytes.length,
      });
      expect(sha256(await fs.readFile(path.join(folder, 'out')))).toBe(sha256(bytes));
    },
  );

  it.each(['whole', 1000] as const)('sends a stream of unknown length (%s)', async (chunking) => {
    const { active, mailbox } = await pair({ active: { chunking } });
    async function* numbers() {
      for (let i = 0; i < 1000; i++) yield Buffer.from(`${i}\n`);
    }
    const message = active.send({ contentType: 'text/plain', body: numbers() });
    const received = await mailbox.next();
    expect(received.bytes.toString()).toBe(Array.from({ length: 1000 }, (_, i) => `${i}\n`).join(''));
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('delivers an empty message, which is not the same as none', async () => {
    const { active, mailbox } = await pair();
    const message = active.send({ contentType: 'application/octet-stream', body: new Uint8Array(0) });
    expect((await mailbox.next()).outcome).toEqual({ state: 'completed', size: 0 });
    expect(await message.sent).toEqual({ state: 'sent' });
  });
});
