import { afterEach, expect, test, vi } from 'vitest';
import { ListWatching } from '../../../protocols/sip/presence/watching/list-watching.ts';
import { parseListNotice } from '../../../protocols/sip/presence/watching/rlmi.ts';
import { happenings, type Instance, listNotice, notifier, pidf } from './notifier.ts';

afterEach(() => void vi.useRealTimers());

const BOB = 'sip:bob@campus.test';
const EVE = 'sip:eve@campus.test';

const watched = async () => {
  const { server, agent, notify, accept } = await notifier();
  const { tell, until } = happenings();
  let listChanges = 0;
  const watching = new ListWatching({
    agent,
    service: 'sip:ana+contacts@campus.test',
    random: () => 0,
    language: () => 'pt-PT',
    onChange: tell,
    onListChanged: () => {
      listChanges += 1;
    },
  });
  watching.start();
  const first = await server.request('SUBSCRIBE');
  const send = (version: number, isFull: boolean, resources: Readonly<Record<string, readonly Instance[]>>): void => {
    const { contentType, body } = listNotice(version, isFull, resources);
    notify(first, 'active;expires=3600', contentType, body);
  };
  const subscribes = (): number => server.requests.filter(({ method }) => method === 'SUBSCRIBE').length;
  return { server, agent, notify, accept, first, send, watching, until, subscribes, changes: () => listChanges };
};

test('one request asks for the whole list, and says that it understands one', async () => {
  const { first, watching, send, until } = await watched();
  expect(first.head.get('supported')).toContain('eventlist');
  expect(first.head.get('accept')).toBe('application/pidf+xml, multipart/related, application/rlmi+xml');
  expect(watching.state).toBe('asked');
  send(0, true, { [BOB]: [{ state: 'active', body: pidf(BOB, 'open') }], [EVE]: [{ state: 'pending' }] });
  await until(() => watching.state === 'active');
  expect([watching.of(BOB), watching.of(EVE), watching.of('sip:nobody@campus.test')]).toEqual([
    { state: 'active', presence: { state: 'available', note: 'é' } },
    { state: 'pending', presence: { state: 'unknown' } },
    undefined,
  ]);
  watching.suspend();
});

test('what follows changes only who it names; of several devices the most reachable counts', async () => {
  const { watching, send, until } = await watched();
  send(0, true, { [BOB]: [{ state: 'active', body: pidf(BOB, 'open') }], [EVE]: [] });
  send(1, false, { [EVE]: [{ id: 'a', state: 'active', body: pidf(EVE, 'closed') }] });
  send(2, false, { [EVE]: [{ id: 'b', state: 'active', body: pidf(EVE, 'open') }] });
  await until(() => watching.of(EVE)?.presence.state === 'available');
  expect(watching.of(BOB)?.presence.state).toBe('available');
  // an old one that comes late says nothing
  send(1, false, { [BOB]: [{ state: 'terminated', reason: 'rejected' }] });
  send(3, false, { [EVE]: [{ id: 'b', state: 'terminated', reason: 'noresource' }] });
  await until(() => watching.of(EVE)?.presence.state === 'offline');
  expect(watching.of(BOB)?.state).toBe('active');
  watching.suspend();
});

test('a notice that is missing makes it ask for everything, once', async () => {
  const { watching, send, until, server, subscribes, changes } = await watched();
  send(0, true, { [BOB]: [] });
  send(2, false, { [BOB]: [{ state: 'active', body: pidf(BOB, 'open') }] });
  await until(() => watching.of(BOB)?.state === 'active');
  send(4, false, { [BOB]: [{ state: 'active', body: pidf(BOB, 'closed') }] });
  await server.request('SUBSCRIBE', 2);
  await until(() => watching.of(BOB)?.presence.state === 'offline');
  send(5, true, { [BOB]: [{ state: 'active', body: pidf(BOB, 'open') }] });
  await until(() => watching.of(BOB)?.presence.state === 'available');
  // it was asked for: no sign of a change
  expect([subscribes(), changes()]).toEqual([2, 0]);
  send(6, true, { [BOB]: [], [EVE]: [] });
  await until(() => watching.of(EVE) !== undefined);
  expect(changes()).toBe(1);
  watching.suspend();
});

test('who is active without what they are is not there; what is named and lost is unknown', async () => {
  const { watching, notify, first, until } = await watched();
  const { contentType, body } = listNotice(0, true, {
    [BOB]: [{ state: 'active', body: pidf(BOB, 'open') }],
    [EVE]: [{ state: 'active', body: 'no presence' }],
    'sip:leo@campus.test': [{ state: 'active' }],
  });
  notify(first, 'active;expires=3600', contentType, body.replace('Content-ID: <c0i@x>', 'Content-ID: <lost@x>'));
  await until(() => watching.state === 'active');
  const states = [BOB, EVE, 'sip:leo@campus.test'].map((address) => watching.of(address)?.presence.state);
  expect(states).toEqual(['unknown', 'unknown', 'offline']);
  watching.suspend();
});

