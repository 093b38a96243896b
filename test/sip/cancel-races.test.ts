import { expect, test } from 'vitest';
import { incoming, reached } from './direct-agents.ts';
import { ScriptedServer } from './scripted-server.ts';
import { serverAgent } from './server-agent.ts';

const BRANCH = 'Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bKinvite';

/** A server that has offered a session, and what its requests about it were answered. */
const offered = async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const about = (method: string, cseq: number, lines: readonly string[] = [], body = ''): void =>
    server.sendRequest(
      method,
      'sip:ana@campus.test',
      ['Call-ID: races', `CSeq: ${cseq} ${method}`, 'Contact: <sip:bob@127.0.0.1:5060>', ...lines],
      body,
    );
  const answered = (method: string, from = 200): Promise<number> =>
    server.until(() => {
      const found = server.answers.find(
        (answer) => answer.method === method && answer.start.kind === 'response' && answer.start.status >= from,
      );
      return found?.start.kind === 'response' ? found.start.status : undefined;
    });
  const finals = () =>
    server.answers.filter(
      ({ method, start }) => method === 'INVITE' && start.kind === 'response' && start.status >= 200,
    );
  const toTag = (): string => `To: ${finals()[0]?.get('to')}`;
  const invite = (): void => about('INVITE', 1, [BRANCH, 'Content-Type: application/sdp'], 'v=0\r\n');
  const cancel = (): void => about('CANCEL', 1, [BRANCH]);
  return { server, agent, about, answered, finals, toTag, invite, cancel };
};

test('a CANCEL in the same segment as its INVITE ends it with 487', async () => {
  const { agent, answered, invite, cancel } = await offered();
  const invited = incoming(agent);
  invite();
  cancel();
  expect([await answered('CANCEL'), await answered('INVITE')]).toEqual([200, 487]);
  expect((await invited).state).toEqual({ state: 'ended', by: 'peer' });
});

test('accepted in the moment its CANCEL is read, a session is over, and no 200 follows the 487', async () => {
  const { server, agent, answered, invite, cancel } = await offered();
  agent.onInvite = (session) =>
    void session.onState(({ state }) => state === 'ended' && session.accept({ sdp: 'v=0\r\n' }));
  invite();
  await server.until(() => server.sockets.values().next().value);
  cancel();
  expect([await answered('CANCEL'), await answered('INVITE')]).toEqual([200, 487]);
});

test('a CANCEL that comes after the 200 changes nothing, and a BYE ends the session', async () => {
  const { agent, about, answered, toTag, invite, cancel } = await offered();
  const invited = incoming(agent);
  agent.onInvite = ((keep) => (session) => {
    keep?.(session);
    session.accept({ sdp: 'v=0\r\n' });
  })(agent.onInvite);
  invite();
  const session = await invited;
  expect(await answered('INVITE')).toBe(200);
  cancel();
  expect(await answered('CANCEL')).toBe(200);
  about('ACK', 1, [toTag()]);
  about('BYE', 2, [toTag()]);
  expect(await answered('BYE')).toBe(200);
  expect(await reached(session, 'ended')).toMatchObject({ by: 'peer' });
});

test('accepted and cancelled in one turn, the session ends one way only', async () => {
  const { agent, about, answered, finals, toTag, invite, cancel } = await offered();
  const invited = incoming(agent);
  agent.onInvite = ((keep) => (session) => {
    keep?.(session);
    session.accept({ sdp: 'v=0\r\n' });
  })(agent.onInvite);
  invite();
  cancel();
  const session = await invited;
  const status = await answered('INVITE');
  expect(await answered('CANCEL')).toBe(200);
  if (status === 200) {
    about('ACK', 1, [toTag()]);
    about('BYE', 2, [toTag()]);
    expect(await answered('BYE')).toBe(200);
  } else expect(status).toBe(487);
  expect(await reached(session, 'ended')).toMatchObject({ by: 'peer' });
  expect(finals().length).toBe(1);
});

test('a CANCEL of something unknown is answered 481', async () => {
  const { answered, cancel, server } = await offered();
  await server.until(() => server.sockets.values().next().value);
  cancel();
  expect(await answered('CANCEL')).toBe(481);
});
