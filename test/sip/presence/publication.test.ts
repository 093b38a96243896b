import { afterEach, describe, expect, test, vi } from 'vitest';
import { Publication } from '../../../protocols/sip/presence/publication.ts';
import { memoryStorage } from '../kit.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

afterEach(() => void vi.useRealTimers());

const publishing = async (storage = memoryStorage()) => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port, 'TCP', { interval: 1e8, pongWithin: 1e8 });
  let online = true;
  let tags = 0;
  server.handler = (request) => request.answer(200, [`SIP-ETag: tag${++tags}`, 'Expires: 600']);
  const lost: string[] = [];
  const publication = new Publication({
    agent,
    storage,
    online: () => online && agent.connected,
    onForgotten: () => lost.push('forgotten'),
  });
  return { server, agent, publication, lost, setOnline: (value: boolean) => (online = value) };
};
const tagOf = ({ head }: Received): string | undefined => head.get('sip-if-match');
const summary = (server: ScriptedServer): unknown[] =>
  server.requests.map((request) => [tagOf(request), request.body, request.head.get('expires')]);

test('one is on its way at a time, and what waits gives way to what is newer', async () => {
  const { server, publication } = await publishing();
  const held: Received[] = [];
  server.handler = (request) => void held.push(request);
  const all = Promise.all(['one', 'two', 'three'].map((document) => publication.publish(document)));
  (await server.request('PUBLISH')).answer(200, ['SIP-ETag: a', 'Expires: 600']);
  (await server.request('PUBLISH', 2)).answer(200, ['SIP-ETag: b', 'Expires: 600']);
  await all;
  expect(summary(server)).toEqual([
    [undefined, 'one', '600'],
    ['a', 'three', '600'],
  ]);
  server.handler = (request) => request.answer(200);
  await publication.stop();
  expect(summary(server).at(-1)).toEqual(['b', '', '0']);
});

test('a server that has forgotten our tag gets everything anew', async () => {
  const { server, publication, lost } = await publishing();
  await publication.publish('one');
  server.handler = (request) =>
    tagOf(request) ? request.answer(412) : request.answer(200, ['SIP-ETag: new', 'Expires: 60']);
  await publication.publish('two');
  expect(summary(server)).toEqual([
    [undefined, 'one', '600'],
    ['tag1', 'two', '600'],
    [undefined, 'two', '600'],
  ]);
  // subscriptions are asked about once, however many tags were tried
  expect(lost).toEqual(['forgotten']);
  publication.suspend();
});

test('a server that fell back to an earlier state is met there, so that no old document stays', async () => {
  const { server, publication } = await publishing();
  for (const document of ['one', 'two', 'three']) await publication.publish(document);
  server.requests.length = 0;
  server.handler = (request) =>
    tagOf(request) === 'tag1' ? request.answer(200, ['SIP-ETag: back']) : request.answer(412);
  await publication.publish('four');
  expect(server.requests.map(tagOf)).toEqual(['tag3', 'tag2', 'tag1']);
  server.handler = (request) => request.answer(200);
  await publication.stop();
  expect(summary(server).at(-1)).toEqual(['back', '', '0']);
});

test('a tag of an earlier life is used, so that no second document appears', async () => {
  const storage = memoryStorage();
  const first = await publishing(storage);
  await first.publication.publish('one');
  first.publication.suspend();
  const second = await publishing(storage);
  await second.publication.publish('two');
  expect(summary(second.server)).toEqual([['tag1', 'two', '600']]);
  second.publication.suspend();
});

test('what is published while offline waits for the connection', async () => {
  const { server, publication, setOnline } = await publishing();
  setOnline(false);
  const published = publication.publish('later');
  setOnline(true);
  publication.restore();
  await published;
  expect(summary(server)).toEqual([[undefined, 'later', '600']]);
  publication.suspend();
});

test('what is on its way, or was taken, when the account is restored goes once', async () => {
  const { server, publication } = await publishing();
  const published = publication.publish('x');
  publication.restore();
  await published;
  publication.restore();
  // the connection is another
  publication.suspend();
  publication.restore();
  await server.request('PUBLISH', 2);
  await publication.stop();
  expect(summary(server)).toEqual([
    [undefined, 'x', '600'],
    ['tag1', 'x', '600'],
    ['tag2', '', '0'],
  ]);
});

