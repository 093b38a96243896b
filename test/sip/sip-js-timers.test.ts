import { Core } from 'sip.js';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { seeds } from '../extent.ts';
import { seeded } from '../seeded.ts';
import { directAgent, incoming, reached } from './direct-agents.ts';
import { ScriptedServer } from './scripted-server.ts';
import { serverAgent } from './server-agent.ts';
import { lossyForwarder } from './transport/lossy-forwarder.ts';

const OFFER = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n';
const uncaught: unknown[] = [];
const note = (cause: unknown): void => void uncaught.push(cause);
let before: Record<'uncaughtException' | 'unhandledRejection', NodeJS.UncaughtExceptionListener[]>;

beforeEach(() => {
  before = {
    uncaughtException: process.listeners('uncaughtException') as NodeJS.UncaughtExceptionListener[],
    unhandledRejection: process.listeners('unhandledRejection') as unknown as NodeJS.UncaughtExceptionListener[],
  };
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.removeAllListeners(event);
    process.on(event, note);
  }
});
afterEach(() => {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.removeAllListeners(event);
    for (const listener of before[event]) process.on(event as 'uncaughtException', listener);
  }
  expect(uncaught.splice(0)).toEqual([]);
});

/** The timers of sip.js for one test, 64·T1 and all that follows from it. */
const shorten = (t1: number): void => {
  const kept = { ...Core.Timers };
  onTestFinished(() => void Object.assign(Core.Timers, kept));
  const all = ['TIMER_B', 'TIMER_D', 'TIMER_F', 'TIMER_H', 'TIMER_J', 'TIMER_L', 'TIMER_M', 'TIMER_N'];
  Object.assign(
    Core.Timers,
    { T1: t1, TIMER_I: t1, TIMER_K: t1 },
    Object.fromEntries(all.map((name) => [name, 64 * t1])),
  );
};
const transactionsOf = ({ core }: { core: Core.UserAgentCore }): number =>
  core.userAgentServers.size + core.userAgentClients.size;

