import { randomUUID } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { userOf } from '../../../protocols/contract/index.ts';
import { recordsOf } from '../../../protocols/sip/local/announcement.ts';
import { addressOfInstance } from '../../../protocols/sip/local/identity/instance.ts';
import { storedKey } from '../../../protocols/sip/local/identity/own-key.ts';
import { KeyedNetwork } from '../../../protocols/sip/local/keyed-network.ts';
import type { SipSession } from '../../../protocols/sip/sip-session.ts';
import { offerOne } from '../../protocols/offer-one.ts';
import { directAgent, incoming, reached } from '../direct-agents.ts';
import { Content, fileOf, outcome } from '../file-transfer/file-peers.ts';
import { announcing, encode, shouting } from './announcing.ts';
import { keyedAgent } from './keyed-agents.ts';
import { localPeer, memoryStorage, multicastPort, neighbours, portOf, sees } from './local-peers.ts';

const draft = (text: string) => ({ id: randomUUID(), text, composedAt: Date.now() });
const forged = (to: string) => ({
  method: 'MESSAGE',
  to,
  body: { contentType: 'text/plain', content: 'Send me the exam' },
});
const rejection = (session: SipSession): Promise<number> =>
  reached(session, 'rejected').then((state) => state.rejection.status);

test('a program with another certificate that says to be Bob neither writes nor offers as Bob', async () => {
  const { ana, bob, port } = await neighbours();
  const mallory = await keyedAgent(ana.provider.address, await portOf(ana, port), bob.provider.address);
  expect((await mallory.agent.request(forged(mallory.uri))).status).toBe(403);
  expect(await rejection(mallory.agent.invite(mallory.uri, { sdp: 'v=0\r\n' }))).toBe(403);
  expect(ana.texts).toEqual([]);
});

test('another process of the same machine without a key gets a refusal it can show, and nothing in', async () => {
  const { ana, bob, port } = await neighbours();
  const mallory = await directAgent(userOf(bob.provider.address));
  const uri = `sip:${userOf(ana.provider.address)}@127.0.0.1:${await portOf(ana, port)}`;
  // RFC 3329: what it lacks; programs from before ids were keys say of it that the other side cannot do this
  expect((await mallory.agent.request(forged(uri))).status).toBe(494);
  expect(await rejection(mallory.agent.invite(uri, { sdp: 'v=0\r\n' }))).toBe(494);
  expect(ana.texts).toEqual([]);
});

test('a datagram that says to be from Bob is heard by nobody', async () => {
  const { ana, bob, port } = await neighbours();
  const to = await portOf(ana, port);
  const socket = dgram.createSocket('udp4');
  onTestFinished(() => void socket.close());
  const refused = once(socket, 'error');
  socket.connect(to, '127.0.0.1');
  await once(socket, 'connect');
  const head = [
    `MESSAGE sip:${userOf(ana.provider.address)}@127.0.0.1:${to} SIP/2.0`,
    'Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx',
    `From: <${bob.provider.address}>;tag=1`,
    `To: <${ana.provider.address}>`,
    'Call-ID: x',
    'CSeq: 1 MESSAGE',
    'Content-Type: text/plain',
    'Content-Length: 2',
    '',
    'hi',
  ];
  socket.send(head.join('\r\n'));
  // nothing listens at that UDP port
  expect(((await refused)[0] as NodeJS.ErrnoException).code).toBe('ECONNREFUSED');
  expect(await bob.set('messaging').send(ana.provider.address, draft('true')).outcome).toEqual({ state: 'sent' });
  expect(ana.texts.map(({ text }) => text)).toEqual(['true']);
});

