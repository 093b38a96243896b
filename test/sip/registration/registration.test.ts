import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ProviderError } from '../../../protocols/contract/index.ts';
import { Registration } from '../../../protocols/sip/registration/registration.ts';
import type { SipUserAgent } from '../../../protocols/sip/user-agent.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

afterEach(() => void vi.useRealTimers());

const registered = async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port, 'TCP', { interval: 1e8, pongWithin: 1e8 });
  const lost: ProviderError[] = [];
  const told = { others: 0, flowTimers: [] as number[] };
  const registration = new Registration({
    agent,
    instanceId: 'abc',
    onLost: (error) => lost.push(error),
    onOthers: () => {
      told.others += 1;
    },
    onFlowTimer: (seconds) => told.flowTimers.push(seconds),
  });
  return { server, agent, registration, lost, told };
};
const contactOf = ({ head }: Received): string => head.get('contact') ?? '';

test('one binding per installation, without GRUU', async () => {
  const { server, registration } = await registered();
  expect(await registration.register()).toBeUndefined();
  const request = await server.request('REGISTER');
  expect(contactOf(request)).toContain(';+sip.instance="<urn:uuid:abc>";reg-id=1;expires=600');
  expect(request.head.get('supported')).toBe('path, outbound');
  registration.forget();
});

test('the registrations of one life share a Call-ID and count up', async () => {
  const { server, registration } = await registered();
  await Promise.all([registration.register(), registration.register()]);
  await registration.unregister();
  expect(new Set(server.requests.map(({ head }) => head.get('call-id'))).size).toBe(1);
  expect(server.requests.map(({ head }) => head.get('cseq'))).toEqual(['1 REGISTER', '2 REGISTER', '3 REGISTER']);
  expect(contactOf(await server.request('REGISTER', 3))).toContain('expires=0');
});

test('an interval too brief is asked for longer', async () => {
  const { server, registration } = await registered();
  server.handler = (request) =>
    contactOf(request).includes('expires=900') ? request.answer(200) : request.answer(423, ['Min-Expires: 900']);
  expect(await registration.register()).toBeUndefined();
  registration.forget();
});

