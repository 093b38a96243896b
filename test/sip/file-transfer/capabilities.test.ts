// RFC 5547 §8.5: who asks what we can learns that we know files.
import { expect, test } from 'vitest';
import { person } from '../kit.ts';
import { keyedAgent } from '../local/keyed-agents.ts';
import { localPeer, multicastPort, portOf } from '../local/local-peers.ts';
import { ScriptedServer } from '../scripted-server.ts';

test('the answer to OPTIONS has a line for files that names none, and that nobody can connect to', async () => {
  const port = multicastPort();
  const ana = await localPeer('Ana', port);
  const { agent, uri } = await keyedAgent(ana.provider.address, await portOf(ana, port));
  const answer = await agent.request({ method: 'OPTIONS', to: uri });
  expect([answer.status, answer.header('content-type')]).toEqual([200, 'application/sdp']);
  const [, ...media] = answer.body.split(/^m=/m);
  expect(media).toEqual(['message 0 TCP/TLS/MSRP *\r\na=sendrecv\r\na=accept-types:*\r\na=file-selector\r\n']);
});

test('so it has at a server', async () => {
  const server = await ScriptedServer.open();
  const ana = person(
    { address: 'sip:ana@campus.test', server: { host: '127.0.0.1', port: server.port }, transport: 'tcp' },
    { random: () => 0.5 },
  );
  ana.provider.start();
  await ana.reach('online');
  server.sendRequest('OPTIONS', 'sip:ana@campus.test', []);
  const answer = await server.until(() => server.answers[0]);
  expect(answer.get('content-type')).toBe('application/sdp');
});
