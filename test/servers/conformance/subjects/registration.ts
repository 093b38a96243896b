import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Company } from '../kit/company.ts';
import type { FixtureServer } from '../kit/fixture.ts';
import { until } from '../kit/happening.ts';
import { fence } from './texts/messaging.ts';

const servers: net.Server[] = [];
const sockets = new Set<net.Socket>();

const listen = async (server: net.Server): Promise<number> => {
  servers.push(server);
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
};

const closeServers = async (): Promise<void> => {
  const closed = servers.splice(0).map((server) => {
    server.close();
    return once(server, 'close');
  });
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(closed);
};

/** A port of this machine on which nobody listens. */
const closedPort = async (): Promise<number> => {
  const port = await listen(net.createServer());
  await closeServers();
  return port;
};

/** Programs that are not the one we are looking for, by what they say. */
const OTHERS: readonly [string, () => net.Server][] = [
  ['a web server', () => http.createServer((_, response) => response.end('<html>hello</html>'))],
  [
    'a mail server',
    () =>
      net.createServer((socket) => {
        socket.write('220 mail.campus.test ESMTP\r\n');
        socket.once('data', () => socket.end('521 5.5.1 Protocol error\r\n'));
      }),
  ],
  ['a program that hangs up', () => net.createServer((socket) => socket.end())],
  ['a program that sends noise', () => net.createServer((socket) => socket.write(Buffer.alloc(100_000, 0xb5)))],
];

export const registration = (company: Company): void => {
  describe('registration', () => {
    afterEach(closeServers);

    it('goes online step by step, and offline when it stops, as often as one likes', async () => {
      const alice = company.create('alice');
      for (const round of [1, 2]) {
        alice.registrations.length = 0;
        alice.provider.start();
        alice.provider.start();
        const { since } = await alice.reach('online');
        expect(Math.abs(Date.now() - since)).toBeLessThan(10_000);
        await alice.provider.stop();
        const states = alice.registrations.map(({ state }) => state);
        expect([round, states.at(0), states.slice(-2)]).toEqual([round, 'connecting', ['online', 'offline']]);
        expect(new Set(states.slice(0, -2))).toEqual(new Set(['connecting']));
      }
      await alice.provider.stop();
      expect(alice.registrations.at(-1)).toEqual({ state: 'offline' });
    });

    it('can be stopped at every step, and started again', async () => {
      const alice = company.create('alice');
      await alice.online();
      await alice.provider.stop();
      const steps = alice.registrations.filter(({ state }) => state === 'connecting').length;
      for (let count = 1; count <= steps; count++) {
        alice.registrations.length = 0;
        alice.provider.start();
        await until(`step ${count}`, () => alice.registrations.length >= count);
        await alice.provider.stop();
        expect(alice.provider.registration).toEqual({ state: 'offline' });
        expect(alice.registrations.at(-1)).toEqual({ state: 'offline' });
      }
      await alice.online();
    });

    it('says that nothing can be sent while it is not online', async () => {
      const [alice, bob] = [company.create('alice'), await company.online('bob')];
      expect(await alice.say(bob, 'too early for this text').outcome).toMatchObject({
        state: 'failed',
        error: { retryable: true },
      });
      const file = company.file(1000);
      const transfer = company.offer(alice, bob, file);
      expect(await transfer.over()).toMatchObject({ state: 'failed', error: { retryable: true } });
      expect(file.sources).toEqual([]);
      alice.set('messaging').sendTyping(bob.address, 'composing');
      alice.set('messaging').sendRead(bob.address, 'no such text');
    });

    it('stays through sleep and a change of network that change nothing', async () => {
      const { alice, bob } = await company.pair();
      const since = alice.registrations.length;
      for (const event of ['wake', 'network-changed', 'wake'] as const) alice.provider.machineEvent(event);
      await fence(alice, bob);
      await fence(bob, alice);
      await alice.sees(bob, ({ state }) => state === 'available');
      expect(alice.registrations.slice(since)).toEqual([]);
    });

    const { server } = company.fixture;
    if (server) withServer(company, server);
  });
};