describe('answers that make sip.js’s own class loop or hang', () => {
  test.each([
    ['no Contact at all', () => []],
    ['our Contact without expires', (request: Received) => [`Contact: ${contactOf(request).split(';expires')[0]}`]],
    [
      'a month and more',
      (request: Received) => [`Contact: ${contactOf(request).replace('expires=600', 'expires=99999999')}`],
    ],
  ])('%s', async (_name, headers) => {
    const { server, registration } = await registered();
    server.handler = (request) => request.answer(200, headers(request));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    expect(await registration.register()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(server.requests.length).toBe(1);
    registration.forget();
  });
});

test('is refreshed before it ends, by what the registrar granted to us and not to others', async () => {
  const { server, registration } = await registered();
  server.handler = (request) =>
    request.answer(200, ['Contact: <sip:other@h>;expires=5', `Contact: ${contactOf(request).replace('600', '100')}`]);
  await registration.register();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await registration.register();
  await vi.advanceTimersByTimeAsync(79_000);
  expect(server.requests.filter(({ method }) => method === 'REGISTER').length).toBe(2);
  await vi.advanceTimersByTimeAsync(2_000);
  await server.request('REGISTER', 3);
  registration.forget();
});

// RFC 3261 §10.2.4
describe('a 200 that does not register us', () => {
  test.each([
    ['takes us for no time', (request: Received) => [`Contact: ${contactOf(request).replace('=600', '=0')}`]],
    [
      'says so in Expires',
      (request: Received) => [`Contact: ${contactOf(request).split(';expires')[0]}`, 'Expires: 0'],
    ],
    ['names only others', () => ['Contact: <sip:other@192.0.2.1>;expires=600']],
  ])('because it %s is a fault that goes by itself', async (_how, headers) => {
    const { server, registration, told } = await registered();
    server.handler = (request) => request.answer(200, headers(request));
    expect(await registration.register()).toMatchObject({ code: 'server-unavailable', retryable: true });
    expect([registration.others, told.others]).toEqual([0, 0]);
  });
});

test('a registrar that grants more than was asked for is asked again when it was asked to be', async () => {
  const { server, registration } = await registered();
  server.handler = (request) =>
    request.answer(200, [`Contact: ${contactOf(request).replace('expires=600', 'expires=86400')}`]);
  await registration.register();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await registration.register();
  await vi.advanceTimersByTimeAsync(480_001);
  await server.request('REGISTER', 3);
  registration.forget();
});

test.each([1, 5, 10])(
  '%i s granted are used as far as they go, and never more often than every 5 s',
  async (seconds) => {
    const { server, registration } = await registered();
    server.handler = (request) =>
      request.answer(200, [`Contact: ${contactOf(request).replace('expires=600', `expires=${seconds}`)}`]);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await registration.register();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(server.requests.length).toBe(1);
    await vi.advanceTimersByTimeAsync(seconds === 10 ? 3_002 : 2);
    await server.request('REGISTER', 2);
    registration.forget();
  },
);

test('a binding of our last life is no other device', async () => {
  const { server, registration } = await registered();
  server.handler = (request) =>
    request.answer(200, [
      `Contact: ${contactOf(request)}`,
      'Contact: <sip:old@192.0.2.1>;+sip.instance="<urn:uuid:abc>";reg-id=1;expires=90',
      'Contact: <sip:phone@192.0.2.2>;+sip.instance="<urn:uuid:other>";expires=90',
    ]);
  await registration.register();
  expect(registration.others).toBe(1);
  registration.forget();
});

test('an interval too brief that grows each time is given up for this try', async () => {
  const { server, registration } = await registered();
  let minimum = 600;
  server.handler = (request) => {
    minimum += 100;
    request.answer(423, [`Min-Expires: ${minimum}`]);
  };
  expect(await registration.register()).toMatchObject({ code: 'server-unavailable', retryable: true });
  expect(server.requests.length).toBe(2);
});

test('how often the server wants to hear from us is handed on', async () => {
  const { server, registration, told } = await registered();
  server.handler = (request) => request.answer(200, ['Flow-Timer: 20']);
  await registration.register();
  server.handler = (request) => request.answer(200, ['Flow-Timer: soon']);
  await registration.register();
  expect(told.flowTimers).toEqual([20]);
  registration.forget();
});

test('after a login and after a break the server is asked once more soon, for what it kept meanwhile', async () => {
  const { server, registration } = await registered();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await registration.register();
  await vi.advanceTimersByTimeAsync(8_001);
  await server.request('REGISTER', 2);
  registration.forget();
  await registration.register();
  await vi.advanceTimersByTimeAsync(8_001);
  await server.request('REGISTER', 4);
  registration.forget();
});

test.each([
  [401, 'credentials-rejected', false],
  [403, 'policy', false],
  [404, 'address-invalid', false],
  [500, 'server-unavailable', true],
  [503, 'server-unavailable', true],
])('%i is %s', async (status, code, retryable) => {
  const { server, registration } = await registered();
  server.handler = (request) => request.answer(status, ['Retry-After: 9']);
  expect(await registration.register()).toMatchObject({ code, retryable, protocolCode: String(status) });
});

test('a refresh refused is told once', async () => {
  const { server, registration, lost } = await registered();
  await registration.register();
  server.handler = (request) => request.answer(503);
  await registration.refresh();
  await registration.refresh();
  expect(lost.map(({ code }) => code)).toEqual(['server-unavailable']);
});

test('the registrar tells how many other devices are logged in', async () => {
  const { server, registration } = await registered();
  const others: readonly (readonly string[])[] = [[], ['<sip:x1@192.0.2.1>;expires=9', '<sip:x2@192.0.2.2>'], []];
  server.handler = (request) => {
    const now = others[server.requests.length - 1] ?? [];
    request.answer(200, [`Contact: ${[contactOf(request), ...now].join(', ')}`]);
  };
  for (const { length } of others) {
    await registration.register();
    expect(registration.others).toBe(length);
  }
  registration.forget();
});

describe('other devices of the account', () => {
  const crowded = (server: ScriptedServer): void => {
    server.handler = (request) =>
      request.answer(200, [`Contact: ${contactOf(request)}`, 'Contact: <sip:x@192.0.2.1>;expires=90']);
  };
  const options = (server: ScriptedServer, agent: SipUserAgent, from: string): Promise<unknown> => {
    const count = server.answers.length;
    server.sendRequest('OPTIONS', `sip:${agent.contactUser}@127.0.0.1`, [`From: <${from}>;tag=2`]);
    return server.until(() => server.answers[count]);
  };
  const methods = (server: ScriptedServer): string[] => server.requests.map(({ method }) => method);

  test('those that are there at login are greeted once, and told', async () => {
    const { server, registration, told } = await registered();
    crowded(server);
    await registration.register();
    const greeting = await server.request('OPTIONS');
    expect(greeting.head.get('to')).toContain('sip:ana@campus.test');
    await registration.register();
    expect([methods(server), told.others]).toEqual([['REGISTER', 'OPTIONS', 'REGISTER'], 1]);
    registration.forget();
  });

  test('one that makes itself known is looked for at once, and a stranger in its place is not', async () => {
    const { server, agent, registration, told } = await registered();
    await registration.register();
    await options(server, agent, 'sip:eve@campus.test');
    await options(server, agent, 'sip:ana@elsewhere.test');
    crowded(server);
    await options(server, agent, 'sip:ana@campus.test');
    await server.request('REGISTER', 2);
    // known by now: it is not looked for again, and greets us no more than we it
    await registration.register();
    await options(server, agent, 'sip:ana@campus.test');
    await registration.register();
    expect([methods(server), told.others, registration.others]).toEqual([Array(4).fill('REGISTER'), 1, 1]);
    registration.forget();
  });

  test('who asks in our name again and again costs no more than one look', async () => {
    const { server, agent, registration } = await registered();
    await registration.register();
    for (let count = 0; count < 20; count++) await options(server, agent, 'sip:ana@campus.test');
    await registration.register();
    expect(methods(server)).toEqual(['REGISTER', 'REGISTER', 'REGISTER']);
    registration.forget();
  });

  test('a look that fails changes nothing, and one that comes back after we left neither', async () => {
    const { server, registration, lost } = await registered();
    await registration.register();
    server.handler = (request) => request.answer(503);
    registration.lookAround();
    await server.request('REGISTER', 2);
    server.handler = (request) => request.answer(200);
    registration.lookAround();
    await registration.unregister();
    registration.lookAround();
    await registration.refresh();
    expect([methods(server).length, lost]).toEqual([4, []]);
    expect(contactOf(await server.request('REGISTER', 4))).toContain('expires=0');
  });
});
