import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../msrp/clock.ts';
import { MemorySink, MsrpEndpoint } from '../../../msrp/index.ts';
import { Media } from '../../../protocols/sip/media/media.ts';
import { SipMessaging } from '../../../protocols/sip/messaging/messaging.ts';
import { dispatchInvitation } from '../../../protocols/sip/offers/invitations.ts';
import { TestClock } from '../../msrp/support/test-clock.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

const BOB = 'sip:bob@campus.test';

/** Ana at a server that does what the test says with her INVITE. */
const atServer = async (clock: TestClock | typeof systemClock = systemClock) => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const messaging = new SipMessaging({
    agent,
    storage: { get: () => undefined, put: () => {}, delete: () => {} },
    media: new Media({ now: Date.now, log: () => {}, relay: () => undefined, certificateAuthorities: [] }),
    place: () => agent.local && { host: agent.local.address, secure: false },
    online: () => agent.connected,
    reachable: () => true,
    alone: () => true,
    lookAround: () => {},
    now: Date.now,
    clock,
  });
  agent.onInvite = (session) => dispatchInvitation(session, [messaging.chats]);
  onTestFinished(() => messaging.stop());
  let ids = 0;
  const say = async (text: string): Promise<string> => {
    const { outcome } = messaging.send(BOB, { id: `id-${ids++}`, text, composedAt: 0 });
    return (await outcome).state;
  };
  const inSession = () =>
    new Promise<void>((resolve) => {
      messaging.onMode(() => {
        if (messaging.modeOf(BOB) === 'session') resolve();
      });
    });
  return { server, messaging, say, inSession };
};

/** A device of Bob's: where it listens, and what it got. */
const device = async () => {
  const endpoint = new MsrpEndpoint();
  onTestFinished(() => endpoint.close());
  const listener = await endpoint.listen({ host: '127.0.0.1' });
  const texts: MemorySink[] = [];
  const session = endpoint.createSession({
    listener,
    accept: () => {
      const sink = new MemorySink(10_000);
      texts.push(sink);
      return { sink };
    },
  });
  void session.start({ role: 'passive' }).catch(() => {});
  const answer = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=message ${listener.port} TCP/MSRP *`,
    'a=setup:passive',
    'a=accept-types:text/plain',
    `a=path:${session.localPath}`,
    '',
  ].join('\r\n');
  return { answer, texts };
};

/** Answers as one of several devices: each has a tag of its own (RFC 3261 §12.1). */
const answerAs = (server: ScriptedServer, { head }: Received, status: number, tag: string, body = ''): void =>
  server.send(
    [
      `SIP/2.0 ${status} Whatever`,
      ...head.all('via').map((via) => `Via: ${via}`),
      `From: ${head.get('from')}`,
      `To: ${head.get('to')};tag=${tag}`,
      `Call-ID: ${head.get('call-id')}`,
      `CSeq: ${head.get('cseq')}`,
      `Contact: <sip:${tag}@127.0.0.1:${server.port};transport=tcp>`,
      ...(body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
const answerRest = (request: Received): void => {
  if (request.method !== 'INVITE') request.answer(200);
};

test('of several devices the first to answer has the session, the others are said goodbye to', async () => {
  const { server, say, inSession, messaging } = await atServer();
  const [one, two] = [await device(), await device()];
  server.handler = answerRest;
  const opened = inSession();
  expect([await say('a'), await say('b')]).toEqual(['sent', 'sent']);
  const invite = await server.request('INVITE');
  for (const tag of ['one', 'two']) answerAs(server, invite, 180, tag);
  answerAs(server, invite, 200, 'one', one.answer);
  answerAs(server, invite, 200, 'two', two.answer);
  const bye = await server.request('BYE');
  expect(bye.head.get('to')).toContain('tag=two');
  await opened;
  expect(await say('in session')).toBe('sent');
  expect(one.texts.map(({ text }) => text)).toEqual(['in session']);
  expect(two.texts).toEqual([]);
  const acknowledged = await server.until(() =>
    server.acknowledgements.length >= 2 ? server.acknowledgements : undefined,
  );
  expect(new Set(acknowledged.map((head) => /tag=(\w+)/.exec(head.get('to') ?? '')?.[1]))).toEqual(
    new Set(['one', 'two']),
  );
  expect(messaging.modeOf(BOB)).toBe('session');
  expect(server.requests.filter(({ method }) => method === 'BYE')).toHaveLength(1);
});

test('devices that ring and one that answers late, after all was called off: it is said goodbye to', async () => {
  const clock = new TestClock();
  const { server, say, messaging } = await atServer(clock);
  const { answer } = await device();
  server.handler = answerRest;
  await say('a');
  await say('b');
  const invite = await server.request('INVITE');
  for (const tag of ['one', 'two']) answerAs(server, invite, 183, tag);
  expect(await say('c')).toBe('sent');
  clock.advance(20_000);
  await server.request('CANCEL');
  // the answer was on its way when the CANCEL came
  answerAs(server, invite, 200, 'two', answer);
  const bye = await server.request('BYE');
  expect(bye.head.get('to')).toContain('tag=two');
  expect(await say('d')).toBe('sent');
  expect(messaging.modeOf(BOB)).toBe('page');
});

test('an answer without a description, or with a broken one, ends the attempt', async () => {
  const { server, say, messaging } = await atServer();
  server.handler = (request) => {
    if (request.method === 'INVITE') answerAs(server, request, 200, 'one', 'v=0\r\nnonsense\r\n');
    else request.answer(200);
  };
  expect([await say('a'), await say('b')]).toEqual(['sent', 'sent']);
  await server.request('BYE');
  expect(await say('c')).toBe('sent');
  expect(messaging.modeOf(BOB)).toBe('page');
  expect(server.requests.filter(({ method }) => method === 'INVITE')).toHaveLength(1);
});

test.each([
  ['480 to OPTIONS', 0, 480, []],
  ['OPTIONS that tell of audio only', 0, 200, ['Contact: <sip:bob@127.0.0.1>;audio']],
  ['OPTIONS that tell of messages', 1, 200, ['Contact: <sip:bob@127.0.0.1>;message']],
  ['405 to OPTIONS', 1, 405, []],
] as const)('after %s it is invited %i times', async (_, invited, status, headers) => {
  const { server, say, messaging } = await atServer();
  server.handler = (request) => {
    if (request.method === 'OPTIONS') request.answer(status, headers);
    else if (request.method === 'INVITE') request.answer(488);
    else request.answer(200);
  };
  for (const text of ['a', 'b', 'c', 'd']) expect(await say(text)).toBe('sent');
  await server.request('OPTIONS');
  if (invited > 0) await server.request('INVITE');
  for (const text of ['e', 'f']) expect(await say(text)).toBe('sent');
  const count = (method: string) => server.requests.filter((request) => request.method === method).length;
  expect([count('OPTIONS'), count('INVITE'), count('MESSAGE')]).toEqual([1, invited, 6]);
  expect(messaging.modeOf(BOB)).toBe('page');
});
