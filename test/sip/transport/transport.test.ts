import net from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { ServerNetwork } from '../../../protocols/sip/transport/server-network.ts';
import { directAgent, reached } from '../direct-agents.ts';
import { anaAt, draft } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

afterEach(() => void vi.useRealTimers());

const TEXT = { contentType: 'text/plain', content: 'x' };

test('the Via on the wire is our real address, whatever sip.js writes', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' });
  const [socket] = server.sockets;
  expect(server.requests[0]?.head.get('via')).toMatch(
    new RegExp(`^SIP/2.0/TCP 127.0.0.1:${socket?.remotePort};branch=`),
  );
  expect(agent.contact).toContain(`@127.0.0.1:${socket?.remotePort};transport=tcp>`);
});

test('when the connection breaks, everything waiting fails at once', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  server.handler = () => {};
  const requests = [1, 2].map(() => agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: TEXT }));
  const session = agent.invite('sip:bob@campus.test', { sdp: 'v=0\r\n' });
  await server.until(() => (server.requests.length === 3 ? true : undefined));
  const broken = new Promise((resolve) => agent.onDisconnected(resolve));
  for (const socket of server.sockets) socket.destroy();
  const answers = await Promise.all(requests);
  expect(answers.map(({ status, local }) => [status, local])).toEqual([
    [503, true],
    [503, true],
  ]);
  expect((await reached(session, 'rejected')).rejection.status).toBe(503);
  await broken;
  await agent.connect();
  server.handler = (request) => request.answer(200);
  expect((await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' })).status).toBe(200);
});

test('a server can’t make its own 503 look like a lost connection', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  server.handler = (request) => request.answer(503, ['X-Local-Answer: network', 'Retry-After: 7']);
  const answer = await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' });
  expect([answer.status, answer.local, answer.retryAfter]).toEqual([503, false, 7]);
});

