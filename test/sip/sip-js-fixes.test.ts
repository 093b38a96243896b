import { Core, Grammar } from 'sip.js';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DigestClient } from '../../protocols/sip/authentication/digest-client.ts';
import { EventSubscription } from '../../protocols/sip/presence/watching/event-subscription.ts';
import { directAgent, incoming, reached } from './direct-agents.ts';
import { ScriptedServer } from './scripted-server.ts';
import { serverAgent } from './server-agent.ts';

const TEXT = { contentType: 'text/plain', content: 'x' };

test('transactions stay as long as an unreliable transport needs', () => {
  const { TIMER_D, TIMER_I, TIMER_J, TIMER_K } = Core.Timers;
  expect([TIMER_D, TIMER_I, TIMER_J, TIMER_K]).toEqual([32_000, 5_000, 32_000, 5_000]);
});

test('a message repeated after it was answered is not handled twice', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  let handled = 0;
  agent.onMessage = (request) => {
    handled += 1;
    request.accept();
  };
  const lines = ['Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bKsame', 'Call-ID: same'];
  for (const nth of [1, 2, 3]) {
    server.sendRequest('MESSAGE', 'sip:ana@campus.test', lines, 'x');
    await server.until(() => (server.answers.length >= nth ? true : undefined));
  }
  expect(handled).toBe(1);
  expect(server.answers.map(({ start }) => start.kind === 'response' && start.status)).toEqual([200, 200, 200]);
});

test('a value that looks as usual is read without unpacking the tables of the grammar', () => {
  const unpacking = vi.spyOn(String.prototype, 'split');
  onTestFinished(() => unpacking.mockRestore());
  const times = (): number => unpacking.mock.calls.filter((args: unknown[]) => args[0] === '').length;
  expect(Grammar.parse('"Ana" <sip:ana@campus.test>;tag=x', 'From')).toMatchObject({ displayName: 'Ana' });
  expect(times()).toBe(0);
  // what sip.js does with every value
  expect(Grammar.parse('Ana <sip:ana@campus.test>;tag=x', 'From')).toMatchObject({ displayName: 'Ana' });
  expect(times()).toBeGreaterThan(100);
});

describe('a request that came another way before', () => {
  const lines = (branch: string, method = 'MESSAGE') => [
    `Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK${branch}`,
    'Call-ID: same',
    `CSeq: 7 ${method}`,
    'Contact: <sip:stranger@elsewhere.test>',
  ];
  const statuses = (server: ScriptedServer) =>
    server.answers.map(({ start }) => start.kind === 'response' && start.status);

  test.each([200, 415])('has the answer it had, here %i: 482 would say that a text is not here', async (status) => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    let texts = 0;
    agent.onMessage = (request) => {
      texts += 1;
      if (status === 200) request.accept();
      else request.reject({ statusCode: status });
    };
    for (const nth of [1, 2]) {
      server.sendRequest('MESSAGE', 'sip:ana@campus.test', lines(`way${nth}`), 'x');
      await server.until(() => server.answers[nth - 1]);
    }
    expect([statuses(server), texts]).toEqual([[status, status], 1]);
    for (const { transaction } of [...agent.core.userAgentServers].map(([, each]) => each)) transaction.dispose();
    agent.core.userAgentServers.clear();
    server.sendRequest('MESSAGE', 'sip:ana@campus.test', lines('way3'), 'x');
    await server.until(() => server.answers[2]);
    expect([statuses(server), texts]).toEqual([[status, status, status], 2]);
  });

  test.each(['MESSAGE', 'INVITE'])('and has no answer yet is refused with 482: %s', async (method) => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    let came = 0;
    agent.onMessage = () => {
      came += 1;
    };
    agent.onInvite = () => {
      came += 1;
    };
    for (const branch of ['way1', 'way2']) {
      const more = method === 'INVITE' ? ['Content-Type: application/sdp'] : [];
      server.sendRequest(method, 'sip:ana@campus.test', [...lines(branch, method), ...more], 'v=0\r\n');
    }
    await server.until(() => statuses(server).find((status) => status !== false && status >= 200));
    expect([statuses(server).filter((status) => status !== 100), came]).toEqual([[482], 1]);
  });

  test('is found without a look at every other', async () => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    agent.onMessage = (request) => request.accept();
    let looks = 0;
    const other = { message: { callId: 'other', cseq: 1, fromTag: 'other' }, dispose: () => {} };
    const watched = Object.defineProperty(other, 'transaction', { get: () => (looks += 1) });
    agent.core.userAgentServers.set('other', watched as unknown as Core.UserAgentServer);
    server.sendRequest('MESSAGE', 'sip:ana@campus.test', lines('way1'), 'x');
    await server.until(() => server.answers[0]);
    expect(looks).toBe(0);
    expect(agent.core.userAgentServers.delete('other')).toBe(true);
  });
});