describe('an invitation whose 200 is never acknowledged', () => {
  const invited = async (then: (server: ScriptedServer, toTag: string) => void) => {
    shorten(4);
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    agent.onInvite = (session) => session.accept({ sdp: OFFER });
    const lines = ['Call-ID: call', 'Contact: <sip:stranger@127.0.0.1>', 'Content-Type: application/sdp'];
    server.sendRequest('INVITE', 'sip:ana@campus.test', [...lines, 'CSeq: 1 INVITE'], OFFER);
    const answer = await server.until(() =>
      server.answers.find(({ start }) => start.kind === 'response' && start.status === 200),
    );
    then(server, /tag=(\w+)/.exec(answer.get('to') ?? '')?.[1] ?? '');
    await vi.waitFor(() => expect(transactionsOf(agent)).toBe(0), { timeout: 20_000 });
    expect(await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' })).toMatchObject({ status: 200 });
    return server;
  };

  test('and followed by BYE ends that session and nothing else', async () => {
    await invited((server, tag) =>
      server.sendRequest('BYE', 'sip:ana@campus.test', [
        'Call-ID: call',
        `To: <sip:ana@campus.test>;tag=${tag}`,
        'CSeq: 2 BYE',
      ]),
    );
  });

  test('is ended by a BYE of ours (RFC 3261 §13.3.1.4)', async () => {
    const server = await invited(() => undefined);
    expect((await server.request('BYE')).method).toBe('BYE');
  });
});

test.each(['4294967295', '99999999', 'soon', '-1'])(
  'an invitation that expires in %j is shown, not refused at once',
  async (expires) => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    const shown = incoming(agent);
    server.sendRequest(
      'INVITE',
      'sip:ana@campus.test',
      ['Contact: <sip:stranger@127.0.0.1>', 'Content-Type: application/sdp', `Expires: ${expires}`],
      OFFER,
    );
    const session = await shown;
    expect(await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' })).toMatchObject({ status: 200 });
    expect(session.state).toEqual({ state: 'invited' });
    session.reject(486);
  },
);

describe('an error in a timer of sip.js ends nothing but that timer:', () => {
  const bug = new Error('a bug in a timer');
  const isSeen = async (): Promise<void> => {
    await vi.waitFor(() => expect(seen).toContain(bug), { timeout: 20_000 });
    // as a rejected promise, which ends its own job, and never as an exception, which would end the account
    expect(thrown).toEqual([]);
  };
  const seen: unknown[] = [];
  const thrown: unknown[] = [];
  beforeEach(() => {
    seen.length = 0;
    thrown.length = 0;
    process.removeAllListeners('unhandledRejection');
    process.removeAllListeners('uncaughtException');
    process.on('unhandledRejection', (cause) => void seen.push(cause));
    process.on('uncaughtException', (cause) => void thrown.push(cause));
  });
  const throws = (): never => {
    throw bug;
  };
  const invite = (server: ScriptedServer, more: string[] = []): void =>
    server.sendRequest(
      'INVITE',
      'sip:ana@campus.test',
      ['Contact: <sip:stranger@127.0.0.1>', 'Content-Type: application/sdp', 'Call-ID: call', ...more],
      OFFER,
    );
  /** What sip.js keeps to itself of the only incoming INVITE. */
  const transactionOf = (agent: { core: Core.UserAgentCore }): object => {
    const [server] = [...agent.core.userAgentServers].map(([, each]) => each);
    if (!server) throw new Error('no INVITE came');
    return server.transaction;
  };

  test('an invitation that expires', async () => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    const shown = incoming(agent);
    invite(server, ['Expires: 1']);
    await shown;
    const transaction = Object.assign(transactionOf(agent), { receiveResponse: throws });
    await isSeen();
    Reflect.deleteProperty(transaction, 'receiveResponse');
  });

  test('an invitation that nobody answers', async () => {
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    const shown = incoming(agent);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    invite(server);
    await shown;
    const transaction = Object.assign(transactionOf(agent), { receiveResponse: throws });
    vi.advanceTimersByTime(600_000);
    vi.useRealTimers();
    await isSeen();
    Reflect.deleteProperty(transaction, 'receiveResponse');
  });

  test('an invitation that goes on ringing', async () => {
    shorten(4);
    Object.assign(Core.Timers, { PROVISIONAL_RESPONSE_INTERVAL: 5 });
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    const shown = incoming(agent);
    invite(server);
    const session = await shown;
    const transaction = transactionOf(agent);
    session.ring();
    await server.until(() => server.answers[0]);
    Object.assign(transaction, { send: throws });
    await isSeen();
    Reflect.deleteProperty(transaction, 'send');
  });

  test('a 200 that is not acknowledged', async () => {
    shorten(4);
    const server = await ScriptedServer.open();
    const { agent } = await serverAgent(server.port);
    agent.onInvite = (session) => session.accept({ sdp: OFFER });
    invite(server);
    const dialog = await vi.waitFor(() => {
      const [made] = [...agent.core.dialogs].map(([, each]) => each);
      if (!made) throw new Error('no dialog yet');
      return made;
    });
    Object.defineProperty(dialog, 'ackWait', { get: throws, configurable: true });
    await isSeen();
    Object.defineProperty(dialog, 'ackWait', { value: false });
  });

  test('a subscription that is due to be refreshed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const dialog = Object.assign(Object.create(Core.SubscriptionDialog.prototype), {
      autoRefresh: true,
      subscriptionExpires: 1,
      refresh: throws,
    });
    dialog.refreshTimerSet();
    vi.advanceTimersByTime(900);
    vi.useRealTimers();
    await isSeen();
  });
});

test.each(seeds(4))(
  'sessions over a path that loses, repeats and swaps datagrams end more than themselves in no case (seed %i)',
  async (seed) => {
    shorten(8);
    const random = seeded(seed);
    const { agent: ana } = await directAgent('ana');
    const { agent: bob } = await directAgent('bob');
    const port = await lossyForwarder(bob.local?.port ?? 0, () => {
      const drawn = random();
      if (drawn < 0.2) return false;
      return drawn < 0.4 ? 'twice' : drawn < 0.6 ? 'late' : true;
    });
    bob.onInvite = (session) => {
      const drawn = random();
      if (drawn < 0.3) session.reject(486);
      else session.accept({ sdp: OFFER });
      if (drawn > 0.7) session.end();
    };
    const sessions = Array.from({ length: 30 }, () =>
      ana.invite(`sip:bob@127.0.0.1:${port};transport=udp`, { sdp: OFFER }),
    );
    for (const session of sessions) if (random() < 0.3) session.end();
    await Promise.all(
      sessions.map((session) =>
        Promise.race([reached(session, 'established'), reached(session, 'rejected'), reached(session, 'ended')]),
      ),
    );
    for (const session of sessions) session.end();
    await vi.waitFor(() => expect(transactionsOf(ana) + transactionsOf(bob)).toBe(0), { timeout: 25_000 });
  },
  60_000,
);
