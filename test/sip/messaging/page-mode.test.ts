import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Media } from '../../../protocols/sip/media/media.ts';
import { formatIsComposing } from '../../../protocols/sip/messaging/is-composing.ts';
import { readContent } from '../../../protocols/sip/messaging/message-content.ts';
import { SipMessaging } from '../../../protocols/sip/messaging/messaging.ts';
import { draft, memoryStorage, next } from '../kit.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

const BOB = 'sip:bob@campus.test';

const messaging = async (storage = memoryStorage()) => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  let online = true;
  const page = new SipMessaging({
    agent,
    storage,
    media: new Media({ now: Date.now, log: () => {}, relay: () => undefined, certificateAuthorities: [] }),
    // nowhere a session could lead to
    place: () => undefined,
    online: () => online && agent.connected,
    reachable: (peer) => peer !== 'sip:away@campus.test',
    alone: () => true,
    lookAround: () => {},
    now: Date.now,
  });
  const texts: string[] = [];
  page.receiver = ({ text }) => {
    texts.push(text);
    return 'stored';
  };
  return { server, agent, page, texts, setOnline: (value: boolean) => (online = value) };
};
const typeOf = ({ head }: Received): string => (head.get('content-type') ?? '').split(';')[0] ?? '';
const contentOf = (request: Received) => readContent(request.head.get('content-type') ?? '', Buffer.from(request.body));

