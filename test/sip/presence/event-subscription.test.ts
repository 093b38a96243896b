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
  let last = 0;
  /** A NOTIFY within the dialog a SUBSCRIBE made. */
  const notify = (
    to: Received,
    state: string,
    body = '',
    { event = 'Event', cseq = ++last, tag = 'server' }: { event?: string; cseq?: number; tag?: string } = {},
  ): void =>
    server.sendRequest(
      'NOTIFY',
      agent.contact.slice(1, -1),
      [
        `Call-ID: ${to.head.get('call-id')}`,
        `From: <sip:bob@campus.test>;tag=${tag}`,
        `To: ${to.head.get('from')}`,
        `CSeq: ${cseq} NOTIFY`,
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
    notify(request, 'pending', '', { event: 'o' });
    notify(request, 'active;expires=60', 'body', { event: 'o' });
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
    ['terminated;reason=invariant;retry-after=5', 'refused', 0],
    ['terminated;reason=deactivated', 'waiting', 2],
    ['terminated;reason=timeout', 'waiting', 2],
    ['terminated;reason=probation;retry-after=60', 'waiting', 60],
    ['terminated;reason=probation', 'waiting', 120],
    ['TERMINATED ; reason="Giveup" ; retry-after=7', 'waiting', 7],
    ['terminated;reason=giveup', 'waiting', 120],
    ['terminated;reason=something-new;retry-after=30', 'waiting', 30],
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
  [404, 'refused'],
  [405, 'refused'],
  [489, 'refused'],
  [503, 'waiting'],
  [408, 'waiting'],
  [480, 'waiting'],
  [302, 'waiting'],
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

describe('how long it lasts', () => {
  const asked = (server: ScriptedServer): number =>
    server.requests.filter(({ method }) => method === 'SUBSCRIBE').length;

  test.each([
    ['the answer, where notices say nothing', 'Expires: 600', 'active', 480],
    ['the first notice, before the answer', 'Expires: 3600', 'active;expires=600', 480],
    ['nobody: what was asked for', '', 'active', 2880],
    ['a number that is none', 'Expires: soon', 'active;expires=later', 2880],
    ['nothing at all', 'Expires: 3600', 'active;expires=0', 2880],
  ])('is told by %s', async (_who, answer, state, seconds) => {
    const { server, subscription, states, until, notify } = await subscribed();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let isAnswered = false;
    server.handler = (request) => {
      notify(request, state);
      request.answer(200, answer ? [answer] : []);
      isAnswered = true;
    };
    await subscription.start();
    await until(() => states.at(-1) === 'active' && isAnswered);
    // the next NOTIFY comes behind the answer
    const { length } = server.answers;
    notify(await server.request('SUBSCRIBE'), 'active');
    await server.until(() => server.answers[length]);
    await vi.advanceTimersByTimeAsync(Math.floor(seconds - 1) * 1000);
    expect(asked(server)).toBe(1);
    await vi.advanceTimersByTimeAsync(2_000);
    await server.request('SUBSCRIBE', 2);
    subscription.suspend();
  });

  test('a time no timer takes is a long one', async () => {
    const { server, subscription, until, bodies, notify } = await subscribed();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    void subscription.start();
    notify(await server.request('SUBSCRIBE'), 'active;expires=4294967295', 'second');
    await until(() => bodies.length === 2);
    await vi.advanceTimersByTimeAsync(90_000_000);
    expect([asked(server), subscription.state]).toEqual([1, 'active']);
    subscription.suspend();
  });

  test('a notice may shorten it, and a later one without a word of it does not lengthen it', async () => {
    const { server, subscription, until, bodies, notify } = await subscribed();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    void subscription.start();
    const first = await server.request('SUBSCRIBE');
    notify(first, 'active;expires=100', 'second');
    await until(() => bodies.length === 2);
    await vi.advanceTimersByTimeAsync(79_000);
    notify(first, 'active', 'third');
    await until(() => bodies.length === 3);
    await vi.advanceTimersByTimeAsync(1_001);
    await server.request('SUBSCRIBE', 2);
    subscription.suspend();
  });
});

describe('a refresh', () => {
  const refreshing = async (answer: (request: Received) => void) => {
    const made = await subscribed();
    const { server, subscription, bodies, until } = made;
    const { handler } = server;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    void subscription.start();
    await until(() => bodies.length === 1);
    server.handler = answer;
    await vi.advanceTimersByTimeAsync(2_880_000);
    const refresh = await server.request('SUBSCRIBE', 2);
    expect(refresh.head.get('to')).toContain(';tag=server');
    return { ...made, handler };
  };

  test.each([
    [503, ['Retry-After: 300'], 300],
    [500, [], 120],
    [408, [], 120],
  ] as const)(
    'answered %i is made again later, and what is known goes on until then',
    async (status, headers, wait) => {
      const { server, subscription, states, bodies, until, handler } = await refreshing((request) =>
        request.answer(status, headers),
      );
      await subscription.start();
      expect(server.requests.length).toBe(3);
      server.handler = handler;
      await vi.advanceTimersByTimeAsync(wait * 1000 - 1_000);
      expect([server.requests.length, states]).toEqual([3, ['asked', 'active']]);
      await vi.advanceTimersByTimeAsync(1_001);
      expect((await server.request('SUBSCRIBE', 4)).head.get('to')).toContain(';tag=server');
      await until(() => bodies.length === 2);
      subscription.suspend();
    },
  );

  test('that is too brief by now is asked for longer, within the dialog', async () => {
    const { server, subscription } = await refreshing((request) =>
      request.head.get('expires') === '7200'
        ? request.answer(200, ['Expires: 7200'])
        : request.answer(423, ['Min-Expires: 7200']),
    );
    expect((await server.request('SUBSCRIBE', 3)).head.get('to')).toContain(';tag=server');
    subscription.suspend();
  });

  test.each([404, 405, 489])('answered %i is the end when a new subscription gets that, too', async (status) => {
    const { subscription, states, until } = await refreshing((request) => request.answer(status));
    await vi.advanceTimersByTimeAsync(2_001);
    await until(() => states.at(-1) === 'refused');
    expect(subscription.state).toBe('refused');
  });
});

test('a notifier that ends every subscription at once is asked less and less often', async () => {
  const { server, subscription, notify } = await subscribed();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  server.handler = (request) => {
    request.answer(200, ['Expires: 3600']);
    notify(request, 'active;expires=3600');
    notify(request, 'terminated;reason=deactivated');
  };
  void subscription.start();
  let at = 0;
  const waits: number[] = [];
  for (let nth = 2; nth <= 9; nth++) {
    await server.request('SUBSCRIBE', nth - 1);
    await vi.waitUntil(() => subscription.state === 'waiting');
    const before = server.requests.length;
    let waited = 0;
    while (server.requests.length === before && waited < 200) {
      await vi.advanceTimersByTimeAsync(1_000);
      waited += 1;
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
    at += waited;
    waits.push(waited);
  }
  expect(at).toBeGreaterThan(2 + 4 + 8 + 16 + 32 + 64);
  expect(waits.at(-1)).toBeLessThanOrEqual(125);
  subscription.suspend();
});

describe('a NOTIFY', () => {
  test('older than the one before is refused and changes nothing', async () => {
    const { server, subscription, states, bodies, until, notify } = await subscribed();
    server.handler = (request) => {
      request.answer(200, ['Expires: 3600']);
      notify(request, 'active;expires=3600', 'new', { cseq: 7 });
    };
    void subscription.start();
    await until(() => bodies.length === 1);
    const first = await server.request('SUBSCRIBE');
    notify(first, 'pending', 'old', { cseq: 6 });
    notify(first, 'terminated;reason=rejected', '', { cseq: 7 });
    notify(first, 'active;expires=3600', 'newer', { cseq: 9 });
    notify(first, 'active;expires=3600', 'between', { cseq: 8 });
    const status = async (cseq: number, nth = 0): Promise<string> =>
      await server.until(() => {
        const head = server.answers.filter((each) => each.get('cseq') === `${cseq} NOTIFY`)[nth];
        return head?.start.kind === 'response' ? String(head.start.status) : undefined;
      });
    expect(await Promise.all([status(6), status(7), status(7, 1), status(9), status(8)])).toEqual([
      '500',
      '200',
      '500',
      '200',
      '500',
    ]);
    expect([bodies, states]).toEqual([
      ['new', 'newer'],
      ['asked', 'active'],
    ]);
    subscription.suspend();
  });

  test('of another dialog, as a forked SUBSCRIBE makes, is answered 481; so is one nobody asked for', async () => {
    const { server, agent, subscription, bodies, until, notify } = await subscribed();
    void subscription.start();
    await until(() => bodies.length === 1);
    const first = await server.request('SUBSCRIBE');
    const answer = async (index: number): Promise<unknown> => (await server.until(() => server.answers[index])).start;
    expect(await answer(0)).toMatchObject({ status: 200 });
    // RFC 3856 §6.9: one dialog per SUBSCRIBE
    notify(first, 'active;expires=3600', 'of another branch', { tag: 'fork' });
    expect(await answer(1)).toMatchObject({ status: 481 });
    server.sendRequest('NOTIFY', agent.contact.slice(1, -1), [
      'To: <sip:ana@campus.test>;tag=unknown',
      'Event: presence',
      'Subscription-State: active;expires=3600',
      `Contact: <sip:127.0.0.1:${server.port};transport=tcp>`,
    ]);
    expect(await answer(2)).toMatchObject({ status: 481 });
    notify(first, 'active;expires=3600', 'second');
    await until(() => bodies.length === 2);
    expect(bodies).toEqual(['first', 'second']);
    subscription.suspend();
  });
});

describe('watcher information', () => {
  const document = (version: number, state: string, watchers: string): string =>
    `<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="${version}" state="${state}"><watcher-list resource="sip:a@x" package="presence">${watchers}</watcher-list></watcherinfo>`;
  const watcher = (id: string, status: string): string =>
    `<watcher id="${id}" event="subscribe" status="${status}">sip:${id}@campus.test</watcher>`;

  test('full documents replace, partial ones change, old ones are dropped', () => {
    const info = new WatcherInfo();
    expect(info.take(document(0, 'full', watcher('bob', 'active') + watcher('eve', 'pending')))).toBe('taken');
    expect([info.sees('sip:bob@campus.test'), info.sees('sip:eve@campus.test')]).toEqual([true, false]);
    expect(info.take(document(1, 'partial', watcher('bob', 'terminated') + watcher('eve', 'active')))).toBe('taken');
    expect([info.sees('sip:bob@campus.test'), info.sees('sip:eve@campus.test')]).toEqual([false, true]);
    expect(info.take(document(1, 'partial', watcher('eve', 'terminated')))).toBe('nothing');
    expect(info.take('<x/>')).toBe('nothing');
    expect(info.take(document(0, 'full', ''))).toBe('taken');
    expect(info.sees('sip:eve@campus.test')).toBe(false);
  });

  test('everything is asked for when a document is missing, once, until what comes follows again', () => {
    const info = new WatcherInfo();
    const partial = (version: number): string => info.take(document(version, 'partial', watcher('bob', 'active')));
    info.take(document(0, 'full', ''));
    expect([partial(1), partial(3), partial(5), partial(6), partial(8)]).toEqual([
      'taken',
      'incomplete',
      'taken',
      'taken',
      'incomplete',
    ]);
    expect(info.sees('sip:bob@campus.test')).toBe(true);
    info.take(document(9, 'full', ''));
    expect([partial(11), info.sees('sip:bob@campus.test')]).toEqual(['incomplete', true]);
    info.clear();
    expect(partial(4), 'a partial one before any whole one').toBe('incomplete');
  });
});
