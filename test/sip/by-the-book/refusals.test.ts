import { expect, test } from 'vitest';
import type { MessageHead } from '../../../protocols/sip/transport/wire/message-head.ts';
import { anaAt } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

const statusOf = ({ start }: MessageHead): number => (start.kind === 'response' ? start.status : 0);
let calls = 0;
/** Sends a request and resolves to its final answer. */
const asked = async (
  server: ScriptedServer,
  method: string,
  { to = 'sip:ana@campus.test', lines = [], body = '' }: { to?: string; lines?: readonly string[]; body?: string } = {},
): Promise<MessageHead> => {
  const callId = `refused-${++calls}`;
  server.sendRequest(method, to, [`Call-ID: ${callId}`, ...lines], body);
  return server.until(() =>
    server.answers.find((answer) => answer.get('call-id') === callId && statusOf(answer) >= 200),
  );
};

test.each([
  ['MESSAGE', 405],
  ['REGISTER', 405],
  ['PUBLISH', 405],
  ['SUBSCRIBE', 405],
  ['REFER', 405],
  ['INFO', 405],
  ['UPDATE', 405],
  ['FETCH', 501],
  ['message', 501],
])('%s, which is not taken, is answered %i with the methods that are', async (method, status) => {
  const server = await ScriptedServer.open();
  await serverAgent(server.port);
  const answer = await asked(server, method);
  expect([statusOf(answer), answer.get('allow')]).toEqual([
    status,
    'INVITE, ACK, CANCEL, BYE, MESSAGE, NOTIFY, OPTIONS',
  ]);
});

test('a text of a type or in a coding that is not taken is answered 415 with those that are', async () => {
  const server = await ScriptedServer.open();
  server.handler = (request) => request.answer(request.method === 'SUBSCRIBE' ? 489 : 200);
  const ana = anaAt(server.port);
  ana.provider.start();
  await ana.reach('online');
  const other = await asked(server, 'MESSAGE', { lines: ['Content-Type: image/png'], body: 'x' });
  const packed = await asked(server, 'MESSAGE', {
    lines: ['Content-Type: text/plain', 'Content-Encoding: gzip'],
    body: 'x',
  });
  expect([other, packed].map(statusOf)).toEqual([415, 415]);
  expect([other, packed].map((answer) => answer.get('accept')?.startsWith('text/plain, text/html, '))).toEqual([
    true,
    true,
  ]);
  expect([other, packed].map((answer) => answer.get('accept-encoding'))).toEqual([undefined, 'identity']);
});

test('an INVITE with a body that is no session description is answered 415 with the type that is', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  agent.onInvite = () => expect.unreachable();
  const contact = 'Contact: <sip:bob@127.0.0.1>';
  const other = await asked(server, 'INVITE', { lines: [contact, 'Content-Type: text/plain'], body: 'x' });
  expect([statusOf(other), other.get('accept')]).toEqual([415, 'application/sdp']);
  // RFC 3261 §20.11: it may be passed over, and nothing is offered then
  const optional = ['Content-Type: text/plain', 'Content-Disposition: render;handling=optional'];
  expect(statusOf(await asked(server, 'INVITE', { lines: [contact, ...optional], body: 'x' }))).toBe(488);
});

test('what another user can is answered like an invitation of theirs', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  agent.onInvite = (session) => session.reject(486);
  for (const to of ['sip:carol@campus.test', 'sip:campus.test']) {
    expect(statusOf(await asked(server, 'OPTIONS', { to }))).toBe(404);
    expect(statusOf(await asked(server, 'INVITE', { to, lines: ['Contact: <sip:bob@127.0.0.1>'] }))).toBe(404);
  }
  expect(statusOf(await asked(server, 'OPTIONS'))).toBe(200);
  expect(statusOf(await asked(server, 'OPTIONS', { to: agent.contact.slice(1, -1) }))).toBe(200);
});