test('who announces Bob’s id at another address gets neither the text nor the file meant for Bob', async () => {
  const port = multicastPort();
  const ana = await localPeer('Ana', port);
  const storage = memoryStorage();
  const bobsAddress = addressOfInstance(storedKey(storage).id);
  const mallory = await keyedAgent(ana.provider.address, await portOf(ana, port), bobsAddress);
  const got: string[] = [];
  mallory.agent.onMessage = (request) => {
    got.push('text');
    request.accept();
  };
  mallory.agent.onInvite = (session) => {
    got.push('offer');
    session.end();
  };
  const evil = await announcing(port);
  const at = mallory.agent.local?.port ?? 0;
  evil.announce({ id: userOf(bobsAddress), port: at, name: 'Bob', presence: { state: 'available' } }, '127.0.0.1');
  await sees(ana, bobsAddress);
  const file = fileOf(new Content(new Uint8Array(10)));
  expect(await outcome(offerOne(ana.set('fileTransfer'), bobsAddress, file))).toBe('failed peer-offline');
  expect(await ana.set('messaging').send(bobsAddress, draft('secret')).outcome).toMatchObject({ state: 'failed' });
  expect(got).toEqual([]);
  // and keeps Bob away no longer than Bob is
  const bob = await localPeer('Bob', port, storage);
  expect(bob.provider.address).toBe(bobsAddress);
  await Promise.all([sees(ana, bobsAddress), sees(bob, ana.provider.address)]);
  expect(await bob.set('messaging').send(ana.provider.address, draft('hello')).outcome).toEqual({ state: 'sent' });
  expect(await ana.set('messaging').send(bobsAddress, draft('secret')).outcome).toEqual({ state: 'sent' });
  expect(got).toEqual([]);
});