test('one is on its way to a peer at a time; another peer does not wait', async () => {
  const { server, page } = await messaging();
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
  test('the wrapping gets plain text, and from then on at once', async () => {
    const { server, page } = await messaging();
    server.handler = (request) => request.answer(typeOf(request) === 'message/cpim' ? 415 : 200);
    expect(await page.send(BOB, draft('ą')).outcome).toEqual({ state: 'sent' });
    expect(await page.send(BOB, draft('b')).outcome).toEqual({ state: 'sent' });
    expect(server.requests.map(typeOf)).toEqual(['message/cpim', 'text/plain', 'text/plain']);
    expect(server.requests[1]?.body).toBe('ą');
    expect(server.requests[0]?.head.get('call-id')).toBe(server.requests[1]?.head.get('call-id'));
  });

  test('typing notices is not sent more of them, and texts go on', async () => {
    const { server, page } = await messaging();
    server.handler = (request) => request.answer(typeOf(request) === 'message/cpim' ? 200 : 415);
    page.sendTyping(BOB, 'composing');
    expect(await page.send(BOB, draft('a')).outcome).toEqual({ state: 'sent' });
    page.sendTyping(BOB, 'composing');
    await page.send('sip:carol@campus.test', draft('b')).outcome;
    page.sendTyping(BOB, 'composing');
    expect(await page.send(BOB, draft('c')).outcome).toEqual({ state: 'sent' });
    expect(
      server.requests.filter((request) => typeOf(request) === 'application/im-iscomposing+xml').length,
    ).toBeLessThan(2);
  });

  test('notifications is not sent more of them', async () => {
    const { server, agent, page } = await messaging();
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
  const { server, page } = await messaging();
  server.handler = (request) => request.answer(status);
  expect(await page.send(BOB, draft('x')).outcome).toMatchObject(expected);
});

test('nothing in a name or an id becomes a header', async () => {
  const { server, page } = await messaging();
  await page.send(BOB, draft('a\r\nb', 'id\r\nimdn.Evil: yes')).outcome;
  const request = await server.request('MESSAGE');
  expect(request.body.split('\r\n').filter((line) => line.startsWith('imdn.Evil'))).toEqual([]);
  expect(request.head.get('imdn.evil')).toBeUndefined();
  expect(contentOf(request)).toMatchObject({ text: 'a\r\nb' });
});

test('half a surrogate is sent as the replacement character', async () => {
  const { server, page } = await messaging();
  expect(await page.send(BOB, draft('a\ud800b')).outcome).toEqual({ state: 'sent' });
  expect(contentOf(await server.request('MESSAGE'))).toMatchObject({ text: 'a\ufffdb' });
});

test('an address that is none fails and blocks nobody', async () => {
  const { page } = await messaging();
  expect(await page.send('tel:112', draft('x')).outcome).toMatchObject({
    state: 'failed',
    error: { code: 'address-invalid' },
  });
});

describe('typing', () => {
  test('is not sent to who is away, nor before a first key, nor again at every key', async () => {
    const { server, agent, page } = await messaging();
    page.sendTyping('sip:away@campus.test', 'composing');
    page.sendTyping(BOB, 'paused');
    for (let key = 0; key < 10; key++) page.sendTyping(BOB, 'composing');
    await server.request('MESSAGE');
    await agent.request({ method: 'OPTIONS', to: BOB });
    expect(server.requests.filter(({ method }) => method === 'MESSAGE').length).toBe(1);
  });

  test('is not sent any more once the server keeps it for later', async () => {
    const { server, agent, page } = await messaging();
    server.handler = (request) => request.answer(202);
    page.sendTyping(BOB, 'composing');
    await server.request('MESSAGE');
    await agent.request({ method: 'OPTIONS', to: BOB });
    page.sendTyping(BOB, 'paused');
    await agent.request({ method: 'OPTIONS', to: BOB });
    expect(server.requests.filter(({ method }) => method === 'MESSAGE').length).toBe(1);
  });

  test('of the other side ends with its text', async () => {
    const { server, page, texts } = await messaging();
    const seen: string[] = [];
    page.onTyping(({ state }) => seen.push(state));
    const from = `From: <${BOB}>;tag=1`;
    server.sendRequest(
      'MESSAGE',
      'sip:ana@campus.test',
      [from, 'Content-Type: application/im-iscomposing+xml'],
      formatIsComposing('composing'),
    );
    server.sendRequest('MESSAGE', 'sip:ana@campus.test', [from, 'Content-Type: text/plain'], 'done');
    await server.until(() => server.answers[1]);
    expect([seen, texts]).toEqual([['composing', 'paused'], ['done']]);
    page.stop();
  });
});

test('a type we can’t show is refused with those we can', async () => {
  const { server } = await messaging();
  server.sendRequest('MESSAGE', 'sip:ana@campus.test', ['Content-Type: text/html'], '<b>x</b>');
  const answer = await server.until(() => server.answers[0]);
  expect(answer.start).toMatchObject({ status: 415 });
  expect(answer.get('accept')).toContain('text/plain, message/cpim');
});

test('reading while offline is told at the next connection, also by the next life of the program', async () => {
  const storage = memoryStorage();
  const first = await messaging(storage);
  const id = randomUUID();
  first.server.sendRequest(
    'MESSAGE',
    'sip:ana@campus.test',
    ['Content-Type: message/cpim', `From: <${BOB}>;tag=1`],
    `From: <${BOB}>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: ${id}\r\nimdn.Disposition-Notification: display\r\n\r\nContent-Type: text/plain\r\n\r\nx`,
  );
  await first.server.until(() => first.server.answers[0]);
  first.setOnline(false);
  first.page.sendRead(BOB, id);
  const second = await messaging(storage);
  second.page.restore();
  const told = contentOf(await second.server.request('MESSAGE'));
  expect(told).toEqual({ kind: 'imdn', imdn: { messageId: id, disposition: 'displayed' } });
});

test('a read that nobody asked about is not told', async () => {
  const { server, agent, page } = await messaging();
  page.sendRead(BOB, 'whatever');
  await agent.request({ method: 'OPTIONS', to: BOB });
  expect(server.requests.length).toBe(1);
});

test('a failed delivery is a mark', async () => {
  const { server, page } = await messaging();
  const mark = next(page.onMark);
  server.sendRequest(
    'MESSAGE',
    'sip:ana@campus.test',
    ['Content-Type: message/imdn+xml', `From: <${BOB}>;tag=1`],
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>m</message-id><delivery-notification><status><failed/></status></delivery-notification></imdn>',
  );
  expect(await mark).toMatchObject({ peer: BOB, id: 'm', mark: 'failed' });
});
