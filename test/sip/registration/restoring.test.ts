import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { draft, memoryStorage, type Person, person } from '../kit.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';

const PEERS = ['sip:bob@campus.test', 'sip:carol@campus.test'];
const online = async (server: ScriptedServer, options: Record<string, string>): Promise<Person> => {
  const ana = person(
    { address: 'sip:ana@campus.test', server: { host: '127.0.0.1', port: server.port }, transport: 'tcp', options },
    { storage: memoryStorage() },
  );
  for (const address of PEERS) await ana.set('contactList').put({ address, name: '', groups: [] });
  ana.provider.start();
  await ana.reach('online');
  return ana;
};
const answer = (request: Received): void => {
  const isPresence = request.head.get('event') === 'presence';
  if (request.method === 'SUBSCRIBE' && isPresence) request.answer(200, ['Expires: 600', 'Contact: <sip:s@127.0.0.1>']);
  else if (request.method === 'SUBSCRIBE') request.answer(489);
  else request.answer(200, request.method === 'PUBLISH' ? ['SIP-ETag: x', 'Expires: 600'] : []);
};
/** What came of these from the nth request on. */
const since = (server: ScriptedServer, from: number): string[] =>
  server.requests
    .slice(from)
    .flatMap(({ method, head }) =>
      method === 'PUBLISH' || head.get('event') === 'presence' ? [`${method} ${head.get('event')}`] : [],
    );
const EXPECTED = ['SUBSCRIBE presence', 'SUBSCRIBE presence', 'PUBLISH presence'];

test('after a reconnect whom we see comes first, then who sees us', async () => {
  const server = await ScriptedServer.open();
  server.handler = answer;
  const ana = await online(server, { xcapRoot: '' });
  await ana.set('presence').publish({ state: 'away', note: '' });
  const before = server.requests.length;
  for (const socket of server.sockets) socket.destroy();
  await ana.reach('waiting');
  await ana.reach('online');
  await server.until(() => (since(server, before).length >= 3 ? true : undefined));
  expect(since(server, before)).toEqual(EXPECTED);
});

test('a connection that is lost while the list of contacts is read leaves nothing to the next one but itself', async () => {
  const server = await ScriptedServer.open();
  server.handler = answer;
  // the list's server takes questions and never answers them
  const asked: http.IncomingMessage[] = [];
  const lists = http.createServer((request) => asked.push(request)).listen(0, '127.0.0.1');
  await once(lists, 'listening');
  onTestFinished(() => {
    lists.closeAllConnections();
    lists.close();
  });
  const root = `http://127.0.0.1:${(lists.address() as AddressInfo).port}/xcap-root/`;
  const ana = await online(server, { xcapRoot: root });
  await ana.set('presence').publish({ state: 'away', note: '' });
  const before = server.requests.length;
  for (let round = 0; round < 2; round++) {
    for (const socket of server.sockets) socket.destroy();
    await ana.reach('waiting');
    await ana.reach('online');
  }
  await server.until(() => (since(server, before).includes('PUBLISH presence') ? true : undefined));
  expect(since(server, before).filter((each) => each.startsWith('PUBLISH')).length).toBe(1);
});

test('what is published while the list of contacts is read is not published again after it', async () => {
  const server = await ScriptedServer.open();
  server.handler = answer;
  const lists: http.ServerResponse[] = [];
  const xcap = http.createServer((_request, response) => lists.push(response)).listen(0, '127.0.0.1');
  await once(xcap, 'listening');
  onTestFinished(() => {
    xcap.closeAllConnections();
    xcap.close();
  });
  const ana = await online(server, { xcapRoot: `http://127.0.0.1:${(xcap.address() as AddressInfo).port}/xcap-root/` });
  // as the program does as soon as it is online
  await ana.set('presence').publish({ state: 'away', note: '' });
  const [list] = lists;
  list?.writeHead(404).end();
  await server.until(() => (since(server, 0).length >= 3 ? true : undefined));
  await ana.set('messaging').send('sip:bob@campus.test', draft('x')).outcome;
  expect(since(server, 0).toSorted()).toEqual(EXPECTED.toSorted());
});
