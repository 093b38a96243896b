import { randomBytes } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type AcceptHook,
  type Clock,
  MemorySink,
  MsrpEndpoint,
  MsrpError,
  type MsrpSession,
  type ReceiveOutcome,
  type TracedFrame,
} from '../../../msrp/index.ts';
import { TestClock } from '../../msrp/support/test-clock.ts';
import { campus, campusAuthority, user } from '../campus.ts';
import { Forwarder } from '../forwarder.ts';

interface Side {
  session: MsrpSession;
  received: Promise<{ bytes: Uint8Array; outcome: ReceiveOutcome }>;
}

async function behindRelay(
  name: string,
  options: { password?: string; expires?: number; clock?: Clock; accept?: AcceptHook; relay?: string } = {},
): Promise<Side> {
  const endpoint = new MsrpEndpoint(options.clock && { clock: options.clock });
  onTestFinished(() => endpoint.close());
  let arrived!: (message: { bytes: Uint8Array; outcome: ReceiveOutcome }) => void;
  const received = new Promise<{ bytes: Uint8Array; outcome: ReceiveOutcome }>((resolve) => {
    arrived = resolve;
  });
  const session = endpoint.createSession({
    host: campus().host,
    secure: true,
    accept:
      options.accept ??
      (() => {
        const sink = new MemorySink(10_000_000);
        return { sink, ended: (outcome) => arrived({ bytes: sink.bytes, outcome }) };
      }),
  });
  const { password = user(name).password, expires } = options;
  const relay = {
    uri: options.relay ?? campus().msrpRelay,
    username: name,
    password,
    ...(expires !== undefined && { expires }),
  };
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
    await expect(behindRelay('alice', { password: 'wrong' })).rejects.toMatchObject({
      code: 'relay-denied',
      retryable: false,
    });
  });

  it('an interval the relay does not like becomes one it does', async () => {
    const { session } = await behindRelay('alice', { expires: 10 });
    expect(session.localPath.split(' ')).toHaveLength(2);
  });

  it('the path is asked for again before it expires, and messages go on', async () => {
    const clock = new TestClock();
    const alice = await behindRelay('alice', { clock });
    const bob = await behindRelay('bob');
    await Promise.all([
      bob.session.start({ remotePath: alice.session.localPath, role: 'passive' }),
      alice.session.start({ remotePath: bob.session.localPath, role: 'active' }),
    ]);
    const asked: string[] = [];
    const see = (message: unknown) => asked.push((message as TracedFrame).head);
    diagnostics.subscribe('msrp:frame', see);
    try {
      // minutes, not more: the request has half of one to be answered
      while (asked.length === 0) {
        clock.advance(10_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      while (!asked.some((head) => head.includes('\r\nUse-Path: '))) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(asked.filter((head) => / AUTH\r\n/.test(head)).length).toBeGreaterThan(1);
    } finally {
      diagnostics.unsubscribe('msrp:frame', see);
    }
    const message = alice.session.send({ contentType: 'text/plain', body: 'still there' });
    expect(Buffer.from((await bob.received).bytes).toString()).toBe('still there');
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('a message goes on in another session after the connection to the relay was lost', async () => {
    const size = 4_000_000;
    const body = randomBytes(size);
    const sink = new MemorySink(size);
    let outcome!: (outcome: ReceiveOutcome) => void;
    const broken = new Promise<ReceiveOutcome>((resolve) => {
      outcome = resolve;
    });
    // the relay confirms what it has taken itself, so only the far end knows how far it is
    const keeping: AcceptHook = () => ({
      progress: (received) => {
        if (received > 100_000) bob.session.abort(new MsrpError('connection-lost', 'The way is gone'));
      },
      // what came stays, whatever becomes of this session
      sink: { write: (bytes, at) => sink.write(bytes, at), close: () => sink.close(), abort: async () => undefined },
      ended: outcome,
    });
    const alice = await behindRelay('alice');
    const bob: Side = await behindRelay('bob', { accept: keeping });
    await Promise.all([
      bob.session.start({ remotePath: alice.session.localPath, role: 'passive' }),
      alice.session.start({ remotePath: bob.session.localPath, role: 'active' }),
    ]);
    const message = alice.session.send({ contentType: 'a/b', body });
    const lost = await broken;
    if (lost.state !== 'failed') throw new Error(lost.state);
    alice.session.abort();
    const [first] = lost.received;
    const start = first?.start === 0 ? first.end : 0;
    expect(start).toBeGreaterThan(0);
    const again = new Promise<ReceiveOutcome>((resolve) => {
      outcome = resolve;
    });
    const resuming: AcceptHook = () => ({ sink, received: lost.received, ended: (ended) => outcome(ended) });
    const alice2 = await behindRelay('alice');
    const bob2 = await behindRelay('bob', { accept: resuming });
    await Promise.all([
      bob2.session.start({ remotePath: alice2.session.localPath, role: 'passive' }),
      alice2.session.start({ remotePath: bob2.session.localPath, role: 'active' }),
    ]);
    alice2.session.send({ contentType: 'a/b', body, start, messageId: message.messageId });
    expect(await again).toEqual({ state: 'completed', size });
    expect(Buffer.compare(sink.bytes, body)).toBe(0);
  });

  it('a session goes on when its connection is cut, with a new path that the peer is told', async () => {
    const way = await Forwarder.open(campus().ports.msrps);
    const alice = await behindRelay('alice', { relay: way.uri });
    const bob = await behindRelay('bob');
    await Promise.all([
      bob.session.start({ remotePath: alice.session.localPath, role: 'passive' }),
      alice.session.start({ remotePath: bob.session.localPath, role: 'active' }),
    ]);
    const states: string[] = [];
    alice.session.onStateChange(({ name }) => states.push(name));
    const changed = new Promise<string>((resolve) => alice.session.onPathChange(resolve));
    const before = alice.session.localPath;
    way.cut();
    const path = await changed;
    expect(path).not.toBe(before);
    const message = alice.session.send({ contentType: 'text/plain', body: 'I am back', successReport: true });
    bob.session.update({ remotePath: path, role: 'passive' });
    alice.session.update({ remotePath: bob.session.localPath, role: 'active' });
    expect(Buffer.from((await bob.received).bytes).toString()).toBe('I am back');
    expect(await message.delivered).toEqual({ state: 'delivered' });
    expect(states).toEqual(['reconnecting', 'moved', 'bound']);
    const back = bob.session.send({ contentType: 'text/plain', body: 'welcome', successReport: true });
    expect(Buffer.from((await alice.received).bytes).toString()).toBe('welcome');
    expect(await back.delivered).toEqual({ state: 'delivered' });
  }, 60_000);

  it('a message that is given up is known to be so at the far end', async () => {
    const alice = await behindRelay('alice');
    const bob = await behindRelay('bob');
    await Promise.all([
      bob.session.start({ remotePath: alice.session.localPath, role: 'passive' }),
      alice.session.start({ remotePath: bob.session.localPath, role: 'active' }),
    ]);
    const message = alice.session.send({ contentType: 'a/b', body: randomBytes(2_000_000), progressEvery: 8192 });
    message.onProgress(({ confirmed }) => confirmed > 0 && message.abort());
    expect(await message.sent).toMatchObject({ state: 'aborted' });
    expect((await bob.received).outcome).toMatchObject({ state: 'aborted' });
  });
});
