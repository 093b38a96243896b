import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MemorySink, MsrpEndpoint, type MsrpSession, type ReceiveOutcome } from '../../../msrp/index.ts';
import { campus, campusAuthority, user } from '../campus.ts';

interface Side {
  session: MsrpSession;
  received: Promise<{ bytes: Uint8Array; outcome: ReceiveOutcome }>;
}

async function behindRelay(name: string, password = user(name).password): Promise<Side> {
  const endpoint = new MsrpEndpoint();
  onTestFinished(() => endpoint.close());
  let arrived!: (message: { bytes: Uint8Array; outcome: ReceiveOutcome }) => void;
  const received = new Promise<{ bytes: Uint8Array; outcome: ReceiveOutcome }>((resolve) => {
    arrived = resolve;
  });
  const session = endpoint.createSession({
    host: campus().host,
    secure: true,
    accept: () => {
      const sink = new MemorySink(10_000_000);
      return { sink, ended: (outcome) => arrived({ bytes: sink.bytes, outcome }) };
    },
  });
  const relay = { uri: campus().msrpRelay, username: name, password };
  await session.connectRelays([relay], { ca: [campusAuthority().toString()] });
  return { session, received };
}

describe('through the relay of the campus', () => {
  it('a file of any bytes arrives whole, in frames the relay takes, and is reported', async () => {
    const alice = await behindRelay('alice');
    const bob = await behindRelay('bob');
    await Promise.all([
      bob.session.start({ remotePath: alice.session.localPath, role: 'passive' }),
      alice.session.start({ remotePath: bob.session.localPath, role: 'active' }),
    ]);
    const body = randomBytes(500_000);
    const message = alice.session.send({ contentType: 'application/octet-stream', body, successReport: true });
    const { bytes, outcome } = await bob.received;
    expect(outcome).toEqual({ state: 'completed', size: body.length });
    expect(Buffer.compare(bytes, body)).toBe(0);
    expect(await message.delivered).toEqual({ state: 'delivered' });
    expect(await message.sent).toEqual({ state: 'sent' });
    const back = bob.session.send({ contentType: 'text/plain; charset=utf-8', body: 'reunião', successReport: true });
    expect(Buffer.from((await alice.received).bytes).toString()).toBe('reunião');
    expect(await back.delivered).toEqual({ state: 'delivered' });
  });

  it('a wrong password is told from trouble with the network', async () => {
    await expect(behindRelay('alice', 'wrong')).rejects.toMatchObject({ code: 'relay-denied', retryable: false });
  });
});