test('no two requests get the same branch', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  await Promise.all(Array.from({ length: 50 }, () => agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' })));
  expect(new Set(server.requests.map(({ head }) => head.branch)).size).toBe(50);
  expect(server.requests[0]?.head.branch).toMatch(/^z9hG4bK[0-9a-f-]{36}$/);
});

test('what sip.js can’t read is answered', async () => {
  const server = await ScriptedServer.open();
  await serverAgent(server.port);
  server.sendRequest('MESSAGE', 'sip:ana@campus.test', ['Content-Type: garbage'], 'x');
  const answer = await server.until(() => server.answers[0]);
  expect(answer.start).toMatchObject({ status: 400 });
});

describe('challenges', () => {
  const challenge = (realm: string, more = ''): string => `Digest realm="${realm}", nonce="n", qop="auth"${more}`;
  const credentialed = async () => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    const credentials = new DigestClient('ana', 'secret');
    agent.setCredentials(credentials);
    return { server, agent, credentials };
  };

  test('by a proxy and then by the registrar are both answered', async () => {
    const { server, agent } = await credentialed();
    server.handler = (request) => {
      if (!request.head.get('proxy-authorization')) request.answer(407, [`Proxy-Authenticate: ${challenge('proxy')}`]);
      else if (!request.head.get('authorization')) request.answer(401, [`WWW-Authenticate: ${challenge('home')}`]);
      else request.answer(200);
    };
    const answer = await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: TEXT });
    expect([answer.status, answer.cseq]).toEqual([200, 3]);
    expect(server.requests.at(-1)?.head.get('proxy-authorization')).toContain('realm="proxy"');
  });

  test('several at once: the strongest known is answered, unknown ones do no harm', async () => {
    const { server, agent } = await credentialed();
    server.handler = (request) => {
      if (request.head.get('authorization')) request.answer(200);
      else
        request.answer(401, [
          'WWW-Authenticate: Negotiate',
          `WWW-Authenticate: ${challenge('home', ', algorithm=SHA-256')}`,
          `WWW-Authenticate: ${challenge('home', ', algorithm=MD5-sess')}`,
          `WWW-Authenticate: ${challenge('home', ', algorithm=MD5')}`,
        ]);
    };
    expect((await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: TEXT })).status).toBe(200);
    expect(server.requests[1]?.head.get('authorization')).toContain('algorithm=SHA-256');
  });

  test('what was challenged once is answered before it is asked, until the nonce is stale', async () => {
    const { server, agent } = await credentialed();
    let nonce = 'first';
    server.handler = (request) => {
      if (request.head.get('proxy-authorization')?.includes(`nonce="${nonce}"`)) request.answer(200);
      else request.answer(407, [`Proxy-Authenticate: Digest realm="proxy", nonce="${nonce}", qop="auth", stale=true`]);
    };
    const send = () => agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: TEXT });
    expect([(await send()).status, (await send()).status, server.requests.length]).toEqual([200, 200, 3]);
    expect(server.requests[2]?.head.get('proxy-authorization')).toContain('nc=00000002');
    nonce = 'second';
    expect([(await send()).status, server.requests.length]).toEqual([200, 5]);
  });

  test.each([
    ['Authorization', 'WWW-Authenticate', 'Authentication-Info', 401],
    ['Proxy-Authorization', 'Proxy-Authenticate', 'Proxy-Authentication-Info', 407],
  ] as const)('the nonce given for the next %s is used for it', async (credentials, challenging, telling, status) => {
    const { server, agent } = await credentialed();
    let nonce = 0;
    server.handler = (request) => {
      const given = request.head.get(credentials) ?? '';
      if (given.includes(`nonce="n${nonce}"`) && given.includes('nc=00000001'))
        request.answer(200, [`${telling}: qop=auth, nextnonce="n${++nonce}"`]);
      else request.answer(status, [`${challenging}: Digest realm="home", nonce="n${nonce}", qop="auth"`]);
    };
    for (let count = 0; count < 3; count++) await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' });
    expect([server.requests.length, nonce]).toEqual([4, 3]);
  });

  test('a refused password ends after one try, a stale nonce gets another', async () => {
    const { server, agent } = await credentialed();
    server.handler = (request) => request.answer(401, [`WWW-Authenticate: ${challenge('home')}`]);
    expect((await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: TEXT })).status).toBe(401);
    expect(server.requests.length).toBe(2);
    server.handler = (request) => {
      if (server.requests.length < 6) request.answer(401, [`WWW-Authenticate: ${challenge('home', ', stale=true')}`]);
      else request.answer(200);
    };
    expect((await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: TEXT })).status).toBe(200);
  });

  describe('a password refused under a nonce of the life before', () => {
    afterEach(() => void vi.restoreAllMocks());
    /** A server that starts anew each time it has challenged, `lives` times, and is `away` ms long each time. */
    const reborn = async (lives: number, away: number, accepted: boolean) => {
      const { server, agent, credentials } = await credentialed();
      credentials.accepted = accepted;
      let now = 0;
      vi.spyOn(performance, 'now').mockImplementation(() => now);
      let life = 0;
      server.handler = (request) => {
        if (request.head.get('authorization')) life += life < lives ? 1 : 0;
        now += away;
        const known = request.head.get('authorization')?.includes(`nonce="${life}"`);
        if (known) request.answer(200);
        else request.answer(401, [`WWW-Authenticate: Digest realm="home", nonce="${life}", qop="auth"`]);
      };
      const { status } = await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: TEXT });
      return [status, server.requests.length];
    };

    test('is proven once more where it was accepted before', async () => {
      expect(await reborn(1, 1, true)).toEqual([200, 3]);
    });
    test('is proven once more where the answer took long', async () => {
      expect(await reborn(1, 500, false)).toEqual([200, 3]);
    });
    test('is refused where neither is so', async () => {
      expect(await reborn(1, 499, false)).toEqual([401, 2]);
    });
    test('is refused the second time, and at once under the same nonce', async () => {
      expect(await reborn(2, 500, true)).toEqual([401, 3]);
      const { server, agent, credentials } = await credentialed();
      credentials.accepted = true;
      server.handler = (request) => request.answer(401, [`WWW-Authenticate: ${challenge('home')}`]);
      expect((await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: TEXT })).status).toBe(401);
      expect(server.requests.length).toBe(2);
    });
  });

  test.each(['MESSAGE', 'INVITE'])('that comes twice, since the %s did, is answered once', async (method) => {
    const { server, agent } = await credentialed();
    server.handler = (request) => {
      if (request.head.get('authorization')) request.answer(486);
      else for (let time = 0; time < 2; time++) request.answer(401, [`WWW-Authenticate: ${challenge('home')}`]);
    };
    if (method === 'INVITE') {
      const { rejection } = await reached(agent.invite('sip:bob@campus.test', { sdp: 'v=0\r\n' }), 'rejected');
      expect(rejection.status).toBe(486);
      // RFC 3261 §17.1.1.2: each has its ACK
      await server.until(() => server.acknowledgements[2]);
      expect(server.acknowledgements.map(({ branch }) => branch)).toEqual(
        [0, 0, 1].map((nth) => server.requests[nth]?.head.branch),
      );
    } else {
      const answer = await agent.request({ method, to: 'sip:bob@campus.test', body: TEXT });
      expect(answer.status).toBe(486);
    }
    expect(server.requests.length).toBe(2);
  });

  test('a server that calls every nonce stale is given up', async () => {
    const { server, agent } = await credentialed();
    server.handler = (request) => request.answer(401, [`WWW-Authenticate: ${challenge('home', ', stale=true')}`]);
    expect((await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test', body: TEXT })).status).toBe(401);
    expect(server.requests.length).toBeLessThan(10);
  });

  test('no timer of a challenged INVITE outlives the user agent', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const none = timers();
    const { server, agent } = await credentialed();
    const before = timers();
    server.handler = (request) => {
      if (request.head.get('authorization')) request.answer(486);
      else request.answer(401, [`WWW-Authenticate: ${challenge('home')}`]);
    };
    await reached(agent.invite('sip:bob@campus.test', { sdp: 'v=0\r\n' }), 'rejected');
    expect(timers()).toBeGreaterThan(before);
    await agent.stop();
    await server.close();
    expect(timers()).toBe(none);
  });

  test('within a session the sequence numbers go on after a challenge', async () => {
    const { server, agent } = await credentialed();
    const sdp = 'v=0\r\n';
    const contact = `Contact: <sip:bob@127.0.0.1:${server.port};transport=tcp>`;
    server.handler = (request) => {
      const { head, method } = request;
      const challenged = head.get('cseq') === '2 INVITE' && !head.get('authorization');
      if (challenged) request.answer(401, [`WWW-Authenticate: ${challenge('home')}`]);
      else request.answer(200, [contact, ...(method === 'BYE' ? [] : ['Content-Type: application/sdp'])], sdp);
    };
    const session = agent.invite('sip:bob@campus.test', { sdp });
    await reached(session, 'established');
    await session.reoffer({ sdp });
    session.end();
    await server.request('BYE');
    const numbers = server.requests.map(({ head }) => head.get('cseq'));
    expect(numbers).toEqual(['1 INVITE', '2 INVITE', '3 INVITE', '4 BYE']);
  });
});

