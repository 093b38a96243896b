import { expect, test } from 'vitest';
import { AccountBinding } from '../../../protocols/sip/authentication/account-binding.ts';
import { parseChallenges } from '../../../protocols/sip/authentication/challenges.ts';
import { bindToRegistrar } from '../../../protocols/sip/authentication/credentials.ts';
import { DigestClient } from '../../../protocols/sip/authentication/digest-client.ts';
import { serverBinding } from '../../../protocols/sip/authentication/server-binding.ts';
import { reached } from '../direct-agents.ts';
import { memoryStorage, person } from '../kit.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

const challenge = (nonce: string, algorithm = 'SHA-256', realm = 'campus.test', qop = ', qop="auth"'): string =>
  `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}${qop}`;
const given = (request: Received): string[] => [
  ...request.head.all('authorization'),
  ...request.head.all('proxy-authorization'),
];
const nonceOf = (request: Received): string | undefined =>
  parseChallenges(given(request)[0] ?? '')[0]?.parameters.get('nonce');
const registrar = (request: Received, nonce = 'registrar'): void => {
  if (request.head.get('authorization')) request.answer(200);
  else request.answer(401, [`WWW-Authenticate: ${challenge(nonce)}`]);
};

/** Ana's program after a login, at a server whose answers to all but REGISTER a peer may have written. */
const loggedIn = async (answer: (request: Received) => void, anyNonce = false) => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const credentials = new DigestClient('ana', 'secret', undefined, new AccountBinding({ anyNonce }));
  agent.setCredentials(credentials);
  server.handler = (request) => (request.method === 'REGISTER' ? registrar(request) : answer(request));
  expect((await agent.request({ method: 'REGISTER', to: agent.registrar })).status).toBe(200);
  bindToRegistrar(credentials);
  const write = async (): Promise<number> =>
    (
      await agent.request({
        method: 'MESSAGE',
        to: 'sip:bob@campus.test',
        body: { contentType: 'text/plain', content: 'hello' },
      })
    ).status;
  const written = (): Received[] => server.requests.filter(({ method }) => method === 'MESSAGE');
  return { server, agent, write, written };
};

test.each(['MD5', 'SHA-256'])('a peer that answers what we send by 401 with %s gets no credentials', async (name) => {
  for (const qop of ['', ', qop="auth"']) {
    const { write, written } = await loggedIn((request) =>
      request.answer(401, [`WWW-Authenticate: ${challenge('of-the-peer', name, 'campus.test', qop)}`]),
    );
    expect(await write()).toBe(401);
    expect(await write()).toBe(401);
    expect(written().flatMap(given)).toEqual([]);
  }
});

test('a peer that plays the proxy never sees its own nonce answered, nor one it was handed by the proxy', async () => {
  const { write, written } = await loggedIn((request) =>
    request.answer(407, [`Proxy-Authenticate: ${challenge('of-the-peer', 'SHA-256')}`]),
  );
  expect(await write()).toBe(407);
  expect(await write()).toBe(407);
  const nonces = written().map(nonceOf);
  expect(nonces).not.toContain('of-the-peer');
  // each text is sent without end by no peer
  expect(nonces.length).toBeLessThanOrEqual(4);
});

test('a text that the proxy challenges costs one refusal, and the next none', async () => {
  const { write, written } = await loggedIn((request) => {
    if (nonceOf(request) === 'registrar') request.answer(200);
    else request.answer(407, [`Proxy-Authenticate: ${challenge('of-the-proxy')}`]);
  });
  expect([await write(), await write(), await write()]).toEqual([200, 200, 200]);
  expect(written().length).toBe(4);
});

test('when the nonce has grown too old, a new one is asked of the registrar and the text goes', async () => {
  let fresh = 'registrar';
  const { server, write, written } = await loggedIn((request) => {
    if (nonceOf(request) === fresh) request.answer(200);
    else request.answer(407, [`Proxy-Authenticate: ${challenge('another')}, stale=true`]);
  });
  expect(await write()).toBe(200);
  fresh = 'second';
  const answerOthers = server.handler;
  server.handler = (request) => (request.method === 'REGISTER' ? registrar(request, fresh) : answerOthers(request));
  const before = written().length;
  expect(await Promise.all([write(), write(), write()])).toEqual([200, 200, 200]);
  expect(written().length - before).toBe(6);
  // one question for the three, and it carries no Contact
  const queries = server.requests.filter(({ method, head }) => method === 'REGISTER' && !head.get('authorization'));
  expect(queries.length).toBe(2);
  expect(queries.at(-1)?.head.get('contact')).toBeUndefined();
});

