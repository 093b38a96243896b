import { randomFillSync } from 'node:crypto';
import { expect } from 'vitest';
import type { MsrpEndpoint, MsrpSession, RelayTrust, SessionOptions, SessionState } from '../../../msrp/index.ts';
import { TestRelay } from './relay.ts';
import { endpoint, Mailbox } from './support.ts';
import { TestClock } from './test-clock.ts';

export interface Client {
  endpoint: MsrpEndpoint;
  session: MsrpSession;
  mailbox: Mailbox;
  clock: TestClock;
  states: string[];
}

/** Longer than the first pause can be. */
export const PAUSE = 1000;

/** A client with a path through the relay, and a clock of its own. `lot`: what all lots are drawn as. */
export async function behind(
  relay: TestRelay,
  {
    lot = 0,
    trust = { allowTcp: true },
    ...options
  }: Partial<SessionOptions> & { lot?: number; trust?: RelayTrust } = {},
): Promise<Client> {
  const clock = new TestClock();
  const own = endpoint({
    clock,
    random: (target) => void (target.length === 4 ? target.fill(lot * 255) : randomFillSync(target)),
  });
  const mailbox = new Mailbox();
  const session = own.createSession({
    host: '127.0.0.1',
    accept: mailbox.accept,
    secure: relay.uri[4] === 's',
    ...options,
  });
  const states: string[] = [];
  session.onStateChange(({ name }) => states.push(name));
  await session.connectRelays([{ uri: relay.uri, username: 'alice', password: 'secret' }], trust);
  return { endpoint: own, session, mailbox, clock, states };
}

/** Two who talk through a relay; Ana has connected. */
export async function talking(
  options: Parameters<typeof behind>[1] = {},
): Promise<{ relay: TestRelay; ana: Client; bob: Client }> {
  const relay = await TestRelay.open();
  const ana = await behind(relay, options);
  const bob = await behind(relay);
  await Promise.all([
    bob.session.start({ remotePath: ana.session.localPath, role: 'passive' }),
    ana.session.start({ remotePath: bob.session.localPath, role: 'active' }),
  ]);
  return { relay, ana, bob };
}

export function reached(session: MsrpSession, name: SessionState['name']): Promise<SessionState> {
  if (session.state.name === name) return Promise.resolve(session.state);
  return new Promise((resolve) => {
    const undo = session.onStateChange((state) => {
      if (state.name !== name) return;
      undo();
      resolve(state);
    });
  });
}

/** Cuts the connection of a client and lets its first pause go by. */
export async function lose(relay: TestRelay, { session, clock }: Client): Promise<void> {
  const lost = reached(session, 'reconnecting');
  relay.cut(session.localPath);
  await lost;
  clock.advance(PAUSE);
}

export async function bothWays({ ana, bob }: { ana: Client; bob: Client }): Promise<void> {
  for (const [from, to] of [
    [ana, bob],
    [bob, ana],
  ] as const) {
    const message = from.session.send({ contentType: 'text/plain', body: 'hello', successReport: true });
    expect((await to.mailbox.next()).bytes.toString()).toBe('hello');
    expect(await message.sent).toEqual({ state: 'sent' });
    expect(await message.delivered).toEqual({ state: 'delivered' });
  }
}

/** Nothing is left of it. */
export async function gone(
  { endpoint: own, clock, session }: Client,
  relay: TestRelay,
  connections: number,
): Promise<void> {
  expect(session.state.name).toBe('closed');
  await relay.until(() => relay.connections === connections);
  while (own.connectionCount > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(clock.running).toBe(0);
}