test('an unknown Require is answered 420 with what is not understood', async () => {
  const server = await ScriptedServer.open();
  await serverAgent(server.port);
  server.sendRequest('MESSAGE', 'sip:ana@campus.test', ['Require: foo, outbound'], 'x');
  const answer = await server.until(() => server.answers[0]);
  expect([answer.start.kind === 'response' && answer.start.status, answer.get('unsupported')]).toEqual([420, 'foo']);
});

test('OPTIONS is answered with our own methods, types and Contact', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  server.sendRequest('OPTIONS', 'sip:ana@campus.test', []);
  const answer = await server.until(() => server.answers[0]);
  expect(answer.get('accept')).toBe('application/sdp, text/plain');
  // RFC 4569: we take message sessions
  expect(answer.get('contact')).toBe(`${agent.contact};message`);
});

test('a multipart offer is an offer', async () => {
  const { agent: ana } = await directAgent('ana');
  const { agent: bob, uri } = await directAgent('bob');
  const invited = incoming(bob);
  ana.invite(uri, { sdp: 'v=0\r\n', parts: [{ contentType: 'image/png', content: Buffer.from([0xff, 0, 0x80]) }] });
  expect((await invited).remote).toMatchObject({ sdp: 'v=0\r\n', parts: [{ content: Buffer.from([0xff, 0, 0x80]) }] });
});

