import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { SipSession } from '../../../protocols/sip/sip-session.ts';
import { ServerNetwork } from '../../../protocols/sip/transport/server-network.ts';
import { directAgent, incoming, reached } from '../direct-agents.ts';
import { ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';
import { lossyForwarder } from './lossy-forwarder.ts';

const OFFER = 'v=0\r\n';
const TEXT = { contentType: 'text/plain', content: 'reunião' };

/** Ana’s account behind a lossy path to Bob, who plays the server. */
const pair = async (fate: Parameters<typeof lossyForwarder>[1]) => {
  const { agent: bob } = await directAgent('bob');
  const port = await lossyForwarder(bob.local?.port ?? 0, fate);
  const { agent: ana } = await serverAgent(port, 'UDP');
  return { ana, bob, to: `sip:bob@127.0.0.1:${port}` };
};
const starts = (text: string, ...words: string[]): boolean => words.some((word) => text.startsWith(word));

describe('on a path that loses datagrams', () => {
  test('a request lost is sent again', async () => {
    const { ana, bob, to } = await pair((_text, nth, direction) => direction === 'back' || nth > 2);
    bob.onMessage = (request) => request.accept();
    expect((await ana.request({ method: 'MESSAGE', to, body: TEXT })).status).toBe(200);
  });

  test('an answer lost is sent again, and the text handled once', async () => {
    let handled = 0;
    const { ana, bob, to } = await pair((_text, nth, direction) => direction === 'out' || nth > 1);
    bob.onMessage = (request) => {
      handled += 1;
      request.accept();
    };
    expect((await ana.request({ method: 'MESSAGE', to, body: TEXT })).status).toBe(200);
    expect(handled).toBe(1);
  });

  test('INVITE, 200 and ACK are each lost once, and the session stands', async () => {
    const { ana, bob, to } = await pair((text, nth) => !starts(text, 'INVITE', 'ACK', 'SIP/2.0 200') || nth > 1);
    const invited = incoming(bob);
    const session = ana.invite(to, { sdp: OFFER });
    const theirs = await invited;
    theirs.accept({ sdp: OFFER });
    await Promise.all([reached(session, 'established'), reached(theirs, 'established')]);
    session.end();
    expect(await reached(theirs, 'ended')).toMatchObject({ by: 'peer' });
  });

  test('a refusal of an INVITE is repeated until its ACK comes', async () => {
    const refusals: number[] = [];
    const { ana, bob, to } = await pair((text, nth, direction) => {
      if (direction === 'back' && starts(text, 'SIP/2.0 603')) refusals.push(nth);
      return !starts(text, 'SIP/2.0 603', 'ACK') || nth > 1;
    });
    const invited = incoming(bob);
    const session = ana.invite(to, { sdp: OFFER });
    (await invited).reject(603);
    expect((await reached(session, 'rejected')).rejection.status).toBe(603);
    expect(refusals.length).toBeGreaterThanOrEqual(2);
  });
});

describe('on a path that repeats and swaps datagrams', () => {
  test('every message is handled once, and every answer finds its request', async () => {
    let passed = 0;
    // of three in each direction one comes twice and one after the next
    const { ana, bob, to } = await pair(() => (['twice', 'late', true] as const)[passed++ % 3] ?? true);
    const handled: string[] = [];
    bob.onMessage = (request) => {
      handled.push(request.message.body);
      if (request.message.body.endsWith('0')) request.reject({ statusCode: 480 });
      else request.accept();
    };
    const texts = Array.from({ length: 30 }, (_, index) => `text ${index}`);
    const answers = await Promise.all(
      texts.map((content) => ana.request({ method: 'MESSAGE', to, body: { contentType: 'text/plain', content } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(texts.map((text) => (text.endsWith('0') ? 480 : 200)));
    expect(handled.toSorted()).toEqual(texts.toSorted());
  });

  test('a session stands and ends though everything comes twice', async () => {
    const { ana, bob, to } = await pair(() => 'twice');
    const invited: unknown[] = [];
    const first = new Promise<SipSession>((resolve) => {
      bob.onInvite = (session) => {
        invited.push(session);
        resolve(session);
      };
    });
    const session = ana.invite(to, { sdp: OFFER });
    const theirs = await first;
    theirs.accept({ sdp: OFFER });
    await Promise.all([reached(session, 'established'), reached(theirs, 'established')]);
    theirs.end();
    expect(await reached(session, 'ended')).toMatchObject({ by: 'peer' });
    expect(invited.length).toBe(1);
  });

  test('an ACK that comes after the BYE does no harm', async () => {
    const { ana, bob, to } = await pair(
      (text, _nth, direction) => direction === 'back' || !starts(text, 'ACK') || 'late',
    );
    const invited = incoming(bob);
    const session = ana.invite(to, { sdp: OFFER });
    const theirs = await invited;
    theirs.accept({ sdp: OFFER });
    await reached(session, 'established');
    session.end();
    expect(await reached(theirs, 'ended')).toMatchObject({ by: 'peer' });
    expect((await ana.request({ method: 'OPTIONS', to })).status).toBe(200);
  });
});

// timers J and H (RFC 3261 §17.2.2, §17.2.1): how long the other side may repeat what it sent
describe('under a clock of our own', () => {
  afterEach(() => void vi.useRealTimers());

  /** A socket that sends one request to Ana, and what comes back. */
  const asking = async (method: string, lines: readonly string[]) => {
    const { agent } = await directAgent('ana');
    const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
    const { port } = socket.address();
    const request = [
      `${method} sip:ana@127.0.0.1 SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK1`,
      'From: <sip:x@y>;tag=1',
      'To: <sip:ana@127.0.0.1>',
      'Call-ID: one',
      `CSeq: 1 ${method}`,
      `Contact: <sip:x@127.0.0.1:${port}>`,
      ...lines,
    ].join('\r\n');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const send = (): void => socket.send(`${request}\r\n\r\nx`, agent.local?.port ?? 0, '127.0.0.1');
    return { agent, send, came: async () => (await once(socket, 'message'))[0].toString() as string };
  };

  test('a text that is repeated within 32 s is answered again and not shown again, and is forgotten then', async () => {
    const { agent, send, came } = await asking('MESSAGE', ['Content-Type: text/plain', 'Content-Length: 1']);
    let handled = 0;
    agent.onMessage = (request) => {
      handled += 1;
      request.accept();
    };
    for (const [wait, expected] of [
      [0, 1],
      [31_999, 1],
      [2, 2],
    ] as const) {
      await vi.advanceTimersByTimeAsync(wait);
      const answer = came();
      send();
      expect(await answer).toMatch(/^SIP\/2\.0 200 /);
      expect(handled).toBe(expected);
    }
  });

  test('a refusal nobody acknowledges is repeated for 32 s and then given up', async () => {
    const { agent, send, came } = await asking('INVITE', ['Content-Type: application/sdp', 'Content-Length: 1']);
    agent.onInvite = (session) => session.reject(486);
    const first = came();
    send();
    await first;
    await vi.advanceTimersByTimeAsync(31_900);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('nobody listening there is known at once', async () => {
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const { agent } = await serverAgent(port, 'UDP');
  const broken = new Promise((resolve) => agent.onDisconnected(resolve));
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  const answer = await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' });
  expect([answer.status, answer.local]).toEqual([503, true]);
  await broken;
});

describe('requests too big for a datagram (RFC 3261 §18.1.1)', () => {
  const big = { contentType: 'text/plain', content: 'ą'.repeat(2000) };

  test('go over TCP, and say so in their Via', async () => {
    const server = await ScriptedServer.open();
    const udp = dgram.createSocket('udp4').bind(server.port, '127.0.0.1');
    await once(udp, 'listening');
    onTestFinished(() => void udp.close());
    const { agent } = await serverAgent(server.port, 'UDP');
    expect((await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: big })).status).toBe(200);
    expect(server.requests[0]?.head.get('via')).toMatch(/^SIP\/2\.0\/TCP 127\.0\.0\.1:\d+;branch=/);
    expect(server.requests[0]?.body).toBe(big.content);
  });

  test('and so do the CANCEL and the ACK of a large INVITE', async () => {
    const server = await ScriptedServer.open();
    const udp = dgram.createSocket('udp4').bind(server.port, '127.0.0.1');
    await once(udp, 'listening');
    onTestFinished(() => void udp.close());
    const { agent } = await serverAgent(server.port, 'UDP');
    server.handler = (request) => {
      if (request.method === 'INVITE') request.answer(180, [`Contact: <sip:bob@127.0.0.1:${server.port}>`]);
      else {
        request.answer(200);
        server.requests[0]?.answer(487);
      }
    };
    const session = agent.invite('sip:bob@campus.test', { sdp: 'x'.repeat(3000) });
    await new Promise((resolve) => session.onProgress(resolve));
    session.end();
    const invite = await server.request('INVITE');
    expect((await server.request('CANCEL')).head.branch).toBe(invite.head.branch);
    const ack = await server.until(() => server.acknowledgements[0]);
    expect([ack.branch, ack.get('via')?.split(' ')[0]]).toEqual([invite.head.branch, 'SIP/2.0/TCP']);
  });

  test('go over UDP after all when the server refuses TCP', async () => {
    const udp = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(udp, 'listening');
    onTestFinished(() => void udp.close());
    const { agent } = await serverAgent(udp.address().port, 'UDP');
    const arrived = once(udp, 'message');
    void agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: big });
    const [datagram] = (await arrived) as [Buffer];
    expect(datagram.toString()).toContain('Via: SIP/2.0/UDP 127.0.0.1:');
  });

  test.skipIf(process.platform !== 'linux')('and do not wait again for a TCP port that says nothing', async () => {
    // a program that takes no connection: when its queue is full, who connects hears nothing
    const code = `require('net').createServer((s) => s.on('error', () => {}).write('x')).listen({ port: 0, host: '127.0.0.1', backlog: 1 },
      function () { console.log(this.address().port) })`;
    const silent = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void silent.kill('SIGKILL'));
    const port = Number(String((await once(silent.stdout, 'data'))[0]));
    silent.kill('SIGSTOP');
    const fillers = Array.from({ length: 4 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
    onTestFinished(() => {
      for (const filler of fillers) filler.destroy();
    });
    await once(fillers[0] as net.Socket, 'connect');
    const udp = dgram.createSocket('udp4').bind(port, '127.0.0.1');
    await once(udp, 'listening');
    onTestFinished(() => void udp.close());
    const network = new ServerNetwork({
      locate: async () => [{ protocol: 'UDP', address: '127.0.0.1', port }],
      trust: { certificateAuthorities: [], trustedFingerprints: [], names: [] },
      onStep: () => {},
      connectTimeout: 300,
    });
    onTestFinished(() => network.close());
    const events = { message: () => {}, oversized: () => {}, flowBroken: () => {}, down: () => {} };
    const target = { host: 'campus.test', port: undefined, transport: undefined };
    const protocols: string[] = [];
    const ask = async (): Promise<unknown> => protocols.push((await network.flowFor(target, 2_000)).protocol);
    await network.open(events);
    await ask();
    silent.kill('SIGCONT');
    for (const filler of fillers) filler.destroy();
    const taken = net.connect(port, '127.0.0.1').on('error', () => {});
    fillers.push(taken);
    // whoever waited before it has been taken then, and there is room for the next
    await once(taken, 'data');
    await ask();
    // and is asked once more after a reconnect
    await network.open(events);
    await ask();
    expect(protocols).toEqual(['UDP', 'UDP', 'TCP']);
  });
});