test('people are the same however they are written, and somebody not on our list changes nothing', async () => {
  const { watching, send, until } = await watched();
  send(0, true, {
    'SIP:b%6Fb@CAMPUS.test;user=phone': [{ state: 'active', body: pidf(BOB, 'open') }],
    'pres:eve@Campus.Test.': [{ state: 'active', body: pidf(EVE, 'closed') }],
    'tel:+351218417000': [{ state: 'active', body: pidf(BOB, 'closed') }],
    'sip:%zz@@': [{ state: 'active', body: pidf(BOB, 'closed') }],
    'sip:mallory@elsewhere.test': [{ state: 'active', body: pidf(BOB, 'closed') }],
  });
  await until(() => watching.state === 'active');
  expect([watching.of(BOB)?.presence.state, watching.of(EVE)?.presence.state]).toEqual(['available', 'offline']);
  watching.suspend();
});

test('a partial notice before any whole one is not believed', async () => {
  const { watching, send, until } = await watched();
  send(7, false, { [BOB]: [{ state: 'active', body: pidf(BOB, 'open') }] });
  send(8, true, { [EVE]: [] });
  await until(() => watching.of(EVE) !== undefined);
  expect(watching.of(BOB)).toBeUndefined();
  watching.suspend();
});

test.each([
  ['rejected', 'refused', 0],
  ['noresource', 'refused', 0],
  ['deactivated', 'waiting', 5],
  ['timeout', 'waiting', 5],
  ['probation', 'waiting', 120],
  ['giveup', 'waiting', 120],
])('somebody who ends with %s is %s', async (reason, state, seconds) => {
  const { watching, send, until, server, subscribes } = await watched();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  send(0, true, { [BOB]: [{ state: 'terminated', reason }] });
  await until(() => watching.of(BOB)?.state === state);
  await vi.advanceTimersByTimeAsync(Math.max(0, seconds - 1) * 1000);
  expect(subscribes()).toBe(1);
  if (seconds > 0) {
    await vi.advanceTimersByTimeAsync(1_001);
    await server.request('SUBSCRIBE', 2);
  }
  watching.suspend();
});

test('somebody who ends each time makes it ask for everything less and less often', async () => {
  const { server, notify, watching, until, subscribes } = await watched();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let version = -1;
  const tell = (state: Instance): void => {
    const { contentType, body } = listNotice(++version, true, { [BOB]: [state] });
    const first = server.requests.find(({ method }) => method === 'SUBSCRIBE');
    if (first) notify(first, 'active;expires=3600', contentType, body);
  };
  const ended = { state: 'terminated', reason: 'deactivated' };
  tell(ended);
  await until(() => watching.of(BOB)?.state === 'waiting');
  let asked = 1;
  for (const seconds of [5, 10, 20, 40, 80, 120, 120]) {
    await vi.advanceTimersByTimeAsync(seconds * 1000 - 1);
    expect(subscribes(), `before ${seconds} s are over`).toBe(asked);
    await vi.advanceTimersByTimeAsync(1);
    asked += 1;
    const refresh = await server.request('SUBSCRIBE', asked);
    refresh.answer(200, ['Expires: 3600']);
    const { length } = server.answers;
    tell(ended);
    await server.until(() => server.answers[length]);
  }
  tell({ state: 'active', body: pidf(BOB, 'open') });
  await until(() => watching.of(BOB)?.presence.state === 'available');
  tell(ended);
  await until(() => watching.of(BOB)?.state === 'waiting');
  await vi.advanceTimersByTimeAsync(5_000);
  await server.request('SUBSCRIBE', asked + 1);
  watching.suspend();
});

test('somebody of whom nothing is said is silent after a while, not before', async () => {
  const { watching, send, until } = await watched();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  send(0, true, { [BOB]: [], [EVE]: [{ state: 'pending' }] });
  await until(() => watching.state === 'active');
  expect([watching.of(BOB)?.state, watching.isSilent(BOB)]).toEqual(['asked', false]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect([BOB, EVE, 'sip:nobody@x.test'].map((address) => watching.isSilent(address))).toEqual([true, false, false]);
  watching.suspend();
});

test('a server that tells of those who are away, and of most, has lost whom it says nothing of', async () => {
  const { watching, send, until } = await watched();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const [ida, leo] = ['sip:ida@campus.test', 'sip:leo@campus.test'];
  send(0, true, { [BOB]: [], [EVE]: [], [ida]: [], [leo]: [] });
  send(1, false, { [ida]: [{ state: 'active', body: pidf(ida, 'closed') }] });
  send(2, false, { [leo]: [{ state: 'active', body: pidf(leo, 'open') }] });
  send(3, false, { [EVE]: [{ state: 'pending' }] });
  await until(() => watching.of(EVE)?.state === 'pending');
  // sooner than where nothing was said of anybody who is away
  await vi.advanceTimersByTimeAsync(2_000);
  expect([watching.isSilent(BOB), watching.isSilenceAbsence]).toEqual([true, false]);
  watching.suspend();
});

test.each([
  ['nobody who is away is told of', 'open' as const, [BOB]],
  ['little is told', 'closed' as const, [BOB, EVE]],
])('silence is absence where %s', async (_where, basic, silent) => {
  const { watching, send, until } = await watched();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const ida = 'sip:ida@campus.test';
  const quiet = Object.fromEntries(silent.map((address) => [address, []]));
  send(0, true, { ...quiet, [ida]: [{ state: 'active', body: pidf(ida, basic) }] });
  await until(() => watching.state === 'active');
  await vi.advanceTimersByTimeAsync(5_000);
  expect([watching.isSilent(BOB), watching.isSilenceAbsence]).toEqual([true, true]);
  watching.suspend();
});

test('a list that does not come in time is not waited for, and is taken when it comes', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { watching, send, until } = await watched();
  expect(watching.state).toBe('asked');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(watching.state).toBe('failed');
  send(0, true, { [BOB]: [{ state: 'active', body: pidf(BOB, 'open') }] });
  await until(() => watching.state === 'active');
  watching.suspend();
});

