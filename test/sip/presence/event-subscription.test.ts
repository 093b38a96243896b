import { afterEach, describe, expect, test, vi } from 'vitest';
import { DigestClient } from '../../../protocols/sip/authentication/digest-client.ts';
import { WatcherInfo } from '../../../protocols/sip/presence/watcher-info.ts';
import {
  EventSubscription,
  type SubscriptionState,
} from '../../../protocols/sip/presence/watching/event-subscription.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';
import { happenings } from '../watching/notifier.ts';

afterEach(() => void vi.useRealTimers());

const subscribed = async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port, 'TCP', { interval: 1e8, pongWithin: 1e8 });
  const states: SubscriptionState[] = [];
  const bodies: (string | undefined)[] = [];
  const { tell, until } = happenings();
  const subscription = new EventSubscription({
    agent,
    to: 'sip:bob@campus.test',
    event: 'presence',
    accept: ['application/pidf+xml'],
    random: () => 0,
    onState: (state) => {
      states.push(state);
      tell();
    },
    onBody: (body) => {
      bodies.push(body);
      tell();
    },
  });
  let cseq = 0;
  /** A NOTIFY within the dialog a SUBSCRIBE made. */
  const notify = (to: Received, state: string, body = '', event = 'Event'): void =>
    server.sendRequest(
      'NOTIFY',
      agent.contact.slice(1, -1),
      [
        `Call-ID: ${to.head.get('call-id')}`,
        'From: <sip:bob@campus.test>;tag=server',
        `To: ${to.head.get('from')}`,
        `CSeq: ${++cseq} NOTIFY`,
        `${event}: presence`,
        `Subscription-State: ${state}`,
        `Contact: <sip:127.0.0.1:${server.port};transport=tcp>`,
        ...(body ? ['Content-Type: application/pidf+xml'] : []),
      ],
      body,
    );
  server.handler = (request) => {
    request.answer(200, ['Expires: 3600', `Contact: <sip:127.0.0.1:${server.port};transport=tcp>`]);
    if (request.method === 'SUBSCRIBE' && request.head.get('expires') !== '0')
      notify(request, 'active;expires=3600', 'first');
  };
  return { server, agent, subscription, states, bodies, until, notify };
};

test('bodies come while it is active; a NOTIFY before the 200 and with compact names is taken', async () => {
  const { server, subscription, states, bodies, until, notify } = await subscribed();
  server.handler = (request) => {
    notify(request, 'pending', '', 'o');
    notify(request, 'active;expires=60', 'body', 'o');
    request.answer(200, ['Expires: 3600']);
  };
  void subscription.start();
  await until(() => bodies.length === 2);
  expect([states, bodies]).toEqual([
    ['asked', 'pending', 'active'],
    [undefined, 'body'],
  ]);
  subscription.suspend();
});

test('a server that has asked who we are is not asked in vain again', async () => {
  const { server, agent, subscription, until, bodies } = await subscribed();
  const { handler } = server;
  agent.setCredentials(new DigestClient('ana', 'secret'));
  server.handler = (request) => {
    if (request.head.get('proxy-authorization')) handler(request);
    else request.answer(407, ['Proxy-Authenticate: Digest realm="campus.test", nonce="n", qop="auth"']);
  };
  await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test' });
  void subscription.start();
  await until(() => bodies.length === 1);
  expect(server.requests.map(({ method }) => method)).toEqual(['MESSAGE', 'MESSAGE', 'SUBSCRIBE']);
  await subscription.stop();
});

test('is refreshed before it ends, within its dialog', async () => {
  const { server, subscription, states, until, notify } = await subscribed();
  server.handler = (request) => {
    request.answer(200, ['Expires: 3600']);
    notify(request, 'active;expires=100', 'x');
  };
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  void subscription.start();
  await until(() => states.at(-1) === 'active');
  await vi.advanceTimersByTimeAsync(81_000);
  const refresh = await server.request('SUBSCRIBE', 2);
  expect(refresh.head.get('to')).toContain(';tag=server');
  expect(refresh.head.get('cseq')).toBe('2 SUBSCRIBE');
  subscription.suspend();
});

