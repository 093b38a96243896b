import { expect, it } from 'vitest';
import { campus } from '../../campus.ts';
import type { Company } from '../kit/company.ts';
import type { FixtureServer } from '../kit/fixture.ts';
import { until } from '../kit/happening.ts';
import type { Person } from '../kit/person.ts';
import { openTunnel } from '../kit/tunnel.ts';
import { sayUntilTaken } from './texts/message-states.ts';
import { fence } from './texts/messaging.ts';

/** A fault that passes was told, and then the account was online again, by itself. */
const comesBack = async (person: Person, since: number): Promise<void> => {
  await until(
    `${person.name} is online again`,
    () => {
      const seen = person.registrations.slice(since);
      return seen.some(({ state }) => state === 'waiting' || state === 'connecting') && seen.at(-1)?.state === 'online';
    },
    25_000,
  );
};

/** The account is not online any more, and says why. */
const falls = (person: Person, since: number, limit: number): Promise<unknown> =>
  until(
    `${person.name} notices`,
    () => person.registrations.slice(since).some(({ state }) => state === 'waiting' || state === 'connecting'),
    limit,
  );

export const outages = (company: Company): void => {
  const { server } = company.fixture;
  if (!server) return;

  it.each(['kill', 'stop'] as const)(
    'comes back by itself after a %s of the server, and all is as before',
    async (way) => {
      const { alice, bob } = await company.pair();
      await bob.set('presence').publish({ state: 'busy', note: 'all day long' });
      await alice.sees(bob, ({ state, note }) => state === 'busy' && note === 'all day long');
      const before = [alice.registrations.length, bob.registrations.length] as const;
      await server.control[way]();
      // what has no connection notices at the next thing it does
      for (const person of [alice, bob]) person.provider.machineEvent('network-changed');
      await Promise.all([falls(alice, before[0], 20_000), falls(bob, before[1], 20_000)]);
      const lost = await alice.say(bob, 'into the void, olá').outcome;
      expect(lost).toMatchObject({ state: 'failed', error: { retryable: true } });
      await server.control.start();
      await Promise.all([comesBack(alice, before[0]), comesBack(bob, before[1])]);
      await alice.sees(bob, ({ state, note }) => state === 'busy' && note === 'all day long', 20_000);
      await fence(alice, bob);
      await fence(bob, alice);
    },
    90_000,
  );

  it('stops when its password is not taken any more after an outage, and goes on when it is told another', async () => {
    const alice = await company.online('alice');
    const { password } = alice;
    const before = alice.registrations.length;
    await server.control.kill();
    alice.password = 'changed on another machine';
    alice.provider.machineEvent('network-changed');
    await falls(alice, before, 20_000);
    await server.control.start();
    expect((await alice.reach('stopped', 25_000)).cause).toMatchObject({
      code: 'credentials-rejected',
      retryable: false,
    });
    alice.password = password;
    await alice.online();
  }, 90_000);

  it('shows somebody who vanished with the server as gone', async () => {
    const { alice, bob } = await company.pair();
    await server.control.kill();
    await bob.provider.stop();
    alice.provider.machineEvent('network-changed');
    await server.control.start();
    // without a connection to lose, what is asked again until it is answered may be answered by the new server
    await alice.sees(bob, ({ state }) => state === 'offline' || state === 'unknown', 40_000);
    await alice.reach('online', 20_000);
  }, 90_000);

  it('settles texts that were on their way in a crash, and loses and doubles none', async () => {
    const { alice, bob } = await company.pair();
    const said = Array.from({ length: 20 }, (_, index) => alice.say(bob, `across the crash, number ${index}`));
    await bob.got(said[2]?.id ?? '');
    const before = alice.registrations.length;
    await server.control.kill();
    await bob.provider.stop();
    alice.provider.machineEvent('network-changed');
    await falls(alice, before, 20_000);
    await server.control.start();
    const again = await company.online('bob');
    await comesBack(alice, before);
    for (const text of said) await sayUntilTaken(alice, again, text);
    for (const { id } of said) await again.got(id, 20_000);
    await fence(alice, again);
    const ids = new Set(said.map(({ id }) => id));
    expect(again.installation.messages.filter(({ id }) => ids.has(id))).toHaveLength(20);
  }, 90_000);

  if (server.stream) tunnels(company, server);
};

const tunnels = (company: Company, server: FixtureServer): void => {
  const through = (port: number) => ({ settings: { server: { host: campus().host, port } } });

  it('comes back by itself when its connection is cut, and loses nothing', async () => {
    const tunnel = await openTunnel(server.port);
    const { alice, bob } = await company.pair({ bob: through(tunnel.port) });
    for (const round of [1, 2]) {
      const before = bob.registrations.length;
      tunnel.cut();
      const said = alice.say(bob, `while your line was down, round ${round}`);
      await comesBack(bob, before);
      await sayUntilTaken(alice, bob, said);
      await bob.got(said.id, 20_000);
      expect(bob.callsFor(said.id).filter((answer) => answer === 'stored')).toHaveLength(1);
    }
    await fence(bob, alice);
  }, 60_000);

  it('notices after a sleep that the line is dead, and comes back over a new one', async () => {
    const tunnel = await openTunnel(server.port);
    const { alice, bob } = await company.pair({ bob: through(tunnel.port) });
    const before = bob.registrations.length;
    tunnel.freeze();
    bob.provider.machineEvent('wake');
    await falls(bob, before, 40_000);
    tunnel.thaw();
    await comesBack(bob, before);
    await fence(bob, alice);
    await fence(alice, bob);
  }, 90_000);

  it('stops in time though the server does not answer any more', async () => {
    const tunnel = await openTunnel(server.port);
    const alice = await company.online('alice', through(tunnel.port));
    tunnel.freeze();
    await alice.leave();
    const late = company.create('alice', through(tunnel.port));
    late.provider.start();
    await late.reach('connecting');
    await late.leave();
  });

  it('understands a server whose bytes come in small pieces', async () => {
    const tunnel = await openTunnel(server.port);
    tunnel.crumble(7);
    const { alice, bob } = await company.pair({ bob: through(tunnel.port) });
    const said = alice.say(bob, 'reunião 😀 日本語 in pieces');
    expect((await bob.got(said.id)).text).toBe(said.text);
  });
};