test('a multipart answer is an answer', async () => {
  const { agent: ana } = await directAgent('ana');
  const { agent: bob, uri } = await directAgent('bob');
  bob.onInvite = (session) => {
    session.accept({ sdp: 'v=0\r\n', parts: [{ contentType: 'image/png', content: Buffer.from([0xff, 0, 0x80]) }] });
  };
  const { remote } = await reached(ana.invite(uri, { sdp: 'v=0\r\n' }), 'established');
  expect(remote.sdp).toBe('v=0\r\n');
});

test('what a text was is not kept once it is answered', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const texts: string[] = [];
  agent.onMessage = (request) => {
    texts.push(request.message.body);
    request.accept();
  };
  server.sendRequest('MESSAGE', 'sip:ana@campus.test', ['Content-Type: text/plain'], 'x'.repeat(1000));
  await server.until(() => server.answers[0]);
  expect(texts).toEqual(['x'.repeat(1000)]);
  const kept = [...agent.core.userAgentServers].map(([, { message }]) => message.data.length + message.body.length);
  expect(kept).toEqual([0]);
});

test('our own requests come back to us without being taken for a loop', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const texts: string[] = [];
  agent.onMessage = (request) => {
    texts.push(request.message.body);
    request.accept();
  };
  server.handler = (request) => {
    const via = `Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bKproxy`;
    const kept = ['From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${request.head.get(name)}`);
    server.sendRequest('MESSAGE', agent.contact.slice(1, -1), [via, ...kept], request.body);
    request.answer(200);
  };
  await agent.request({ method: 'MESSAGE', to: 'sip:ana@campus.test', body: TEXT });
  await server.until(() => server.answers[0]);
  expect(texts).toEqual(['x']);
});