test('after a new connection the list is asked for anew, and the old subscription taken back', async () => {
  const { watching, send, until, server, notify } = await watched();
  send(4, true, { [BOB]: [{ state: 'active', body: pidf(BOB, 'open') }] });
  await until(() => watching.state === 'active');
  watching.suspend();
  expect(watching.of(BOB)).toBeUndefined();
  watching.start();
  const anew = await server.request('SUBSCRIBE', 2);
  const old = await server.request('SUBSCRIBE', 3);
  expect([anew.head.get('to')?.includes('tag='), anew.head.get('expires')]).toEqual([false, '3600']);
  expect([old.head.get('to')?.includes('tag='), old.head.get('expires')]).toEqual([true, '0']);
  // versions of the new one begin anew
  const { contentType, body } = listNotice(0, true, { [BOB]: [{ state: 'active', body: pidf(BOB, 'closed') }] });
  notify(anew, 'active;expires=3600', contentType, body);
  await until(() => watching.of(BOB)?.presence.state === 'offline');
  watching.suspend();
});

test('a server that tells everything again in partial notices is asked once more when another is missing', async () => {
  const { watching, send, until, server } = await watched();
  send(0, true, { [BOB]: [{ state: 'active', body: pidf(BOB, 'open') }] });
  send(2, false, { [EVE]: [{ state: 'pending' }] });
  await server.request('SUBSCRIBE', 2);
  send(3, false, { [BOB]: [{ state: 'active', body: pidf(BOB, 'closed') }] });
  send(5, false, { [EVE]: [{ state: 'active', body: pidf(EVE, 'open') }] });
  await server.request('SUBSCRIBE', 3);
  await until(() => watching.of(EVE)?.state === 'active');
  expect(watching.of(BOB)?.presence.state).toBe('offline');
  watching.suspend();
});

test.each([
  [404, 'not there'],
  [489, 'no such event'],
])('a server that says %i (%s) does not serve it', async (status) => {
  const { server, agent } = await notifier();
  server.handler = (request) => request.answer(status);
  const state = await new Promise<string>((resolve) => {
    const watching = new ListWatching({
      agent,
      service: 'sip:ana+contacts@campus.test',
      random: () => 0,
      language: () => 'pt-PT',
      onChange: () => {
        if (watching.state === 'failed') resolve(watching.state);
      },
      onListChanged: () => {},
    });
    watching.start();
  });
  expect(state).toBe('failed');
});

test('presence of one person at that address is no list', async () => {
  const { watching, first, notify, until } = await watched();
  notify(first, 'active;expires=3600', 'application/pidf+xml', pidf(BOB, 'open'));
  await until(() => watching.state === 'failed');
  watching.suspend();
});

test.each([
  ['a document type', '<!DOCTYPE list><list xmlns="urn:ietf:params:xml:ns:rlmi" version="1" fullState="true"/>'],
  ['no version', '<list xmlns="urn:ietf:params:xml:ns:rlmi" fullState="true"/>'],
  ['another root', '<x xmlns="urn:ietf:params:xml:ns:rlmi" version="1"/>'],
])('a notice with %s is none', (_what, list) => {
  const body = `--b\r\nContent-Type: application/rlmi+xml\r\n\r\n${list}\r\n--b--\r\n`;
  expect(parseListNotice('multipart/related;boundary=b', body, 'en')).toBeUndefined();
});

test('a notice of five hundred people is read, one with more parts than that takes is not', () => {
  const many = (count: number) =>
    listNotice(
      1,
      true,
      Object.fromEntries(
        Array.from({ length: count }, (_, at) => [
          `sip:p${at}@campus.test`,
          [{ state: 'active', body: pidf(`sip:p${at}@campus.test`, 'open') }],
        ]),
      ),
    );
  const read = (count: number) => {
    const { contentType, body } = many(count);
    return parseListNotice(contentType, Buffer.from(body).toString('latin1'), 'pt');
  };
  expect(read(500)?.resources.get('sip:p499@campus.test')?.[0]?.presence).toEqual({ state: 'available', note: 'é' });
  expect(read(5_000)).toBeUndefined();
});
