import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseChallenges } from '../../../protocols/sip/authentication/challenges.ts';
import { DigestClient } from '../../../protocols/sip/authentication/digest-client.ts';
import { Registration } from '../../../protocols/sip/registration/registration.ts';
import { ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

const parameters = (value: string): Map<string, string> => {
  const [challenge] = parseChallenges(value);
  return new Map(challenge?.parameters);
};
const answer = (challenge: string, client: DigestClient, method = 'REGISTER', uri = 'sip:campus.test', body = '') =>
  client.answer(parseChallenges(challenge), { method, uri, body }).map(({ value }) => parameters(value));

describe('the vectors of RFC 7616 §3.9', () => {
  const mufasa = () =>
    new DigestClient('Mufasa', 'Circle of Life', () => 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ');
  const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v';
  const both = (algorithm: string): string =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="${nonce}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;

  test('MD5', () => {
    const [given] = answer(both('MD5'), mufasa(), 'GET', '/dir/index.html');
    expect(given?.get('response')).toBe('8ca523f5e9506fed4657c9700eebdbec');
    expect(given?.get('nc')).toBe('00000001');
    expect(given?.get('qop')).toBe('auth');
  });

  test('SHA-256', () => {
    const [given] = answer(both('SHA-256'), mufasa(), 'GET', '/dir/index.html');
    expect(given?.get('response')).toBe('753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1');
  });

  test('of both the stronger is answered, in either order', () => {
    for (const order of [
      ['MD5', 'SHA-256'],
      ['SHA-256', 'MD5'],
    ]) {
      const given = mufasa().answer(
        order.flatMap((algorithm) => parseChallenges(both(algorithm))),
        { method: 'GET', uri: '/dir/index.html', body: '' },
      );
      expect(given.map(({ value }) => parameters(value).get('algorithm'))).toEqual(['SHA-256']);
    }
  });

  test('SHA-512-256 with the name hashed', () => {
    const client = new DigestClient(
      'Jäsøn Doe',
      'Secret, or not?',
      () => 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v',
    );
    const [given] = answer(
      'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true',
      client,
      'GET',
      '/doe.json',
    );
    // erratum 4897: the hashes are those of SHA-512/256, not of SHA-512 cut short
    expect(given?.get('username')).toBe('793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b');
    expect(given?.get('response')).toBe('3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5');
    expect(given?.get('userhash')).toBe('true');
  });
});

test('the form without qop, as RFC 2617 kept it', () => {
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  const [given] = answer('Digest realm="r", nonce="n"', new DigestClient('u', 'p'));
  expect(given?.get('response')).toBe(md5(`${md5('u:r:p')}:n:${md5('REGISTER:sip:campus.test')}`));
  expect([...(given ?? new Map()).keys()]).not.toContain('nc');
});

test('auth-int covers the body, and -sess the nonces', () => {
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
  const [given] = answer(
    'Digest realm="r", nonce="n", qop="auth-int", algorithm=SHA-256-sess',
    new DigestClient('u', 'p', () => 'c'),
    'MESSAGE',
    'sip:bob@campus.test',
    'reunião',
  );
  const ha1 = sha(`${sha('u:r:p')}:n:c`);
  const ha2 = sha(`MESSAGE:sip:bob@campus.test:${sha('reunião')}`);
  expect(given?.get('response')).toBe(sha(`${ha1}:n:00000001:c:auth-int:${ha2}`));
});

test.each([
  ['MD5', 'md5'],
  ['SHA-256', 'sha256'],
  ['SHA-512-256', 'sha512-256'],
])('auth-int with %s covers a body that is empty, as a REGISTER has it', (algorithm, name) => {
  const hash = (text: string): string => createHash(name).update(text).digest('hex');
  const [given] = answer(
    `Digest realm="r", nonce="n", qop="auth-int", algorithm=${algorithm}`,
    new DigestClient('u', 'p', () => 'c'),
  );
  const ha2 = hash(`REGISTER:sip:campus.test:${hash('')}`);
  expect(given?.get('qop')).toBe('auth-int');
  expect(given?.get('response')).toBe(hash(`${hash('u:r:p')}:n:00000001:c:auth-int:${ha2}`));
});

test('a server that wants auth-int with SHA-512-256 gets the hash of the bytes it received, be there any or none', async () => {
  const hash = (text: string): string => createHash('sha512-256').update(text).digest('hex');
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  agent.setCredentials(new DigestClient('ana', 'secret'));
  server.handler = (request) => {
    const given = parameters(request.head.get('authorization') ?? '');
    const uri = request.head.start.kind === 'request' ? request.head.start.uri : '';
    const ha2 = hash(`${request.method}:${uri}:${hash(request.body)}`);
    const counts = `n:${given.get('nc')}:${given.get('cnonce')}:auth-int`;
    if (given.get('response') === hash(`${hash('ana:campus.test:secret')}:${counts}:${ha2}`)) request.answer(200);
    else
      request.answer(401, [
        'WWW-Authenticate: Digest realm="campus.test", nonce="n", qop="auth-int", algorithm=SHA-512-256',
      ]);
  };
  const to = 'sip:bob@campus.test';
  expect((await agent.request({ method: 'REGISTER', to })).status).toBe(200);
  for (const content of ['reunião 🎓\r\n', ''])
    expect((await agent.request({ method: 'MESSAGE', to, body: { contentType: 'text/plain', content } })).status).toBe(
      200,
    );
  // asked once for each: what answers a registrar is not shown to whoever gets a text
  expect(server.requests.length).toBe(5);
});

test('the same nonce counts up, a new one begins anew', () => {
  const client = new DigestClient('u', 'p');
  const counts = ['a', 'a', 'b'].map((nonce) =>
    answer(`Digest realm="r", nonce="${nonce}", qop=auth`, client)[0]?.get('nc'),
  );
  expect(counts).toEqual(['00000001', '00000002', '00000001']);
});

test('what can’t be answered is not: other schemes, unknown algorithms, unknown qop', () => {
  const client = new DigestClient('u', 'p');
  expect(answer('Negotiate', client)).toEqual([]);
  expect(answer('Digest realm="r", nonce="n", algorithm=TOKENS', client)).toEqual([]);
  expect(answer('Digest realm="r", nonce="n", qop="auth-conf"', client)).toEqual([]);
  expect(answer('Basic realm="r"', client)).toEqual([]);
});

test('several challenges in one header, quotes and commas in their values', () => {
  const challenges = parseChallenges(
    'Negotiate, Digest realm="a, \\"b\\"", nonce="n=1", stale=TRUE , Digest realm=c,nonce="x",algorithm=SHA-256',
  );
  expect(challenges.map(({ scheme, parameters: each }) => [scheme, Object.fromEntries(each)])).toEqual([
    ['Negotiate', {}],
    ['Digest', { realm: 'a, "b"', nonce: 'n=1', stale: 'TRUE' }],
    ['Digest', { realm: 'c', nonce: 'x', algorithm: 'SHA-256' }],
  ]);
});

test('each realm gets its own answer, with names and quotes escaped', () => {
  const given = new DigestClient('a"b\\c', 'p').answer(
    parseChallenges('Digest realm="one \\"1\\"", nonce="n", Digest realm="two", nonce="m", stale=true'),
    { method: 'INVITE', uri: 'sip:x@y', body: '' },
  );
  expect(given.map(({ realm, stale }) => [realm, stale])).toEqual([
    ['one "1"', false],
    ['two', true],
  ]);
  expect(given[0]?.value).toContain('username="a\\"b\\\\c", realm="one \\"1\\""');
});

test('of several challenges with one nonce only the one that is answered counts', () => {
  const client = new DigestClient('u', 'p');
  const both = ['MD5', 'SHA-256']
    .map((name) => `Digest realm="r", nonce="n", qop="auth", algorithm=${name}`)
    .join(', ');
  const [given] = answer(both, client);
  expect([given?.get('algorithm'), given?.get('nc')]).toEqual(['SHA-256', '00000001']);
});

describe('a server that wears us out', () => {
  test('with a hundred realms at once gets four answers', () => {
    const many = Array.from({ length: 100 }, (_, index) => `Digest realm="${index}", nonce="n"`).join(', ');
    expect(answer(many, new DigestClient('u', 'p')).length).toBe(4);
  });

  test('with another realm each time does not make requests ever longer', async () => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    agent.setCredentials(new DigestClient('ana', 'secret'));
    let realm = 0;
    server.handler = (request) => {
      const last = `realm="${realm}"`;
      if (request.head.all('authorization').some((value) => value.includes(last))) request.answer(200);
      else request.answer(401, [`WWW-Authenticate: Digest ${last}, nonce="n", qop="auth"`]);
    };
    for (realm = 1; realm <= 20; realm++)
      expect((await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' })).status).toBe(200);
    expect(Math.max(...server.requests.map(({ head }) => head.all('authorization').length))).toBe(4);
  });
});

test('requests side by side never use a count twice', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  agent.setCredentials(new DigestClient('ana', 'secret'));
  const counts: string[] = [];
  server.handler = (request) => {
    const given = parameters(request.head.get('authorization') ?? '');
    if (given.has('nc')) counts.push(given.get('nc') ?? '');
    if (given.has('nc')) request.answer(200);
    else request.answer(401, ['WWW-Authenticate: Digest realm="campus.test", nonce="n", qop="auth"']);
  };
  const ask = () => agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test' });
  await Promise.all(Array.from({ length: 10 }, ask));
  await Promise.all(Array.from({ length: 10 }, ask));
  expect([new Set(counts).size, counts.length]).toEqual([20, 20]);
});

test.each(['ção', 'a"b\\c', 'ana@campus.test', ' '])('the name %o arrives as it is', async (name) => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  agent.setCredentials(new DigestClient(name, 'pä"ß'));
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  server.handler = (request) => {
    const given = parameters(request.head.get('authorization') ?? '');
    const ha1 = md5(`${given.get('username')}:r "1":pä"ß`);
    const right = md5(`${ha1}:n:${md5(`${request.method}:${given.get('uri')}`)}`);
    if (given.get('response') === right && given.get('username') === name) request.answer(200);
    else request.answer(401, ['WWW-Authenticate: Digest realm="r \\"1\\"", nonce="n"']);
  };
  expect((await agent.request({ method: 'REGISTER', to: 'sip:ana@campus.test' })).status).toBe(200);
});

describe('a refusal that is none', () => {
  test.each([
    ['knows only an algorithm that we do not', 'algorithm=SHA3-512', 1],
    ['knows no Digest at all', undefined, 1],
    ['finds every nonce too old', 'stale=true', 7],
  ])('of a server that %s does not touch the password', async (_what, more, requests) => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    agent.setCredentials(new DigestClient('ana', 'secret'));
    let nonce = 0;
    server.handler = (request) =>
      request.answer(401, [
        `WWW-Authenticate: ${more ? `Digest realm="r", nonce="${nonce++}", qop="auth", ${more}` : 'Negotiate'}`,
      ]);
    const registration = new Registration({
      agent,
      instanceId: 'a',
      onLost: () => {},
      onOthers: () => {},
      onFlowTimer: () => {},
    });
    const error = await registration.register();
    expect(error).toMatchObject({ code: 'server-unavailable', retryable: true, protocolCode: '401' });
    expect(server.requests.length).toBe(requests);
  });
});
