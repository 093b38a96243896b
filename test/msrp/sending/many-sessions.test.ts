import { describe, expect, it } from 'vitest';
import type { ByteSink, ByteSource } from '../../../msrp/index.ts';
import { endpoint } from '../support/support.ts';

const COUNT = 1000;
const LEAST = 262_144;

const endless = (): ByteSource => ({
  size: Number.MAX_SAFE_INTEGER,
  read: async (buffer) => buffer.fill(0x78).length,
  close: async () => undefined,
});

describe('a thousand sessions on one listener', () => {
  it('get shares within a tenth of each other when all of them send', async () => {
    const far = endpoint();
    const near = endpoint();
    const listener = await far.listen({ host: '127.0.0.1' });
    const received = new Map<string, number>();
    const paths: string[] = [];
    const waiting: Promise<void>[] = [];
    let behind = COUNT;
    const enough = new Promise<void>((resolve) => {
      const count = (id: string, bytes: number) => {
        const before = received.get(id) ?? 0;
        received.set(id, before + bytes);
        if (before < LEAST && before + bytes >= LEAST && --behind === 0) resolve();
      };
      const sinkOf = (id: string): ByteSink => ({
        write: (bytes) => count(id, bytes.length),
        close: async () => undefined,
        abort: async () => undefined,
      });
      for (let i = 0; i < COUNT; i++) {
        const passive = far.createSession({ listener, accept: () => ({ sink: sinkOf(passive.id) }) });
        paths.push(passive.localPath);
        waiting.push(passive.start({ role: 'passive' }));
      }
    });
    const sessions = paths.map((remotePath) => {
      const session = near.createSession({ host: '127.0.0.1', accept: () => ({ refuse: 413 }) });
      waiting.push(session.start({ remotePath, role: 'active' }));
      return session;
    });
    await Promise.all(waiting);
    expect(far.connectionCount).toBe(1);
    const messages = sessions.map((session) => session.send({ contentType: 'a/b', body: endless() }));
    await enough;
    // bytes of each at the moment the last one has enough, however long that took
    const shares = [...received.values()];
    expect(shares).toHaveLength(COUNT);
    expect(Math.min(...shares) / Math.max(...shares)).toBeGreaterThan(0.9);
    for (const message of messages) message.abort();
  }, 120_000);
});