const withServer = (company: Company, server: FixtureServer): void => {
  it('stops at a wrong password, and goes on when it is told the right one', async () => {
    const alice = company.create('alice', { password: 'certainly not it' });
    alice.provider.start();
    const { cause } = await alice.reach('stopped');
    expect(cause).toMatchObject({ code: 'credentials-rejected', retryable: false });
    expect(alice.registrations.filter(({ state }) => state === 'stopped')).toHaveLength(1);
    // nothing but a person leaves this state
    alice.provider.machineEvent('wake');
    alice.provider.machineEvent('network-changed');
    expect(alice.provider.registration.state).toBe('stopped');
    alice.provider.start();
    await until(
      'it is refused again',
      () => alice.registrations.filter(({ state }) => state === 'stopped').length === 2,
    );
    await company.online('alice');
  });

  it('stops where no password is kept', async () => {
    const alice = company.create('alice', { password: undefined });
    alice.provider.start();
    expect((await alice.reach('stopped')).cause).toMatchObject({ code: 'credentials-missing', retryable: false });
  });

  it('waits for a server that is not there, and hurries when the machine wakes', async () => {
    const settings = { server: { host: server.host, port: await closedPort() } };
    const alice = company.create('alice', { settings, random: () => 0.9 });
    alice.provider.start();
    const { cause, retryAt } = await alice.reach('waiting', 45_000);
    expect(cause).toMatchObject({ code: 'unreachable', retryable: true });
    expect(retryAt).toBeGreaterThan(Date.now());
    const before = alice.registrations.length;
    alice.provider.machineEvent('wake');
    await until('it tries again', () => alice.registrations[before]?.state === 'connecting');
    expect(Date.now()).toBeLessThan(retryAt);
    await alice.reach('waiting', 45_000);
    await alice.provider.stop();
    expect(alice.registrations.at(-1)).toEqual({ state: 'offline' });
    alice.provider.start();
    expect(alice.provider.registration.state).toBe('connecting');
  }, 60_000);

  if (server.stream) {
    it.each(OTHERS)(
      'tells that %s is not the server',
      async (_, make) => {
        const settings = { server: { host: server.host, port: await listen(make()) } };
        const alice = company.create('alice', { settings });
        alice.provider.start();
        const cause = await until(
          'the fault is told',
          () => {
            const now = alice.provider.registration;
            return (now.state === 'waiting' || now.state === 'stopped') && now.cause;
          },
          40_000,
        );
        expect([
          'not-this-protocol',
          'unreachable',
          'network',
          'malformed',
          'tls-required',
          'tls-untrusted',
          'timeout',
          'server-unavailable',
        ]).toContain(cause.code);
        await company.online('bob');
      },
      60_000,
    );
  }

  if (server.certificate) certificates(company, server);
};

const certificates = (company: Company, server: FixtureServer): void => {
  describe('with a certificate', () => {
    afterEach(async () => {
      await company.leave();
      await server.control.restart({ certificate: 'campus' });
    });

    it.each([
      ['untrusted', /SELF_SIGNED|UNABLE_TO|DEPTH_ZERO/],
      ['wrong-name', /ALTNAME/],
    ] as const)('refuses the %s one with its facts, until a person trusts it', async (certificate, reason) => {
      // who is online when it changes is asked, too
      const bob = await company.online('bob');
      await server.control.restart({ certificate });
      const alice = company.create('alice');
      alice.provider.start();
      expect((await bob.reach('stopped', 20_000)).cause.code).toBe('tls-untrusted');
      const { cause } = await alice.reach('stopped');
      expect(cause).toMatchObject({ code: 'tls-untrusted', retryable: false });
      expect(cause.certificate?.reason).toMatch(reason);
      expect(cause.certificate?.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
      expect(cause.certificate).toMatchObject({
        subject: expect.stringMatching(/\S/),
        issuer: expect.stringMatching(/\S/),
        host: expect.stringMatching(/\S/),
      });
      for (const time of [cause.certificate?.validFrom, cause.certificate?.validTo]) {
        expect(new Date(time ?? '').toISOString()).toBe(time);
      }
      const other = 'AA:'.repeat(31).concat('AA');
      const misled = company.create('alice', { settings: { trustedFingerprints: [other] } });
      misled.provider.start();
      expect((await misled.reach('stopped')).cause.code).toBe('tls-untrusted');
      await company.online('alice', { settings: { trustedFingerprints: [cause.certificate?.fingerprint ?? ''] } });
    });

    it('refuses one that is signed by nobody known to this account', async () => {
      const alice = company.create('alice', { settings: { certificateAuthorities: [] } });
      alice.provider.start();
      expect((await alice.reach('stopped')).cause.code).toBe('tls-untrusted');
    });
  });
};
