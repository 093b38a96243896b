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