test('after a reconnect a session names the new connection', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const contact = `Contact: <sip:bob@127.0.0.1:${server.port};transport=tcp>`;
  server.handler = (request) => request.answer(200, [contact, 'Content-Type: application/sdp'], 'v=0\r\n');
  const session = agent.invite('sip:bob@campus.test', { sdp: 'v=0\r\n' });
  await reached(session, 'established');
  await agent.disconnect();
  await agent.connect();
  await session.reoffer({ sdp: 'v=0\r\n' });
  const [before, after] = [await server.request('INVITE'), await server.request('INVITE', 2)];
  expect(after.head.get('contact')).toContain(`:${agent.local?.port};`);
  expect(after.head.get('contact')).not.toBe(before.head.get('contact'));
});

test('a REFER within a session is refused and never followed', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  server.handler = (request) =>
    request.answer(200, [`Contact: <sip:bob@127.0.0.1:${server.port}>`, 'Content-Type: application/sdp'], 'v=0\r\n');
  await reached(agent.invite('sip:bob@campus.test', { sdp: 'v=0\r\n' }), 'established');
  const invite = await server.request('INVITE');
  server.sendRequest('REFER', agent.contact.slice(1, -1), [
    `Call-ID: ${invite.head.get('call-id')}`,
    `From: <sip:bob@campus.test>;tag=server`,
    `To: ${invite.head.get('from')}`,
    'Refer-To: <sip:eve@elsewhere.test>',
    'Contact: <sip:bob@127.0.0.1>',
  ]);
  const answer = await server.until(() => server.answers[0]);
  expect(answer.start).toMatchObject({ status: 405 });
  expect(server.requests.filter(({ method }) => method === 'INVITE').length).toBe(1);
});

describe('a subscription', () => {
  const subscribed = async () => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port, 'TCP', { interval: 1e8, pongWithin: 1e8 });
    server.handler = (request) => request.answer(200, ['Expires: 3600']);
    const states: string[] = [];
    const subscription = new EventSubscription({
      agent,
      to: 'sip:bob@campus.test',
      event: 'presence',
      accept: ['application/pidf+xml'],
      random: () => 0,
      onState: (state) => void states.push(state),
      onBody: () => {},
    });
    void subscription.start();
    const { head } = await server.request('SUBSCRIBE');
    const notify = async (cseq: number, state: string): Promise<unknown> => {
      const { length } = server.answers;
      server.sendRequest('NOTIFY', agent.contact.slice(1, -1), [
        `Call-ID: ${head.get('call-id')}`,
        'From: <sip:bob@campus.test>;tag=server',
        `To: ${head.get('from')}`,
        `CSeq: ${cseq} NOTIFY`,
        'Event: presence',
        `Subscription-State: ${state}`,
        `Contact: <sip:127.0.0.1:${server.port};transport=tcp>`,
      ]);
      const { start } = await server.until(() => server.answers[length]);
      return start.kind === 'response' ? start.status : undefined;
    };
    return { server, subscription, states, notify };
  };

  test('is not ended by a NOTIFY from before the one that made it', async () => {
    const { subscription, states, notify } = await subscribed();
    expect(await notify(2, 'active')).toBe(200);
    expect([await notify(1, 'terminated;reason=rejected'), await notify(3, 'active')]).toEqual([500, 200]);
    expect(states).toEqual(['asked', 'active']);
    subscription.suspend();
  });

  test('lives on when its refresh is refused for now', async () => {
    const { server, subscription, states, notify } = await subscribed();
    await notify(1, 'active');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    server.handler = (request) => request.answer(503, ['Retry-After: 600']);
    await subscription.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(states).toEqual(['asked', 'active']);
    subscription.suspend();
  });
});
