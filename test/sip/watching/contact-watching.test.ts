import { afterEach, expect, test, vi } from 'vitest';
import type { PeerPresence } from '../../../protocols/contract/index.ts';
import { ContactWatching } from '../../../protocols/sip/presence/watching/contact-watching.ts';
import { AT_ONCE } from '../../../protocols/sip/presence/watching/individual-watching.ts';
import { memoryStorage } from '../kit.ts';
import type { Received } from '../scripted-server.ts';
import { listNotice, notifier, pidf } from './notifier.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const PEOPLE = Array.from({ length: 500 }, (_, at) => `sip:p${at}@campus.test`);
const SERVICE = 'sip:ana+contacts@campus.test';

const watched = async (storage = memoryStorage()) => {
  const parts = await notifier();
  const seen = new Map<string, PeerPresence>();
  const waiting = new Set<() => void>();
  const watching = new ContactWatching({
    agent: parts.agent,
    storage,
    service: SERVICE,
    random: () => 0,
    language: () => 'pt-PT',
    onPresence: (address, presence) => {
      seen.set(address, presence);
      for (const check of waiting) check();
    },
    onSubscription: () => {},
    onListChanged: () => {},
  });
  const until = (fits: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!fits()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  const asked = (): string[] =>
    parts.server.requests
      .filter(({ method, head }) => method === 'SUBSCRIBE' && head.get('expires') !== '0')
      .map(({ head }) => /sip:[^>]+/.exec(head.get('to') ?? '')?.[0] ?? '');
  return { ...parts, watching, seen, until, asked };
};

const available = (address: string): string => pidf(address, 'open');
const addressIn = ({ head }: Received): string => /sip:[^>]+/.exec(head.get('to') ?? '')?.[0] ?? '';

test('five hundred people without a list are asked for ten at a time, each once', async () => {
  const { server, watching, seen, until, asked, notify, accept } = await watched();
  let most = 0;
  let open = 0;
  server.handler = (request) => {
    open += 1;
    most = Math.max(most, open);
    setImmediate(() => {
      open -= 1;
      accept(request);
      notify(request, 'active;expires=3600', 'application/pidf+xml', available(addressIn(request)));
    });
  };
  watching.setContacts(PEOPLE);
  watching.restore();
  await until(() => seen.size === 500);
  expect(asked().sort()).toEqual([...PEOPLE].sort());
  expect(most).toBeLessThanOrEqual(AT_ONCE);
  // in the reader's language
  expect(seen.get(PEOPLE[0] ?? '')).toEqual({ state: 'available', note: 'é' });
  watching.suspend();
  expect([...seen.values()].every(({ state }) => state === 'unknown')).toBe(true);
});

test('with a list there is one request for all of them, however long its notice, and what changes comes in short ones', async () => {
  const { server, watching, seen, until, asked, notify, accept } = await watched();
  const [first = '', second = ''] = PEOPLE;
  server.handler = (request) => {
    accept(request);
    const all = PEOPLE.map((address) => [address, [{ state: 'active', body: available(address) }]] as const);
    const { contentType, body } = listNotice(0, true, Object.fromEntries(all));
    expect(body.length).toBeGreaterThan(65_536);
    notify(request, 'active;expires=3600', contentType, body);
    const change = listNotice(1, false, { [first]: [{ state: 'active', body: pidf(first, 'closed') }] });
    notify(request, 'active;expires=3600', change.contentType, change.body);
  };
  watching.setContacts(PEOPLE);
  watching.setServed(true);
  watching.restore();
  await until(() => seen.size === 500 && seen.get(first)?.state === 'offline');
  expect(asked()).toEqual([SERVICE]);
  expect(PEOPLE.every((address) => watching.stateOf(address) === 'active')).toBe(true);
  expect(seen.get(second)?.state).toBe('available');
  watching.suspend();
});

test.each([
  [
    'lost by a server that tells of most is asked for alone',
    3,
    ['sip:p3@campus.test', 'sip:p4@campus.test'],
    'available',
  ],
  ['silent on a server that tells of few is away, and costs nothing', 1, [], 'offline'],
])('somebody who let us see them and is %s', async (_what, told, alone, state) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const people = PEOPLE.slice(0, 5);
  const storage = memoryStorage(new Map([['sip.allowed-by', people.join('\n')]]));
  const { server, watching, seen, until, asked, notify, accept } = await watched(storage);
  server.handler = (request) => {
    accept(request);
    const address = addressIn(request);
    if (address !== SERVICE) {
      notify(request, 'active;expires=3600', 'application/pidf+xml', available(address));
      return;
    }
    const all = people.map((each, at) => [each, at < told ? [{ state: 'active', body: pidf(each, 'closed') }] : []]);
    const { contentType, body } = listNotice(0, true, Object.fromEntries(all));
    notify(request, 'active;expires=3600', contentType, body);
  };
  watching.setContacts(people);
  watching.setServed(true);
  watching.restore();
  await until(() => seen.size === told);
  await vi.advanceTimersByTimeAsync(2_000);
  await until(() => seen.size === 5);
  expect(asked()).toEqual([SERVICE, ...alone]);
  expect(seen.get('sip:p4@campus.test')?.state).toBe(state);
  watching.suspend();
});

