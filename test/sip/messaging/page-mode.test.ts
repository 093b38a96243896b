import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { draft, memoryStorage, next } from '../kit.ts';
import type { Received } from '../scripted-server.ts';
import { BOB, contentOf, messagingAtServer, typeOf } from './messaging-at-server.ts';

test('one is on its way to a peer at a time; another peer does not wait', async () => {
  const { server, page } = await messagingAtServer();
  const held: Received[] = [];
  server.handler = (request) => void held.push(request);
  const sent = ['1', '2'].map((text) => page.send(BOB, draft(text)));
  const other = page.send('sip:carol@campus.test', draft('3'));
  await server.request('MESSAGE', 2);
  expect(held.map((request) => contentOf(request))).toMatchObject([{ text: '1' }, { text: '3' }]);
  for (const request of held.splice(0)) request.answer(200);
  await other.outcome;
  (await server.request('MESSAGE', 3)).answer(200);
  expect(await Promise.all(sent.map(({ outcome }) => outcome))).toEqual([{ state: 'sent' }, { state: 'sent' }]);
});

describe('a peer that refuses', () => {
  test.each([400, 406, 415, 420, 488, 501, 606])(
    'the wrapping with %i gets plain text, and from then on at once',
    async (status) => {
      const { server, page } = await messagingAtServer();
      server.handler = (request) => request.answer(typeOf(request) === 'message/cpim' ? status : 200);
      expect(await page.send(BOB, draft('ą')).outcome).toEqual({ state: 'sent' });
      expect(await page.send(BOB, draft('b')).outcome).toEqual({ state: 'sent' });
      const carol = page.send('sip:carol@campus.test', draft('c'));
      expect(await carol.outcome).toEqual({ state: 'sent' });
      const wrapped = ['message/cpim', 'text/plain'];
      expect(server.requests.map(typeOf)).toEqual([...wrapped, 'text/plain', ...wrapped]);
      expect(server.requests[1]?.body).toBe('ą');
      expect(server.requests[0]?.head.get('call-id')).toBe(server.requests[1]?.head.get('call-id'));
    },
  );

  test.each([403, 404, 480, 500, 603])('the text itself with %i gets it once', async (status) => {
    const { server, page } = await messagingAtServer();
    server.handler = (request) => request.answer(status);
    expect(await page.send(BOB, draft('a')).outcome).toMatchObject({ state: 'failed' });
    expect(server.requests.map(typeOf)).toEqual(['message/cpim']);
  });

  test('notifications is not sent more of them', async () => {
    const { server, agent, page } = await messagingAtServer();
    server.handler = (request) => request.answer(415);
    const receive = (id: string): void =>
      server.sendRequest(
        'MESSAGE',
        'sip:ana@campus.test',
        ['Content-Type: message/cpim', `From: <${BOB}>;tag=1`],
        `From: <${BOB}>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: ${id}\r\nimdn.Disposition-Notification: positive-delivery\r\n\r\nContent-Type: text/plain\r\n\r\nx`,
      );
    receive('1');
    await server.request('MESSAGE');
    await agent.request({ method: 'OPTIONS', to: BOB });
    receive('2');
    await server.until(() => server.answers[1]);
    await agent.request({ method: 'OPTIONS', to: BOB });
    expect(server.requests.filter(({ method }) => method === 'MESSAGE').length).toBe(1);
    expect(page.maximumBytes).toBeGreaterThan(10_000);
  });
});

test.each([
  [202, { state: 'waiting' }],
  [404, { state: 'failed', error: { code: 'peer-unknown', retryable: false } }],
  [480, { state: 'failed', error: { code: 'peer-offline', retryable: true } }],
  [486, { state: 'failed', error: { code: 'peer-busy', retryable: true } }],
  [403, { state: 'failed', error: { code: 'blocked', retryable: false } }],
  [302, { state: 'failed', error: { code: 'not-supported' } }],
  [500, { state: 'failed', error: { code: 'server-unavailable', retryable: true } }],
  [513, { state: 'failed', error: { code: 'too-big', retryable: false } }],
])('an answer %i', async (status, expected) => {
  const { server, page } = await messagingAtServer();
  server.handler = (request) => request.answer(status);
  expect(await page.send(BOB, draft('x')).outcome).toMatchObject(expected);
});

test('nothing in a name or an id becomes a header', async () => {
  const { server, page } = await messagingAtServer();
  await page.send(BOB, draft('a\r\nb', 'id\r\nimdn.Evil: yes')).outcome;
  const request = await server.request('MESSAGE');
  expect(request.body.split('\r\n').filter((line) => line.startsWith('imdn.Evil'))).toEqual([]);
  expect(request.head.get('imdn.evil')).toBeUndefined();
  expect(contentOf(request)).toMatchObject({ text: 'a\r\nb' });
});

test('half a surrogate is sent as the replacement character', async () => {
  const { server, page } = await messagingAtServer();
  expect(await page.send(BOB, draft('a\ud800b')).outcome).toEqual({ state: 'sent' });
  expect(contentOf(await server.request('MESSAGE'))).toMatchObject({ text: 'a\ufffdb' });
});

test('an address that is none fails and blocks nobody', async () => {
  const { page } = await messagingAtServer();
  expect(await page.send('tel:112', draft('x')).outcome).toMatchObject({
    state: 'failed',
    error: { code: 'address-invalid' },
  });
});

test('a type we can’t show is refused with those we can', async () => {
  const { server } = await messagingAtServer();
  server.sendRequest('MESSAGE', 'sip:ana@campus.test', ['Content-Type: text/rtf'], '{x}');
  const answer = await server.until(() => server.answers[0]);
  expect(answer.start).toMatchObject({ status: 415 });
  expect(answer.get('accept')).toContain('text/plain, text/html, message/cpim');
});

test('reading while offline is told at the next connection, also by the next life of the program', async () => {
  const storage = memoryStorage();
  const first = await messagingAtServer(storage);
  const id = randomUUID();
  first.server.sendRequest(
    'MESSAGE',
    'sip:ana@campus.test',
    ['Content-Type: message/cpim', `From: <${BOB}>;tag=1`],
    `From: <${BOB}>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: ${id}\r\nimdn.Disposition-Notification: display\r\n\r\nContent-Type: text/plain\r\n\r\nx`,
  );
  await first.server.until(() => first.server.answers[0]);
  first.state.online = false;
  first.page.sendRead(BOB, id);
  const second = await messagingAtServer(storage);
  second.page.restore();
  const told = contentOf(await second.server.request('MESSAGE'));
  expect(told).toEqual({ kind: 'imdn', imdns: [{ messageId: id, disposition: 'displayed' }] });
});

test('a read that nobody asked about is not told', async () => {
  const { server, agent, page } = await messagingAtServer();
  page.sendRead(BOB, 'whatever');
  await agent.request({ method: 'OPTIONS', to: BOB });
  expect(server.requests.length).toBe(1);
});

test('a failed delivery is a mark', async () => {
  const { server, page } = await messagingAtServer();
  const mark = next(page.onMark);
  server.sendRequest(
    'MESSAGE',
    'sip:ana@campus.test',
    ['Content-Type: message/imdn+xml', `From: <${BOB}>;tag=1`],
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>m</message-id><delivery-notification><status><failed/></status></delivery-notification></imdn>',
  );
  expect(await mark).toMatchObject({ peer: BOB, id: 'm', mark: 'failed' });
});