test('a nonce for the next time, given by a peer, is not used', async () => {
  const { write, written } = await loggedIn((request) =>
    request.answer(200, [
      'Proxy-Authentication-Info: nextnonce="of-the-peer"',
      'Authentication-Info: nextnonce="of-the-peer"',
    ]),
  );
  await write();
  await write();
  expect(written().map(nonceOf)).not.toContain('of-the-peer');
});

test.each([
  ['a proxy on the way', 'registrar'],
  ['the peer itself', 'never'],
])(
  'within a session a 407 of %s is answered with a nonce of the registrar, and the numbers go on',
  async (_, takes) => {
    const { server, agent } = await loggedIn((request) => {
      const { head, method } = request;
      const contact = `Contact: <sip:bob@127.0.0.1:${server.port};transport=tcp>`;
      if (method === 'INVITE' && head.get('to')?.includes('tag=') && nonceOf(request) !== takes)
        request.answer(407, [`Proxy-Authenticate: ${challenge('of-the-peer')}`]);
      else request.answer(200, [contact, ...(method === 'BYE' ? [] : ['Content-Type: application/sdp'])], 'v=0\r\n');
    });
    const session = agent.invite('sip:bob@campus.test', { sdp: 'v=0\r\n' });
    await reached(session, 'established');
    await session.reoffer({ sdp: 'v=0\r\n' }).catch(() => {});
    session.end();
    await server.until(() => server.requests.find(({ method }) => method === 'BYE'));
    const within = server.requests.filter(({ head }) => head.get('to')?.includes('tag='));
    expect(within.flatMap((request) => nonceOf(request) ?? [])).toEqual(['registrar']);
    expect(within.map(({ head }) => head.get('cseq'))).toEqual(['2 INVITE', '3 INVITE', '4 BYE']);
  },
);

test.each(['PUBLISH', 'SUBSCRIBE'])(
  'a 401 to %s is answered where it is about our own address, and to no other',
  async (method) => {
    const { agent, server } = await loggedIn((request) => {
      if (given(request).length > 0) request.answer(200);
      else request.answer(401, [`WWW-Authenticate: ${challenge('of-the-presence-server')}`]);
    });
    const ask = async (to: string) => (await agent.request({ method, to, headers: ['Event: presence'] })).status;
    expect([await ask('sip:ana@campus.test'), await ask('sip:bob@campus.test')]).toEqual([200, 401]);
    const towardsBob = server.requests.filter(({ head }) => head.get('to')?.includes('bob'));
    expect(towardsBob.flatMap((request) => nonceOf(request) ?? [])).toEqual([]);
  },
);

test('another realm than that of the account is not answered', async () => {
  const { write, written } = await loggedIn((request) =>
    request.answer(407, [`Proxy-Authenticate: ${challenge('n', 'SHA-256', 'evil.example')}`]),
  );
  expect(await write()).toBe(407);
  expect(written().flatMap(given)).toEqual([]);
});

test('a server that challenges each request with its own nonce is served where the account says so', async () => {
  const { write, written } = await loggedIn((request) => {
    if (nonceOf(request) === 'each') request.answer(200);
    else request.answer(401, [`WWW-Authenticate: ${challenge('each')}`]);
  }, true);
  expect(await write()).toBe(200);
  expect(written().length).toBe(2);
});

test('the first login binds the account to what REGISTER was asked for, and to nothing else', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const binding = new AccountBinding();
  const credentials = new DigestClient('ana', 'secret', undefined, binding);
  agent.setCredentials(credentials);
  const other = challenge('n', 'SHA-256', 'other.test');
  server.handler = (request) =>
    request.method === 'REGISTER' ? registrar(request) : request.answer(401, [`WWW-Authenticate: ${other}`]);
  const ask = async () => (await agent.request({ method: 'OPTIONS', to: agent.registrar })).status;
  expect(await ask()).toBe(401);
  expect((await agent.request({ method: 'REGISTER', to: agent.registrar })).status).toBe(200);
  bindToRegistrar(credentials);
  expect(JSON.parse(binding.text)).toEqual([{ realm: 'campus.test', algorithm: 'SHA-256', qop: true }]);
  expect(await ask()).toBe(401);
  expect(server.requests.filter(({ method }) => method === 'OPTIONS').flatMap(given)).toEqual([]);
});