test('who is not on the server’s list has a subscription of their own, and everybody when the list is refused', async () => {
  const { server, watching, seen, until, asked, notify, accept } = await watched();
  const [first = '', second = '', third = ''] = PEOPLE;
  let hasList = true;
  server.handler = (request) => {
    const address = addressIn(request);
    if (address === SERVICE && !hasList) {
      request.answer(404);
      return;
    }
    accept(request);
    if (request.head.get('expires') === '0') return;
    const list = listNotice(0, true, { [first]: [{ state: 'active', body: available(first) }] });
    if (address === SERVICE) notify(request, 'active;expires=3600', list.contentType, list.body);
    else notify(request, 'active;expires=3600', 'application/pidf+xml', available(address));
  };
  watching.setContacts([first, second]);
  watching.setServed(true);
  watching.restore();
  await until(() => seen.size === 2);
  expect(asked()).toEqual([SERVICE, second]);
  watching.setServed(false);
  hasList = false;
  watching.setContacts([first, second, third]);
  watching.setServed(true);
  await until(() => seen.get(third)?.state === 'available' && seen.get(first)?.state === 'available');
  expect(asked().filter((address) => address === second)).toEqual([second]);
  await watching.stop();
});

test('who refuses us and sends us something is asked again, once in a while, and seen when they let us', async () => {
  const { server, watching, seen, until, asked, notify, accept } = await watched();
  const [first = '', second = ''] = PEOPLE;
  let isAllowed = false;
  let clock = 50_000;
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
  server.handler = (request) => {
    accept(request);
    const state = isAllowed ? 'active;expires=3600' : 'terminated;reason=rejected';
    notify(request, state, ...(isAllowed ? ['application/pidf+xml', available(addressIn(request))] : []));
  };
  watching.setContacts([first]);
  watching.restore();
  await expect.poll(() => watching.stateOf(first)).toBe('refused');
  // of a stranger nothing is asked
  watching.heard(second);
  watching.heard(first);
  await expect.poll(() => asked().length).toBe(2);
  await expect.poll(() => watching.stateOf(first)).toBe('refused');
  isAllowed = true;
  clock += 9_999;
  watching.heard(first);
  expect(watching.stateOf(first)).toBe('refused');
  clock += 1;
  watching.heard(first);
  await until(() => seen.get(first)?.state === 'available');
  clock += 10_000;
  watching.heard(first);
  expect(asked()).toEqual([first, first, first]);
  await watching.stop();
});

test('who is refused on a list and sends us something is asked for alone, until the list shows them', async () => {
  const { server, watching, seen, until, asked, notify, accept } = await watched();
  const [first = ''] = PEOPLE;
  const lists: Received[] = [];
  server.handler = (request) => {
    accept(request);
    if (request.head.get('expires') === '0') return;
    if (addressIn(request) === SERVICE) {
      lists.push(request);
      const { contentType, body } = listNotice(0, true, { [first]: [{ state: 'terminated', reason: 'rejected' }] });
      notify(request, 'active;expires=3600', contentType, body);
    } else notify(request, 'active;expires=3600', 'application/pidf+xml', available(first));
  };
  watching.setContacts([first]);
  watching.setServed(true);
  watching.restore();
  await expect.poll(() => watching.stateOf(first)).toBe('refused');
  watching.heard(first);
  await until(() => seen.get(first)?.state === 'available');
  expect(asked()).toEqual([SERVICE, first]);
  const change = listNotice(1, false, { [first]: [{ id: 'j', state: 'active', body: pidf(first, 'closed') }] });
  const [list] = lists;
  if (list) notify(list, 'active;expires=3600', change.contentType, change.body);
  await until(() => seen.get(first)?.state === 'offline');
  await watching.stop();
});

test('who has not answered yet is asked for alone as well, and seen by whichever tells of the yes; not who had said yes before', async () => {
  const { server, watching, seen, until, asked, notify, accept } = await watched();
  const [first = '', second = ''] = PEOPLE;
  const alone: Received[] = [];
  const lists: Received[] = [];
  const tell = (version: number, states: Parameters<typeof listNotice>[2]): void => {
    const { contentType, body } = listNotice(version, version === 0, states);
    const [list] = lists;
    if (list) notify(list, 'active;expires=3600', contentType, body);
  };
  server.handler = (request) => {
    accept(request);
    if (request.head.get('expires') === '0') return;
    if (addressIn(request) === SERVICE) {
      lists.push(request);
      tell(0, { [first]: [{ state: 'pending' }], [second]: [{ state: 'active', body: available(second) }] });
    } else {
      alone.push(request);
      notify(request, 'pending;expires=3600', 'application/pidf+xml', '');
    }
  };
  watching.setContacts([first, second]);
  watching.setServed(true);
  watching.restore();
  await until(() => seen.get(second)?.state === 'available');
  await server.until(() => alone[0]);
  tell(1, { [second]: [{ state: 'pending' }] });
  await until(() => seen.get(second)?.state === 'unknown');
  // the list loses it
  if (alone[0]) notify(alone[0], 'active;expires=3600', 'application/pidf+xml', available(first));
  await until(() => seen.get(first)?.state === 'available');
  expect(asked()).toEqual([SERVICE, first]);
  await watching.stop();
});
