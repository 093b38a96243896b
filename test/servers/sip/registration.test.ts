import { afterEach, expect, test } from 'vitest';
import { kamailio, logOf, restoreCampus, user } from '../campus.ts';
import { member, online } from './kit.ts';

afterEach(restoreCampus);

for (const transport of ['udp', 'tcp', 'tls'] as const) {
  test(`an account comes online over ${transport} and leaves cleanly`, async () => {
    const alice = await online('alice', { transport });
    const steps = alice.states.map((each) => (each.state === 'connecting' ? each.step : each.state));
    const securing = transport === 'tls' ? ['securing'] : [];
    expect(steps).toEqual([
      'locating',
      'connecting',
      ...securing,
      'authenticating',
      'registering',
      'restoring',
      'online',
    ]);
    await alice.provider.stop();
    expect(alice.provider.registration).toEqual({ state: 'offline' });
  });
}

test('a wrong password stops the account and says so', async () => {
  const alice = member('alice', {}, { password: 'wrong' });
  alice.provider.start();
  const { cause } = await alice.reach('stopped');
  expect(cause.code).toBe('credentials-rejected');
  expect(alice.logs.join('\n')).not.toContain('wrong');
});

test('no password at all stops the account', async () => {
  const alice = member('alice', {}, { password: undefined });
  alice.provider.start();
  expect((await alice.reach('stopped')).cause.code).toBe('credentials-missing');
});

test('a server that challenges with SHA-256 is answered', async () => {
  await kamailio.restart({ credentials: 'database', algorithm: 'SHA-256' });
  const alice = await online('alice');
  expect(alice.provider.registration.state).toBe('online');
});

test('nobody at the server’s port: the account waits and tries again', async () => {
  for (const transport of ['udp', 'tcp', 'tls'] as const) {
    const alice = member('alice', { transport, server: { host: '127.0.0.1', port: 9 } });
    alice.provider.start();
    const { cause, retryAt } = await alice.reach('waiting');
    expect(cause.retryable).toBe(true);
    expect(retryAt).toBeGreaterThan(Date.now() - 1000);
    await alice.provider.stop();
  }
});

test('an untrusted certificate stops the account with its facts, and is taken once a person trusts it', async () => {
  await kamailio.restart({ certificate: 'untrusted' });
  const alice = member('alice', { transport: 'tls' });
  alice.provider.start();
  const { cause } = await alice.reach('stopped');
  expect(cause.code).toBe('tls-untrusted');
  expect(cause.certificate?.fingerprint).toMatch(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  expect(cause.certificate?.subject).toContain('CN=');
  const trusting = await online('alice', {
    transport: 'tls',
    trustedFingerprints: [cause.certificate?.fingerprint ?? ''],
  });
  expect(trusting.provider.registration.state).toBe('online');
});

test('a certificate for another name is not taken', async () => {
  await kamailio.restart({ certificate: 'wrong-name' });
  const alice = member('alice', { transport: 'tls' });
  alice.provider.start();
  const { cause } = await alice.reach('stopped');
  expect([cause.code, cause.certificate?.reason]).toEqual(['tls-untrusted', 'ERR_TLS_CERT_ALTNAME_INVALID']);
});

for (const transport of ['tcp', 'tls'] as const) {
  test(`after a crash of the server the account waits and comes back by itself over ${transport}`, async () => {
    const alice = await online('alice', { transport });
    await kamailio.kill();
    await alice.reach('waiting');
    await kamailio.start();
    alice.provider.machineEvent('network-changed');
    await alice.reach('online');
  });
}

test('an installation has one binding, however often it connects', async () => {
  const storage = new Map<string, string>();
  const options = {
    storage: {
      get: (key: string) => storage.get(key),
      put: (key: string, value: string) => void storage.set(key, value),
      delete: (key: string) => void storage.delete(key),
    },
  };
  const first = await online('carol', {}, options);
  const second = await online('carol', {}, options);
  const bob = await online('bob');
  const outcome = await bob
    .set('messaging')
    .send(user('carol').sip, { id: 'one-binding', text: 'once', composedAt: Date.now() }).outcome;
  expect(outcome).toEqual({ state: 'sent' });
  await second.texts(1);
  expect(first.received).toEqual([]);
});

test('nothing secret is in the server’s or our log', async () => {
  const alice = await online('alice');
  expect(`${alice.logs.join('\n')}${logOf('kamailio')}`).not.toContain(user('alice').password);
});
