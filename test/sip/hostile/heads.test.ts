import { expect, test } from 'vitest';
import { ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

const statusOf = (server: ScriptedServer, callId: string): Promise<number> =>
  server.until(() => {
    const answer = server.answers.find((each) => each.get('call-id') === callId);
    return answer?.start.kind === 'response' ? answer.start.status : undefined;
  });

test('names every object has are header names and parameters like any other', async () => {
  const server = await ScriptedServer.open();
  const { agent, logs } = await serverAgent(server.port);
  const texts: string[] = [];
  agent.onMessage = (request) => {
    texts.push(request.message.body);
    request.accept();
  };
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];
  for (const name of names) {
    server.sendRequest(
      'MESSAGE',
      'sip:ana@campus.test',
      [
        `Call-ID: ${name}`,
        `${name}: polluted`,
        `From: <sip:bob@campus.test;${name}=polluted>;tag=1;${name}=polluted`,
        `To: Ana <sip:ana@campus.test;${name}>;${name}`,
        `Contact: <sip:bob@127.0.0.1;${name}=polluted?${name}=polluted>;${name}=polluted`,
        `Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK${name};${name}=polluted`,
        `Content-Type: text/plain;${name}=polluted`,
      ],
      name,
    );
    expect([name, await statusOf(server, name)]).toEqual([name, 200]);
  }
  expect(texts).toEqual(names);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect(logs).toEqual([]);
});

test.each([
  'From: <sip:eve@campus.test>;tag=2',
  'To: <sip:eve@campus.test>',
  'Call-ID: other',
  'CSeq: 2 MESSAGE',
  'c: text/html',
])('a second %s in a request is refused with 400', async (line) => {
  const server = await ScriptedServer.open();
  const { agent, logs } = await serverAgent(server.port);
  agent.onMessage = () => expect.unreachable();
  server.sendRequest('MESSAGE', 'sip:ana@campus.test', [
    'From: <sip:bob@campus.test>;tag=1',
    'To: <sip:ana@campus.test>',
    'Call-ID: first',
    'CSeq: 1 MESSAGE',
    'Content-Type: text/plain',
    line,
  ]);
  expect(await statusOf(server, 'first')).toBe(400);
  expect(logs).toEqual([]);
});

test.each(['1 INVITE', 'MESSAGE', '-1 MESSAGE', '99999999999 MESSAGE', '1 MESSAGE MESSAGE', '1'])(
  'a request whose CSeq is %s is refused with 400',
  async (cseq) => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    agent.onMessage = () => expect.unreachable();
    server.sendRequest('MESSAGE', 'sip:ana@campus.test', ['Call-ID: odd', `CSeq: ${cseq}`], 'x');
    expect(await statusOf(server, 'odd')).toBe(400);
  },
);

test.each(['CSeq: 1', 'CSeq: x MESSAGE', 'CSeq: 1 MESSAGE\r\nCSeq: \u0000'])(
  'an answer with %j is passed over, and the right one counts',
  async (line) => {
    const server = await ScriptedServer.open();
    const { agent, logs } = await serverAgent(server.port);
    server.handler = (request) => {
      const { head } = request;
      const kept = ['Via', 'From', 'To', 'Call-ID'].map((name) => `${name}: ${head.get(name)}`);
      server.send(['SIP/2.0 200 OK', ...kept, line, 'Content-Length: 0', '', ''].join('\r\n'));
      request.answer(404);
    };
    expect((await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test' })).status).toBe(404);
    expect(logs).toEqual(['debug sip.unreadable {"status":200}']);
  },
);