test('a refusal is told to who asked', async () => {
  const { server, publication } = await publishing();
  server.handler = (request) => request.answer(489);
  await expect(publication.publish('x')).rejects.toMatchObject({ code: 'not-supported', retryable: false });
});

test('an interval too brief is asked for longer', async () => {
  const { server, publication } = await publishing();
  server.handler = (request) =>
    request.head.get('expires') === '900'
      ? request.answer(200, ['SIP-ETag: a', 'Expires: 900'])
      : request.answer(423, ['Min-Expires: 900']);
  await publication.publish('x');
  expect(server.requests.length).toBe(2);
  publication.suspend();
});

test('when the connection breaks on the way, it is published after the next one', async () => {
  const { server, agent, publication } = await publishing();
  const { handler } = server;
  server.handler = () => {
    for (const socket of server.sockets) socket.destroy();
  };
  const published = publication.publish('x');
  await new Promise((resolve) => agent.onDisconnected(resolve));
  server.handler = handler;
  await agent.connect();
  publication.restore();
  await published;
  expect(summary(server)).toEqual([
    [undefined, 'x', '600'],
    [undefined, 'x', '600'],
  ]);
  publication.suspend();
});

describe('a refresh', () => {
  const refreshed = async () => {
    const made = await publishing();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await made.publication.publish('one');
    return made;
  };

  test('without a body and with the last tag keeps it alive', async () => {
    const { server, publication } = await refreshed();
    await vi.advanceTimersByTimeAsync(480_000);
    await server.request('PUBLISH', 2);
    expect(summary(server)[1]).toEqual(['tag1', '', '600']);
    publication.suspend();
  });

  test('that nobody answers is not the last one', async () => {
    const { server, publication } = await refreshed();
    const { handler } = server;
    server.handler = () => {};
    await vi.advanceTimersByTimeAsync(480_000);
    await server.request('PUBLISH', 2);
    server.handler = handler;
    // RFC 3261 §17.1.2.2: timer F, and a while
    await vi.advanceTimersByTimeAsync(32_000 + 60_000);
    await server.request('PUBLISH', 3);
    expect(summary(server)[2]).toEqual(['tag1', 'one', '600']);
    publication.suspend();
  });

  test('that the server has no time for is made when it says', async () => {
    const { server, publication } = await refreshed();
    const { handler } = server;
    server.handler = (request) => request.answer(503, ['Retry-After: 90']);
    await vi.advanceTimersByTimeAsync(480_000);
    await server.request('PUBLISH', 2);
    server.handler = handler;
    await vi.waitUntil(() => vi.getTimerCount() > 0);
    await vi.advanceTimersByTimeAsync(89_000);
    expect(server.requests.length).toBe(2);
    await vi.advanceTimersByTimeAsync(1_001);
    await server.request('PUBLISH', 3);
    publication.suspend();
  });

  test('with a tag that is gone publishes what is meant by then', async () => {
    const { server, publication } = await refreshed();
    server.handler = (request) => (tagOf(request) ? undefined : request.answer(200, ['SIP-ETag: new', 'Expires: 600']));
    await vi.advanceTimersByTimeAsync(480_000);
    const refresh = await server.request('PUBLISH', 2);
    const published = publication.publish('two');
    refresh.answer(412);
    await published;
    expect(summary(server).slice(1)).toEqual([
      ['tag1', '', '600'],
      [undefined, 'two', '600'],
    ]);
    publication.suspend();
  });
});

test('what is published while a tag turns out to be gone goes last, and alone', async () => {
  const { server, publication } = await publishing();
  await publication.publish('one');
  const held: Received[] = [];
  server.handler = (request) => void held.push(request);
  const two = publication.publish('two');
  (await server.request('PUBLISH', 2)).answer(412);
  const three = await server.request('PUBLISH', 3);
  const last = publication.publish('three');
  three.answer(200, ['SIP-ETag: again', 'Expires: 600']);
  (await server.request('PUBLISH', 4)).answer(200, ['SIP-ETag: end', 'Expires: 600']);
  await Promise.all([two, last]);
  expect(summary(server).slice(1)).toEqual([
    ['tag1', 'two', '600'],
    [undefined, 'two', '600'],
    ['again', 'three', '600'],
  ]);
  publication.suspend();
});