test.each([
  ['of another realm', challenge('n', 'SHA-256', 'evil.example'), 'authentication-changed', 'SHA-256:evil.example'],
  ['that asks for MD5 where it asked for SHA-256', challenge('n', 'MD5'), 'authentication-weaker', 'MD5:campus.test'],
  [
    'that asks for no qop any more',
    challenge('n', 'SHA-256', 'campus.test', ''),
    'authentication-weaker',
    'SHA-256-without-qop:campus.test',
  ],
  ['that asks for MD5 without qop', challenge('n', 'MD5', 'campus.test', ''), 'authentication-weaker', undefined],
])('after a restart a registrar %s gets credentials only when that is allowed', async (_, weaker, code, allow) => {
  const server = await ScriptedServer.open();
  const storage = memoryStorage();
  const settings = {
    address: 'sip:ana@campus.test',
    server: { host: '127.0.0.1', port: server.port },
    transport: 'tcp' as const,
    options: { xcapRoot: '' },
  };
  server.handler = (request) => (request.method === 'REGISTER' ? registrar(request) : request.answer(200));
  const first = person(settings, { storage });
  first.provider.start();
  await server.until(() => (storage.get('digest-binding') ? true : undefined));
  await first.provider.stop();
  const before = server.requests.length;
  server.handler = (request) => {
    if (given(request).length > 0) request.answer(200);
    else request.answer(401, [`WWW-Authenticate: ${weaker}`]);
  };
  const again = person(settings, { storage });
  again.provider.start();
  const { cause } = await again.reach('stopped');
  expect([cause.code, cause.protocolCode, cause.retryable]).toEqual([code, allow, false]);
  expect(server.requests.slice(before).flatMap(given)).toEqual([]);
  if (allow === undefined) return;
  const allowed = { ...settings, options: { ...settings.options, allowedAuthentication: allow } };
  const third = person(allowed, { storage });
  third.provider.start();
  await third.reach('online');
});

test('what was allowed for one realm stays allowed when another is asked for beside it', () => {
  const stored = JSON.stringify([{ realm: 'campus.test', algorithm: 'SHA-256', qop: true }]);
  const needed = (allowed: string, ...texts: string[]) =>
    new DigestClient('ana', 'secret', undefined, new AccountBinding({ stored, allowed })).consentNeeded(
      texts.flatMap(parseChallenges),
    );
  const proxy = challenge('n', 'SHA-256', 'proxy of ana');
  const first = needed('', proxy);
  expect(first).toEqual({ code: 'authentication-changed', allow: 'SHA-256:proxy%20of%20ana' });
  const second = needed(first?.allow ?? '', challenge('n', 'MD5'), challenge('n', 'MD5', 'campus.test', ''));
  expect(second).toEqual({ code: 'authentication-weaker', allow: 'SHA-256:proxy%20of%20ana MD5:campus.test' });
  expect(needed(second?.allow ?? '', proxy, challenge('n', 'MD5'))).toBeUndefined();
});

test('a weaker way in the known name does not allow another name with it', () => {
  const stored = JSON.stringify([{ realm: 'campus.test', algorithm: 'SHA-256', qop: true }]);
  const client = new DigestClient('ana', 'secret', undefined, new AccountBinding({ stored }));
  const both = [challenge('n', 'MD5'), challenge('n', 'MD5', 'evil.example')].flatMap(parseChallenges);
  expect(client.consentNeeded(both)).toEqual({ code: 'authentication-weaker', allow: 'MD5:campus.test' });
});

test('MD5 without qop is answered only where the account allows it', () => {
  const weak = parseChallenges(challenge('n', 'MD5', 'campus.test', ''));
  const facts = { method: 'REGISTER', uri: 'sip:campus.test', body: '' };
  const answers = (withoutQop: boolean): number =>
    new DigestClient('ana', 'secret', undefined, new AccountBinding({ withoutQop })).answer(weak, facts).length;
  expect([answers(false), answers(true)]).toEqual([0, 1]);
});

test('a relay or XCAP server is bound alone, for as long as it is the same one', () => {
  const storage = memoryStorage();
  const strong = { realm: 'relay', algorithm: 'SHA-256', qop: true };
  const first = serverBinding(storage, 'relay', 'relay.campus.test', {});
  first.binding.bind([strong]);
  first.keep();
  const weak = { ...strong, algorithm: 'MD5' };
  const allows = (place: string, rules = {}) => serverBinding(storage, 'relay', place, rules).binding.allows(weak);
  expect(allows('relay.campus.test')).toBe(false);
  expect(allows('relay.campus.test', { allowed: 'MD5:relay' })).toBe(true);
  expect(allows('other.campus.test')).toBe(true);
  storage.put('relay', '{"place":');
  expect(allows('relay.campus.test')).toBe(true);
});