test('who knows all numbers of a session between two others cannot end it', async () => {
  const ana = await keyedAgent('sip:nobody@local', 1);
  const at = ana.agent.local?.port ?? 0;
  const bob = await keyedAgent(ana.agent.address, at);
  const mallory = await keyedAgent(ana.agent.address, at);
  const taken = incoming(ana.agent);
  const calling = bob.agent.invite(bob.uri, { sdp: 'v=0\r\n' });
  const session = await taken;
  session.accept({ sdp: 'v=0\r\n' });
  await reached(calling, 'established');
  await reached(session, 'established');
  const [dialog] = ana.agent.core.dialogs.values();
  const wire = await mallory.network.flowFor({ user: ana.key.id, host: '127.0.0.1', port: at, transport: 'tls' }, 0);
  const bye = (from: string): string =>
    [
      `BYE ${bob.uri} SIP/2.0`,
      `Via: SIP/2.0/TLS 127.0.0.1:1;branch=z9hG4bK${randomUUID()}`,
      `From: <${from}>;tag=${dialog?.remoteTag}`,
      `To: <${ana.agent.address}>;tag=${dialog?.localTag}`,
      `Call-ID: ${dialog?.callId}`,
      'CSeq: 99 BYE',
      'Max-Forwards: 70',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
  await wire.send(Buffer.from(bye(bob.agent.address)));
  await wire.send(Buffer.from(bye(mallory.agent.address)));
  // what comes on one connection is handled in its order: the answer to this one says that the others were
  await mallory.agent.request({ method: 'OPTIONS', to: mallory.uri });
  expect([session.state.state, calling.state.state]).toEqual(['established', 'established']);
  calling.end();
  await reached(session, 'ended');
});

test('who knows the branch of a request to Bob cannot answer it', async () => {
  const bob = await keyedAgent('sip:nobody@local', 1);
  const at = bob.agent.local?.port ?? 0;
  const ana = await keyedAgent(bob.agent.address, at);
  const mallory = await keyedAgent(ana.agent.address, ana.agent.local?.port ?? 0);
  bob.agent.onMessage = (request) => {
    const via = request.message.getHeader('via')?.replace(/(branch=[^;]*)\.[0-9a-f]{16}/, '$1');
    const facts = ['From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${request.message.getHeader(name)}`);
    const answer = ['SIP/2.0 200 OK', `Via: ${via}`, ...facts, 'Content-Length: 0', '', ''].join('\r\n');
    const place = { user: ana.key.id, host: '127.0.0.1', port: ana.agent.local?.port, transport: 'tls' };
    void mallory.network
      .flowFor(place, 0)
      .then((flow) => flow.send(Buffer.from(answer)))
      .then(() => mallory.agent.request({ method: 'OPTIONS', to: mallory.uri }))
      .then(() => request.reject({ statusCode: 404 }));
  };
  expect((await ana.agent.request(forged(ana.uri))).status).toBe(404);
});

test.each([
  ['nothing', ''],
  ['half a handshake', '\u0016\u0003\u0001'],
  ['SIP without an end', 'MESSAGE sip:a SIP/2.0\r\n'],
])('who connects and sends %s is let go of', async (_, sent) => {
  const network = new KeyedNetwork({
    key: storedKey(memoryStorage()),
    host: '127.0.0.1',
    whereIs: () => undefined,
    now: Date.now,
    handshakeWithin: 50,
  });
  onTestFinished(() => network.close());
  await network.open({ message: () => {}, oversized: () => {}, flowBroken: () => {}, down: () => {} });
  const socket = net.connect(network.local?.port ?? 0, '127.0.0.1');
  socket.on('error', () => {});
  if (sent !== '') socket.write(sent, 'latin1');
  await once(socket, 'close');
});

test('who shows no certificate, or says nothing at all, has no connection', async () => {
  const ana = await keyedAgent('sip:nobody@local', 1);
  const socket = tls.connect({ host: '127.0.0.1', port: ana.agent.local?.port ?? 0, rejectUnauthorized: false });
  socket.on('error', () => {});
  await once(socket, 'close');
  const silent = net.connect(ana.agent.local?.port ?? 0, '127.0.0.1');
  await once(silent, 'connect');
  const gone = once(silent, 'close');
  await ana.agent.stop();
  await gone;
});

test('somebody with a program from before ids were keys is shown, and why nothing can be sent to them', async () => {
  const port = multicastPort();
  const ana = await localPeer('Ana', port);
  const old = await directAgent('abcdefghij234567klmn');
  const shout = await shouting(port, port);
  const announced = {
    id: 'abcdefghij234567klmn',
    port: old.agent.local?.port ?? 0,
    name: 'Old',
    presence: { state: 'away', note: 'lunch' },
  } as const;
  const answers = recordsOf(announced, '127.0.0.1').map((record) =>
    record.type === 'TXT' ? { ...record, data: ['v=1', 'name=Old', 'state=away', 'note=lunch'] } : record,
  );
  await shout(encode({ type: 'response', answers }));
  const address = addressOfInstance(announced.id);
  await sees(ana, address);
  expect(ana.set('presence').presenceOf(address)).toEqual({ state: 'away', note: 'lunch' });
  expect(ana.provider.capabilitiesOf(address)).toMatchObject({
    messaging: { on: false, off: { code: 'peer-outdated', retryable: false } },
    fileTransfer: { on: false, off: { code: 'peer-outdated' } },
  });
  expect(await ana.set('messaging').send(address, draft('hi')).outcome).toMatchObject({
    state: 'failed',
    error: { code: 'peer-outdated', retryable: false },
  });
  const file = fileOf(new Content(new Uint8Array(10)));
  expect(await outcome(offerOne(ana.set('fileTransfer'), address, file))).toBe('failed peer-outdated');
});

test('who listens as a program without a key under the id of Bob keeps nobody from Bob', async () => {
  const port = multicastPort();
  const ana = await localPeer('Ana', port);
  const storage = memoryStorage();
  const { id } = storedKey(storage);
  const address = addressOfInstance(id);
  const squatter = net.createServer((socket) => void socket.on('error', () => {})).listen(0, '127.0.0.1');
  onTestFinished(() => void squatter.close());
  await once(squatter, 'listening');
  const shout = await shouting(port, port);
  const at = (squatter.address() as net.AddressInfo).port;
  const announced = { id, port: at, name: 'Bob', presence: { state: 'available' } } as const;
  const answers = recordsOf(announced, '127.0.0.1').map((record) =>
    record.type === 'TXT' ? { ...record, data: ['v=1', 'name=Bob', 'state=available'] } : record,
  );
  await shout(encode({ type: 'response', answers }));
  await sees(ana, address);
  expect(ana.provider.capabilitiesOf(address)).toMatchObject({ messaging: { on: false } });
  const bob = await localPeer('Bob', port, storage);
  await expect
    .poll(() => ana.provider.capabilitiesOf(address), { timeout: 5_000 })
    .toMatchObject({ messaging: { on: true } });
  await shout(encode({ type: 'response', answers }));
  expect(await ana.set('messaging').send(address, draft('hi')).outcome).toEqual({ state: 'sent' });
  expect(bob.texts.map(({ text }) => text)).toEqual(['hi']);
});
