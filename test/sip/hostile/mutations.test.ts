import dgram from 'node:dgram';
import { once } from 'node:events';
import type net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { splitDatagram } from '../../../protocols/sip/transport/udp-flow.ts';
import { MessageHead } from '../../../protocols/sip/transport/wire/message-head.ts';
import { count, patience, seeds } from '../../extent.ts';
import { seeded } from '../../seeded.ts';
import { draft, type Person, person } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';
import { mutated, SAMPLES } from './mutations.ts';

const COUNT = count(2_000);
const answerOf = (head: MessageHead): string =>
  [
    'SIP/2.0 200 OK',
    ...head.all('via').map((via) => `Via: ${via}`),
    `From: ${head.get('from')}`,
    `To: ${head.get('to')};tag=server`,
    `Call-ID: ${head.get('call-id')}`,
    `CSeq: ${head.get('cseq')}`,
    ...(head.method === 'REGISTER' ? [`Contact: ${head.get('contact')}`] : []),
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
const good = (branch: string): string =>
  [
    'MESSAGE sip:ana@campus.test SIP/2.0',
    `Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK${branch}`,
    'From: <sip:carol@campus.test>;tag=1',
    'To: <sip:ana@campus.test>',
    `Call-ID: ${branch}`,
    'CSeq: 1 MESSAGE',
    'Content-Type: text/plain',
    `Content-Length: ${branch.length}`,
    '',
    branch,
  ].join('\r\n');
const ana = (transport: 'tcp' | 'udp', port: number): Person => {
  const made = person({
    address: 'sip:ana@campus.test',
    server: { host: '127.0.0.1', port },
    transport,
    options: { xcapRoot: '' },
  });
  made.set('fileTransfer').onOffer(({ transfer }) => transfer.decline());
  made.provider.start();
  return made;
};
const unwanted = ({ logs }: Person): string[] =>
  logs.filter((line) => line.startsWith('error') || line.includes('handler-threw'));

test('what is spoilt starts from what is good', () => {
  expect(SAMPLES.length).toBeGreaterThan(40);
  expect(
    SAMPLES.filter((each) => MessageHead.parse(each.split('\r\n\r\n', 1)[0] ?? '') === undefined).length,
  ).toBeLessThan(4);
});

test(`${COUNT} spoilt messages over UDP do no harm to the good ones between them`, {
  timeout: patience(120_000),
}, async () => {
  const server = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const answered = new Set<string>();
  let tell: () => void = () => {};
  let client: dgram.RemoteInfo | undefined;
  server.on('message', (datagram, from) => {
    client = from;
    const head = MessageHead.parse(splitDatagram(datagram)?.head ?? '');
    if (head?.start.kind === 'request' && head.method !== 'ACK') server.send(answerOf(head), from.port, from.address);
    if (head?.start.kind === 'response') answered.add(`${head.start.status} ${head.get('call-id')}`);
    tell();
  });
  const person = ana('udp', server.address().port);
  await person.reach('online');
  const random = seeded(seeds(1)[0] ?? 1);
  const send = (text: string): void =>
    server.send(Buffer.from(text).subarray(0, 60_000), client?.port, client?.address);
  for (let nth = 0; nth < COUNT; nth++) {
    send(mutated(random).text);
    if (nth % 100 !== 99) continue;
    send(good(`good-${nth}`));
    while (!answered.has(`200 good-${nth}`)) await new Promise<void>((resolve) => (tell = resolve));
  }
  const came = person.received.filter(({ peer }) => peer === 'sip:carol@campus.test').map(({ text }) => text);
  expect(came).toEqual(Array.from({ length: COUNT / 100 }, (_, nth) => `good-${nth * 100 + 99}`));
  expect(unwanted(person)).toEqual([]);
  expect(person.provider.registration.state).toBe('online');
});

test(`${COUNT} spoilt messages over TCP: the connection ends where nobody can tell what follows, and all goes on`, {
  timeout: patience(120_000),
}, async () => {
  const server = await ScriptedServer.open();
  server.handler = (request) =>
    request.answer(200, request.method === 'REGISTER' ? [`Contact: ${request.head.get('contact')}`] : []);
  const person = ana('tcp', server.port);
  await person.reach('online');
  const random = seeded((seeds(1)[0] ?? 1) + 1);
  let connections = 1;
  /** Not `once`, which gives up at an error. */
  const closed = (socket: net.Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));
  // no second's pause before it connects again
  onTestFinished(
    person.provider.onRegistration(({ state }) => {
      if (state === 'waiting') setImmediate(() => person.provider.machineEvent('network-changed'));
    }),
  );
  /** The one that lives, when the account is online over it. */
  const connected = async (): Promise<net.Socket> => {
    await person.reach('online');
    const socket = [...server.sockets].findLast((each) => each.writable);
    if (!socket) {
      await person.reach('connecting');
      return connected();
    }
    if (socket !== last) connections += 1;
    last = socket;
    return socket;
  };
  let [last] = server.sockets;
  for (let nth = 0; nth < COUNT; nth++) {
    const { text, framed } = mutated(random);
    const socket = await connected();
    if (!framed) {
      socket.end(text);
      await closed(socket);
      continue;
    }
    socket.write(text);
    if (nth % 20 !== 19) continue;
    const callId = `good-${nth}`;
    socket.write(good(callId));
    const came = server.until(() => server.answers.find((each) => each.get('call-id') === callId));
    await Promise.race([came, closed(socket)]);
  }
  await connected();
  await person.reach('online');
  expect(connections).toBeGreaterThan(COUNT / 10);
  const text = draft('after all that');
  expect(await person.set('messaging').send('sip:bob@campus.test', text).outcome).toEqual({ state: 'sent' });
  expect(person.received.filter(({ peer }) => peer === 'sip:carol@campus.test').length).toBeGreaterThan(COUNT / 300);
  expect(unwanted(person)).toEqual([]);
});