describe('when the notifier ends it', () => {
  test.each([
    ['terminated;reason=rejected', 'refused', 0],
    ['terminated;reason=noresource', 'refused', 0],
    ['terminated;reason=deactivated', 'waiting', 2],
    ['terminated;reason=timeout', 'waiting', 2],
    ['terminated;reason=probation;retry-after=60', 'waiting', 60],
    ['terminated;reason=giveup', 'waiting', 120],
    ['terminated', 'waiting', 120],
  ])('with %s it is %s', async (state, expected, seconds) => {
    const { server, subscription, states, until, notify } = await subscribed();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    void subscription.start();
    await until(() => states.at(-1) === 'active');
    notify(await server.request('SUBSCRIBE'), state);
    await until(() => states.at(-1) === expected);
    const asked = (): number => server.requests.filter(({ method }) => method === 'SUBSCRIBE').length;
    await vi.advanceTimersByTimeAsync(Math.max(0, seconds - 1) * 1000);
    expect(asked()).toBe(1);
    if (seconds === 0) return;
    await vi.advanceTimersByTimeAsync(1_001);
    await server.request('SUBSCRIBE', 2);
    await subscription.stop();
  });
});

test.each([
  [403, 'refused'],
  [489, 'refused'],
  [503, 'waiting'],
  [408, 'waiting'],
])('%i leaves it %s', async (status, expected) => {
  const { server, subscription, states, until } = await subscribed();
  server.handler = (request) => request.answer(status);
  void subscription.start();
  await until(() => states.at(-1) === expected);
  subscription.suspend();
});

test('an interval too brief is asked for longer', async () => {
  const { server, subscription, states, until } = await subscribed();
  const { handler } = server;
  server.handler = (request) =>
    request.head.get('expires') === '7200' ? handler(request) : request.answer(423, ['Min-Expires: 7200']);
  void subscription.start();
  await until(() => states.at(-1) === 'active');
  subscription.suspend();
});

test('a notifier that has forgotten us is asked anew', async () => {
  const { server, subscription, bodies, until } = await subscribed();
  const { handler } = server;
  void subscription.start();
  await until(() => bodies.length === 1);
  server.handler = (request) => (request.head.get('to')?.includes('tag=') ? request.answer(481) : handler(request));
  void subscription.start();
  await until(() => bodies.length === 2);
  expect((await server.request('SUBSCRIBE', 3)).head.get('to')).not.toContain('tag=');
  subscription.suspend();
});

test('stop unsubscribes and ends although the last NOTIFY comes', async () => {
  const { server, subscription, states, until, notify } = await subscribed();
  void subscription.start();
  await until(() => states.at(-1) === 'active');
  server.handler = (request) => {
    notify(request, 'terminated;reason=timeout');
    request.answer(200, ['Expires: 0']);
  };
  await subscription.stop();
  expect((await server.request('SUBSCRIBE', 2)).head.get('expires')).toBe('0');
  expect(states.at(-1)).toBe('idle');
});

describe('watcher information', () => {
  const document = (version: number, state: string, watchers: string): string =>
    `<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="${version}" state="${state}"><watcher-list resource="sip:a@x" package="presence">${watchers}</watcher-list></watcherinfo>`;
  const watcher = (id: string, status: string): string =>
    `<watcher id="${id}" event="subscribe" status="${status}">sip:${id}@campus.test</watcher>`;

  test('full documents replace, partial ones change, old ones are dropped', () => {
    const info = new WatcherInfo();
    expect(info.take(document(0, 'full', watcher('bob', 'active') + watcher('eve', 'pending')))).toBe(true);
    expect([info.sees('sip:bob@campus.test'), info.sees('sip:eve@campus.test')]).toEqual([true, false]);
    expect(info.take(document(1, 'partial', watcher('bob', 'terminated') + watcher('eve', 'active')))).toBe(true);
    expect([info.sees('sip:bob@campus.test'), info.sees('sip:eve@campus.test')]).toEqual([false, true]);
    expect(info.take(document(1, 'partial', watcher('eve', 'terminated')))).toBe(false);
    expect(info.take('<x/>')).toBe(false);
    expect(info.take(document(0, 'full', ''))).toBe(true);
    expect(info.sees('sip:eve@campus.test')).toBe(false);
  });
});
