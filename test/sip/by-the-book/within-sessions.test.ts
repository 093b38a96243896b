import { expect, test } from 'vitest';
import type { MessageHead } from '../../../protocols/sip/transport/wire/message-head.ts';
import { reached } from '../direct-agents.ts';
import { ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n';
const ALLOW = 'INVITE, ACK, CANCEL, BYE, MESSAGE, NOTIFY, OPTIONS';

/** An established session of ours, and requests of the peer's within it. */
const talking = async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const texts: (readonly [from: string, text: string])[] = [];
  agent.onMessage = (request) => {
    texts.push([request.from, request.message.body]);
    request.accept();
  };
  server.handler = (request) =>
    request.answer(
      200,
      request.method === 'INVITE'
        ? [`Contact: <sip:bob@127.0.0.1:${server.port}>`, 'Content-Type: application/sdp']
        : [],
      request.method === 'INVITE' ? SDP : '',
    );
  const session = agent.invite('sip:bob@campus.test', { sdp: SDP });
  await reached(session, 'established');
  const invite = await server.request('INVITE');
  let cseq = 0;
  const within = async (method: string, lines: readonly string[] = [], body = '') => {
    cseq += 1;
    const sequence = `${cseq} ${method}`;
    server.sendRequest(
      method,
      agent.contact.slice(1, -1),
      [
        `Call-ID: ${invite.head.get('call-id')}`,
        ...(lines.some((line) => line.startsWith('From:')) ? [] : ['From: <sip:bob@campus.test>;tag=server']),
        `To: ${invite.head.get('from')}`,
        `CSeq: ${sequence}`,
        'Contact: <sip:bob@127.0.0.1>',
        ...lines,
      ],
      body,
    );
    return server.until(() =>
      server.answers.find((answer) => statusOf(answer) >= 200 && answer.get('cseq') === sequence),
    );
  };
  return { server, agent, session, texts, within };
};
const statusOf = ({ start }: MessageHead): number => (start.kind === 'response' ? start.status : 0);

test('a text within a session is taken, from its peer whatever its From says', async () => {
  const { texts, within } = await talking();
  expect(statusOf(await within('MESSAGE', ['Content-Type: text/plain'], 'hello'))).toBe(200);
  const forged = ['Content-Type: text/plain', 'From: <sip:dean@campus.test>;tag=server'];
  expect(statusOf(await within('MESSAGE', forged, 'I am the dean'))).toBe(200);
  expect(texts).toEqual([
    ['sip:bob@campus.test', 'hello'],
    ['sip:bob@campus.test', 'I am the dean'],
  ]);
});

test('a new offer that is no session description is refused with 415, and the session lives on', async () => {
  const { session, within } = await talking();
  const refusal = await within('INVITE', ['Content-Type: text/html'], '<p>hello');
  expect([statusOf(refusal), refusal.get('accept'), refusal.get('accept-encoding')]).toEqual([
    415,
    'application/sdp',
    undefined,
  ]);
  const packed = await within('INVITE', ['Content-Type: application/sdp', 'Content-Encoding: gzip'], 'x');
  expect([statusOf(packed), packed.get('accept-encoding')]).toEqual([415, 'identity']);
  expect(session.state.state).toBe('established');
  expect(statusOf(await within('INVITE', ['Content-Type: application/sdp'], SDP))).toBe(200);
});

test.each(['INFO', 'REFER', 'SUBSCRIBE', 'UPDATE'])(
  '%s within a session is answered 405 with what we take',
  async (method) => {
    const { within } = await talking();
    const answer = await within(method);
    expect([statusOf(answer), answer.get('allow')]).toEqual([405, ALLOW]);
  },
);

test('OPTIONS within a session says what any other says', async () => {
  const { within } = await talking();
  const answer = await within('OPTIONS');
  expect([statusOf(answer), answer.get('allow'), answer.get('accept')]).toEqual([
    200,
    ALLOW,
    'application/sdp, text/plain',
  ]);
});

test('a PRACK that matches nothing is answered 481, within a session and outside', async () => {
  const { server, within } = await talking();
  expect(statusOf(await within('PRACK', ['RAck: 1 1 INVITE']))).toBe(481);
  server.sendRequest('PRACK', 'sip:ana@campus.test', ['Call-ID: alone', 'RAck: 1 1 INVITE']);
  expect(statusOf(await server.until(() => server.answers.find((each) => each.get('call-id') === 'alone')))).toBe(481);
});

test('a text before the session stands is answered, too', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const texts: string[] = [];
  agent.onMessage = (request) => {
    texts.push(request.message.body);
    request.accept();
  };
  agent.onInvite = (session) => session.ring();
  server.sendRequest(
    'INVITE',
    'sip:ana@campus.test',
    ['Call-ID: early', 'Contact: <sip:bob@127.0.0.1>', 'Content-Type: application/sdp'],
    SDP,
  );
  const ringing = await server.until(() => server.answers.find((each) => statusOf(each) === 180));
  server.sendRequest(
    'MESSAGE',
    'sip:ana@campus.test',
    ['Call-ID: early', `To: ${ringing.get('to')}`, 'CSeq: 2 MESSAGE', 'Content-Type: text/plain'],
    'are you there?',
  );
  const answer = await server.until(() => server.answers.find((each) => each.get('cseq') === '2 MESSAGE'));
  expect([statusOf(answer), texts]).toEqual([200, ['are you there?']]);
});
