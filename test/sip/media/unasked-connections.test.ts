import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Media, type MediaAddress, type MediaLine } from '../../../protocols/sip/media/media.ts';
import { leadsInside } from '../../../protocols/sip/media/unasked-connections.ts';
import { directAgent, reached } from '../direct-agents.ts';
import { anaAt } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';
import { Campus, ChatPeer } from '../session-mode/support/chat-peers.ts';

test.each([
  ['a port where somebody listens', true],
  ['a port where nobody does', false],
])(
  'a stranger whose session would make us connect to %s gets the same answer, and nobody is connected to',
  async (_, open) => {
    let connections = 0;
    const target = net.createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    target.listen(0, '127.0.0.1');
    await once(target, 'listening');
    const { port } = target.address() as net.AddressInfo;
    onTestFinished(() => void target.close());
    if (!open) {
      target.close();
      await once(target, 'close');
    }
    const server = await ScriptedServer.open();
    const ana = anaAt(server.port);
    ana.provider.start();
    const registered = await server.until(() => server.requests.find(({ method }) => method === 'REGISTER'));
    const contact = /<(sip:[^>]+)>/.exec(registered.head.get('contact') ?? '')?.[1] ?? '';
    const sdp = [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=message ${port} TCP/MSRP *`,
      'a=accept-types:text/plain',
      `a=path:msrp://127.0.0.1:${port}/any;tcp`,
      'a=setup:passive',
      '',
    ].join('\r\n');
    server.sendRequest(
      'INVITE',
      contact,
      ['Contact: <sip:stranger@127.0.0.1:5060>', 'Content-Type: application/sdp'],
      sdp,
    );
    const status = await server.until(() => {
      const final = server.answers.find((head) => head.start.kind === 'response' && head.start.status >= 200);
      return final?.start.kind === 'response' ? final.start.status : undefined;
    });
    expect(status).toBe(486);
    await ana.provider.stop();
    expect(connections).toBe(0);
  },
);

test('no description leads into this machine, unless the server is there too', () => {
  const interfaces = {
    eth0: [
      { address: '192.0.2.7', netmask: '', family: 'IPv4' as const, mac: '', internal: false, cidr: '192.0.2.7/24' },
    ],
  };
  const inside = ['127.0.0.1', '127.9.9.9', '0.0.0.0', '[::1]', 'localhost', 'x.Localhost.', '169.254.169.254'];
  for (const host of [...inside, 'fe80::1%eth0', '192.0.2.7', '::ffff:127.0.0.1'])
    expect([host, leadsInside([host], '192.0.2.7', interfaces)]).toEqual([host, true]);
  for (const host of ['192.0.2.8', 'relay.campus.test', '2001:db8::1'])
    expect([host, leadsInside([host], '192.0.2.7', interfaces)]).toEqual([host, false]);
  expect(leadsInside(['127.0.0.1'], '127.0.0.1', interfaces)).toBe(false);
});

/** A listener nobody should connect to. */
const target = async () => {
  const seen = { connections: 0, port: 0 };
  const server = net.createServer((socket) => {
    seen.connections += 1;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  seen.port = (server.address() as net.AddressInfo).port;
  return { seen, server };
};

const lineTo = async (mayConnect: (address: string) => boolean) => {
  const media = new Media({
    now: Date.now,
    log: () => {},
    certificateAuthorities: [],
    relay: () => undefined,
    mayConnect,
  });
  onTestFinished(() => media.close());
  const accept = { accept: () => ({ refuse: 403 }) };
  return await media.answer('127.0.0.1', { port: 9, secure: false, path: [], setup: 'passive' }, accept);
};
const start = (line: MediaLine, remote: MediaAddress): Promise<void> =>
  line.start(remote, { timeout: 5_000, signal: new AbortController().signal });

test.each([
  ['an address', (port: number) => ({ path: [`msrp://127.0.0.1:${port}/a;tcp`] })],
  ['a name that leads inside', (port: number) => ({ path: [`msrp://localhost:${port}/a;tcp`] })],
  [
    'a c= line instead of the path',
    (port: number) => ({ path: [`msrp://192.0.2.7:${port}/a;tcp`], host: 'localhost', cema: true }),
  ],
])('no line connects to where it may not, given by %s', async (_, remoteAt) => {
  const { seen } = await target();
  const asked: string[] = [];
  const line = await lineTo((address) => {
    asked.push(address);
    return false;
  });
  const remote = { port: seen.port, secure: false, setup: 'passive' as const, ...remoteAt(seen.port) };
  await expect(start(line, remote)).rejects.toMatchObject({ code: 'policy' });
  expect(asked.every((address) => net.isIP(address) > 0)).toBe(true);
  expect([asked.length > 0, seen.connections]).toEqual([true, 0]);
});

test('nor does another path, told when the line stands, lead a line astray', async () => {
  const taking = { accept: () => ({ refuse: 403 }) };
  const own = new Media({ now: Date.now, log: () => {}, certificateAuthorities: [], relay: () => undefined });
  onTestFinished(() => own.close());
  const passive = await own.answer('127.0.0.1', { port: 9, secure: false, path: [], setup: 'active' }, taking);
  const { seen } = await target();
  const line = await lineTo((address) => address === '127.0.0.1');
  await Promise.all([start(passive, line.address), start(line, passive.address)]);
  for (const host of ['127.0.0.2', 'localhost']) {
    const path = [`msrp://${host}:${seen.port}/a;tcp`];
    expect(() => line.update({ ...passive.address, path }, 'active')).toThrow('policy');
  }
  expect(seen.connections).toBe(0);
});

test.each([['a port where somebody listens'], ['a port where nobody does']])(
  'a session that made us connect to %s ends after the same time',
  async (which) => {
    const { seen, server } = await target();
    const connected = once(server, 'connection');
    if (which.endsWith('nobody does')) {
      server.close();
      await once(server, 'close');
    }
    const ana = await new ChatPeer(new Campus(), 'ana', {}).begin();
    const stranger = await directAgent('stranger');
    const uri = ana.campus.find(ana.address) ?? '';
    const sdp = [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=message ${seen.port} TCP/MSRP *`,
      'a=accept-types:text/plain',
      `a=path:msrp://127.0.0.1:${seen.port}/any;tcp`,
      'a=setup:passive',
      '',
    ].join('\r\n');
    const session = stranger.agent.invite(uri, { sdp });
    await reached(session, 'established');
    if (which.endsWith('listens')) await connected;
    const turn = () => stranger.agent.request({ method: 'OPTIONS', to: uri });
    for (let n = 0; n < 20; n++) await turn();
    ana.clock.advance(19_999);
    for (let n = 0; n < 20; n++) await turn();
    expect(session.state.state).toBe('established');
    while (session.state.state === 'established') {
      ana.clock.advance(1);
      await turn();
    }
    expect(session.state.state).toBe('ended');
  },
);