describe('keep-alive', () => {
  test('a server that answers pings is kept, one that stays silent is left', async () => {
    let pings = 0;
    let silent = false;
    const listener = net
      .createServer((socket) => {
        socket.on('error', () => {});
        socket.on('data', (chunk) => {
          if (!chunk.toString().startsWith('\r\n\r\n')) return;
          pings += 1;
          silent = pings > 3;
          if (!silent) socket.write('\r\n');
        });
      })
      .listen(0, '127.0.0.1');
    onTestFinished(() => void listener.close());
    await new Promise((resolve) => listener.once('listening', resolve));
    const { port } = listener.address() as net.AddressInfo;
    const { agent } = await serverAgent(port, 'TCP', { interval: 10, pongWithin: 40 });
    const error = await new Promise<Error>((resolve) => agent.onDisconnected(resolve));
    expect(error.message).toBe('no pong');
    expect(pings).toBe(4);
    expect(agent.connected).toBe(false);
  });

  // RFC 5626 §4.4: only a server that says so has to answer them
  test('a server that knows no pings is asked instead, and left when it does not answer that either', async () => {
    const server = await ScriptedServer.open();
    let asked = 0;
    const network = new ServerNetwork({
      locate: async () => [{ protocol: 'TCP', address: '127.0.0.1', port: server.port }],
      trust: { certificateAuthorities: [], trustedFingerprints: [], names: [] },
      onStep: () => {},
      keepAlive: { interval: 10, pongWithin: 10 },
      ask: async () => ++asked < 3,
    });
    onTestFinished(() => network.close());
    const error = await new Promise<Error>((resolve) => {
      void network.open({ message: () => {}, oversized: () => {}, flowBroken: () => {}, down: resolve });
    });
    expect([error.message, asked, server.crlfs >= 6]).toEqual(['no answer', 3, true]);
  });

  test('a server that says how often it wants to hear from us does', async () => {
    const server = await ScriptedServer.open();
    server.handler = (request) => request.answer(request.method === 'SUBSCRIBE' ? 489 : 200, ['Flow-Timer: 10']);
    const ana = anaAt(server.port);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    ana.provider.start();
    await ana.reach('online');
    // all that the login asks for has been answered when this is
    await ana.set('messaging').send('sip:bob@campus.test', draft('x')).outcome;
    await vi.advanceTimersByTimeAsync(7_999);
    // one ping as soon as there was a connection
    expect(server.crlfs).toBe(2);
    await vi.advanceTimersByTimeAsync(2);
    await server.until(() => server.crlfs === 4 || undefined);
  });

  test('a listener answers pings', async () => {
    const { agent } = await directAgent('ana');
    const socket = net.connect(agent.local?.port ?? 0, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('\r\n\r\n');
    const [pong] = await new Promise<[Buffer]>((resolve) => socket.once('data', (chunk) => resolve([chunk as Buffer])));
    expect(pong.toString()).toBe('\r\n');
  });
});

test.each([
  ['no SIP at all', 'GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n', true],
  ['a SIP message nobody can read', 'SIP/2.0 2000 x\r\nContent-Length: 0\r\n\r\n', false],
  ['no Content-Length', 'OPTIONS sip:ana@campus.test SIP/2.0\r\nVia: x\r\n\r\n', true],
  ['a body beyond every limit', 'OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999999\r\n\r\n', true],
  ['a head beyond every limit', `OPTIONS sip:a SIP/2.0\r\nX: ${'x'.repeat(70_000)}`, true],
])('%s is survived', async (_name, text, closes) => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const broken = new Promise((resolve) => agent.onDisconnected(resolve));
  await server.until(() => server.sockets.values().next().value);
  server.send(text);
  if (closes) await broken;
  else expect((await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' })).status).toBe(200);
  expect(agent.connected).toBe(!closes);
});

describe('what sip.js would drop', () => {
  const receive = async (uri: string, lines: string[]) => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    const senders: [string, string | undefined][] = [];
    agent.onMessage = (request) => {
      senders.push([request.message.from.uri.toString(), request.message.from.displayName]);
      request.accept();
    };
    server.sendRequest('MESSAGE', uri, lines, 'x');
    const answer = await server.until(() => server.answers[0]);
    return { senders, answer, status: answer.start.kind === 'response' ? answer.start.status : 0 };
  };

  test('a bare name beyond ASCII', async () => {
    const { senders, answer, status } = await receive('sip:ana@campus.test', [
      'From: Zażółć Ñandú <sip:bob@campus.test>;tag=7',
    ]);
    expect([status, senders]).toEqual([200, [['sip:bob@campus.test', 'Zażółć Ñandú']]]);
    expect(answer.get('from')).toBe('Zażółć Ñandú <sip:bob@campus.test>;tag=7');
  });

  test.each([
    ['tel:+48-12-345', 'sip:+4812345@campus.test;user=phone'],
    ['im:bob@campus.test', 'sip:bob@campus.test'],
    ['pres:bob@campus.test', 'sip:bob@campus.test'],
  ])('an identity %s', async (uri, read) => {
    const { senders, answer, status } = await receive('sip:ana@campus.test', [
      `From: <${uri}>;tag=7`,
      `To: "A" <${uri}>`,
    ]);
    expect([status, senders[0]?.[0]]).toEqual([200, read]);
    expect(answer.get('from')).toBe(`<${uri}>;tag=7`);
    expect(answer.get('to')).toMatch(/^"A" <.*>;tag=\w+$/);
  });

  test('a request to a telephone number is refused with 416', async () => {
    expect((await receive('tel:+4812345', [])).status).toBe(416);
  });

  test('a From nobody can read is refused with 400', async () => {
    expect((await receive('sip:ana@campus.test', ['From: <<>>'])).status).toBe(400);
  });

  test('compact names', async () => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    agent.onMessage = (request) => {
      expect(request.message.getHeader('subject')).toBe('hi');
      request.accept();
    };
    server.send(
      'MESSAGE sip:ana@campus.test SIP/2.0\r\nv: SIP/2.0/TCP h;branch=z9hG4bKx\r\nf: <sip:b@c>;tag=1\r\nt: <sip:ana@campus.test>\r\ni: 1\r\nCSeq: 1 MESSAGE\r\ns: hi\r\nl: 0\r\n\r\n',
    );
    expect((await server.until(() => server.answers[0])).start).toMatchObject({ status: 200 });
  });

  test('another device’s odd Contact in the answer to REGISTER', async () => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    server.handler = (request) =>
      request.answer(200, ['Contact: <tel:+4812345>;expires=9, <sip:ok@h>;expires=5', 'Contact: garbage <']);
    const answer = await agent.request({ method: 'REGISTER', to: 'sip:bob@campus.test' });
    expect([answer.status, answer.headers('contact').length]).toEqual([200, 2]);
  });

  test('a handler that throws is answered with 500 and harms nothing', async () => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    agent.onMessage = () => {
      throw new Error('bug');
    };
    server.sendRequest('MESSAGE', 'sip:ana@campus.test', [], 'x');
    expect((await server.until(() => server.answers[0])).start).toMatchObject({ status: 500 });
    expect((await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' })).status).toBe(200);
  });
});

test('an address that could break out of its header is refused', async () => {
  const { agent } = await directAgent('ana');
  for (const to of ['sip:a@b\r\nX: y', 'sip:a@b>;x="', 'sip:@b', 'tel:1', 'sip:a@b c'])
    expect(() => agent.invite(to, { sdp: 'v=0\r\n' })).toThrow(ProviderError);
});
