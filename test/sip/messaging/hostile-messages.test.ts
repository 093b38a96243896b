import { expect, test } from 'vitest';
import { anaAt, draft, person } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';

const online = async () => {
  const server = await ScriptedServer.open();
  server.handler = (request) => request.answer(request.method === 'SUBSCRIBE' ? 489 : 200);
  const ana = anaAt(server.port);
  ana.provider.start();
  await ana.reach('online');
  let calls = 0;
  /** Sends a MESSAGE and resolves to what it is answered with. */
  const message = async (contentType: string, body: string, lines: readonly string[] = []): Promise<number> => {
    const callId = `hostile-${++calls}`;
    const all = [`Call-ID: ${callId}`, `Content-Type: ${contentType}`, ...lines];
    server.sendRequest('MESSAGE', 'sip:ana@campus.test', all, body);
    const answer = await server.until(() => server.answers.find((each) => each.get('call-id') === callId));
    return answer.start.kind === 'response' ? answer.start.status : 0;
  };
  return { server, ana, message };
};

const ENTITIES = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>';
const CPIM = (inner: string, type: string): string =>
  `From: <sip:x@y>\r\nTo: <sip:ana@campus.test>\r\n\r\nContent-Type: ${type}\r\n\r\n${inner}`;

test('malformed and hostile bodies are answered and disturb nothing', async () => {
  const { server, ana, message } = await online();
  const sockets = [...server.sockets];
  const answers = {
    'a text of 10 MB': await message('text/plain', 'x'.repeat(10_000_000)),
    'CPIM without a content': await message('message/cpim', 'From: <sip:x@y>'),
    'CPIM of garbage': await message('message/cpim', '\u0000\u0001:::\r\n\r\n\r\n'),
    'a notification with entities': await message(
      'message/imdn+xml',
      `${ENTITIES}<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>&b;</message-id></imdn>`,
    ),
    'the same within CPIM': await message('message/cpim', CPIM(`${ENTITIES}<imdn>&b;</imdn>`, 'message/imdn+xml')),
    'typing with entities': await message(
      'application/im-iscomposing+xml',
      `${ENTITIES}<isComposing>&b;</isComposing>`,
    ),
    'XML that ends in the middle': await message('application/im-iscomposing+xml', '<isComposing><state>'),
    'deep XML': await message('application/im-iscomposing+xml', '<a>'.repeat(100_000)),
    'multipart without end': await message('multipart/mixed;boundary=x', '--x\r\n\r\n'),
    'a type that is none': await message('garbage', 'x'),
    packed: await message('text/plain', 'x', ['Content-Encoding: gzip']),
  };
  expect(answers).toEqual({
    'a text of 10 MB': 513,
    'CPIM without a content': 415,
    'CPIM of garbage': 200,
    'a notification with entities': 200,
    'the same within CPIM': 200,
    'typing with entities': 200,
    'XML that ends in the middle': 200,
    'deep XML': 200,
    'multipart without end': 415,
    'a type that is none': 400,
    packed: 415,
  });
  expect(ana.received).toEqual([]);
  expect(await message('text/plain', 'still there')).toBe(200);
  expect(ana.received.map(({ text }) => text)).toEqual(['still there']);
  expect([...server.sockets]).toEqual(sockets);
  expect(ana.provider.registration.state).toBe('online');
  expect(ana.logs.filter((line) => /^(?:warn|error)/.test(line))).toEqual(['warn sip.oversized {"method":"MESSAGE"}']);
});

test('who writes is read from every kind of identity', async () => {
  const { ana, message } = await online();
  const from = [
    'Zażółć "the ☎" <sip:zed@campus.test>',
    '"Quoted \\"name\\" ę" <im:ida@campus.test>',
    'Paula <pres:paula@campus.test>',
    '<tel:+48-12-345>',
  ];
  for (const each of from) expect(await message('text/plain', 'hi', [`From: ${each};tag=1`])).toBe(200);
  expect(ana.received.map(({ peer, peerName }) => [peer, peerName])).toEqual([
    ['sip:zed@campus.test', 'Zażółć "the ☎"'],
    ['sip:ida@campus.test', 'Quoted "name" ę'],
    ['sip:paula@campus.test', 'Paula'],
    ['sip:+4812345@campus.test', undefined],
  ]);
});

test('a service without a user part and a telephone number can be answered, also when the talk is lively', async () => {
  const { server, ana, message } = await online();
  for (const [from, to] of [
    ['sip:gateway.example.test', 'sip:gateway.example.test'],
    ['tel:+48-12-345', 'sip:+4812345@campus.test;user=phone'],
  ]) {
    expect(await message('text/plain', 'hi', [`From: <${from}>;tag=1`])).toBe(200);
    const peer = ana.received.at(-1)?.peer ?? '';
    for (const text of ['one', 'two', 'three'])
      expect(await ana.set('messaging').send(peer, draft(text)).outcome).toEqual({ state: 'sent' });
    const requests = server.requests.filter(
      ({ method, head }) => method === 'MESSAGE' && head.get('to')?.includes(to ?? ''),
    );
    expect(requests.map(({ head }) => head.start.kind === 'request' && head.start.uri)).toEqual([to, to, to]);
  }
});

test('a display name of our own writes no header', async () => {
  const server = await ScriptedServer.open();
  server.handler = (request) => request.answer(request.method === 'SUBSCRIBE' ? 489 : 200);
  const ana = person({
    address: 'sip:ana@campus.test',
    displayName: 'Ana"\r\nEvil: 1\r\n\r\nMESSAGE sip:x SIP/2.0\u2028 \\',
    server: { host: '127.0.0.1', port: server.port },
    transport: 'tcp',
    options: { xcapRoot: '' },
  });
  ana.provider.start();
  await ana.reach('online');
  ana.set('messaging').send('sip:bob@campus.test', { id: 'a\r\nEvil: 2', text: 'x\r\n\r\nEvil: 3', composedAt: 0 });
  await ana.set('presence').publish({ state: 'busy', note: '</note>\r\nEvil: 4' });
  const request = await server.request('MESSAGE');
  expect(server.requests.map(({ head }) => head.get('evil'))).toEqual(server.requests.map(() => undefined));
  expect(request.head.get('from')).toMatch(
    /^"Ana\\" Evil: 1 MESSAGE sip:x SIP\/2\.0 +\\\\" <sip:ana@campus\.test>;tag=/,
  );
  expect((await server.request('PUBLISH')).body).not.toContain('</note>\r\n');
});
