import { createHash, X509Certificate } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { certificateFor } from './support/certificates.ts';
import { type Behaviour, type Connection, DOMAIN, HostileServer, stopServers } from './support/hostile-server.ts';
import { everybodyLeaves, memoryStorage, type Person, person } from './support/kit.ts';

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

const trusted = certificateFor(`DNS:${DOMAIN}`);
const ADDRESS = `xmpp:ana@${DOMAIN}`;

const setUp = async (
  behaviour: Behaviour,
  options: Parameters<typeof person>[1] & { settings?: Parameters<typeof person>[0] | object } = {},
): Promise<{ server: HostileServer; ana: Person }> => {
  const server = await HostileServer.start(behaviour);
  const { settings, ...rest } = options;
  const ana = person(
    {
      address: ADDRESS,
      server: { host: '127.0.0.1', port: server.port },
      certificateAuthorities: [trusted.cert],
      ...settings,
    },
    rest,
  );
  ana.provider.start();
  return { server, ana };
};

const first = (server: HostileServer): Connection => {
  const [connection] = server.connections;
  if (!connection) throw new Error('nobody came');
  return connection;
};

const saidInClear = (server: HostileServer): string => server.connections.map(({ text }) => text).join('');

it('logs in with STARTTLS, asks for the certificate of its domain, and goes through the states as drawn', async () => {
  const { server, ana } = await setUp({});
  await ana.reach('online');
  expect(first(server).servername).toBe(DOMAIN);
  expect(ana.states.map((state) => (state.state === 'connecting' ? state.step : state.state))).toEqual([
    'locating',
    'connecting',
    'securing',
    'authenticating',
    'registering',
    'restoring',
    'online',
  ]);
  await ana.provider.stop();
  expect(ana.provider.registration).toEqual({ state: 'offline' });
});

it('logs in with TLS from the first byte, and says so by ALPN', async () => {
  const { server, ana } = await setUp({ direct: true }, { settings: { options: { directTls: true } } });
  await ana.reach('online');
  expect(first(server)).toMatchObject({ servername: DOMAIN, alpn: 'xmpp-client' });
});

it('finds direct TLS by SRV, and checks the certificate against the domain and not the host', async () => {
  const server = await HostileServer.start({ direct: true });
  const srv = [{ name: '127.0.0.1', port: server.port, priority: 1, weight: 1 }];
  const ana = person(
    { address: ADDRESS, certificateAuthorities: [trusted.cert] },
    { environment: { resolver: { resolveSrv: async (name) => (name.startsWith('_xmpps-client') ? srv : []) } } },
  );
  ana.provider.start();
  await ana.reach('online');
  expect(first(server).servername).toBe(DOMAIN);
});

it('never says a password to a server that offers no TLS', async () => {
  const { server, ana } = await setUp({
    plainFeatures: "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>",
  });
  const { cause } = await ana.reach('stopped');
  expect(cause.code).toBe('tls-required');
  expect(first(server).elements).toEqual([]);
});

it('does not act on what rides in clear text behind the consent to TLS', async () => {
  const injected = `<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>X-EVIL</mechanism></mechanisms></stream:features>`;
  const { ana } = await setUp({ behindProceed: injected });
  // bytes that are no TLS either break the handshake or are thrown away; never are they obeyed
  const ended = await Promise.race([ana.reach('online'), ana.reach('waiting'), ana.reach('stopped')]);
  expect(ended.state === 'online' || ended.cause.code === 'not-this-protocol' || ended.cause.code === 'network').toBe(
    true,
  );
});

it('stops at an untrusted certificate, with its facts, before it has said who it is', async () => {
  const { server, ana } = await setUp({}, { settings: { certificateAuthorities: [] } });
  const { cause } = await ana.reach('stopped');
  const certificate = new X509Certificate(trusted.cert);
  expect(cause).toMatchObject({
    code: 'tls-untrusted',
    certificate: {
      fingerprint: certificate.fingerprint256,
      subject: 'CN=test',
      issuer: 'CN=test',
      reason: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      host: DOMAIN,
    },
  });
  expect(cause.certificate?.validTo).toBe(new Date(certificate.validTo).toISOString());
  expect(saidInClear(server)).not.toContain('auth');
  expect(saidInClear(server)).not.toContain('ana');
});

it('stops at a certificate for another name although its authority is trusted', async () => {
  const evil = certificateFor('DNS:evil.test');
  const { ana } = await setUp({ certificate: evil }, { settings: { certificateAuthorities: [evil.cert] } });
  const { cause } = await ana.reach('stopped');
  expect(cause).toMatchObject({ code: 'tls-untrusted', certificate: { reason: 'ERR_TLS_CERT_ALTNAME_INVALID' } });
});

it('takes a certificate that a person has trusted by its fingerprint, and no other', async () => {
  const evil = certificateFor('DNS:evil.test');
  const { fingerprint256 } = new X509Certificate(evil.cert);
  const settings = { certificateAuthorities: [], trustedFingerprints: [fingerprint256] };
  const { ana } = await setUp({ certificate: evil }, { settings });
  await ana.reach('online');
  const other = await setUp({}, { settings });
  expect((await other.ana.reach('stopped')).cause).toMatchObject({
    code: 'tls-untrusted',
    certificate: { changed: true },
  });
});

it.each([
  ['a nonce that is not ours', { nonce: (nonce: string) => `x${nonce}` }, 'scram-nonce'],
  ['our nonce with nothing of its own', { nonce: (nonce: string) => nonce.slice(0, 32) }, 'scram-nonce'],
  ['one round of hashing', { iterations: 1 }, 'scram-iterations'],
  ['ten million rounds', { iterations: 10_000_000 }, 'scram-iterations'],
  [
    'a wrong signature',
    { final: () => `v=${createHash('sha256').update('x').digest('base64')}` },
    'server-signature-mismatch',
  ],
  ['no signature', { final: () => '' }, 'server-signature-mismatch'],
])('does not log in to a server whose SCRAM shows %s', async (_what, scram, reason) => {
  const { server, ana } = await setUp({ scram });
  const { cause } = await ana.reach('stopped');
  expect(cause).toMatchObject({ code: 'policy', protocolCode: reason });
  expect(first(server).saw('iq')).toBe(false);
});

it('does not log in to a server that skips SCRAM', async () => {
  const { server, ana } = await setUp({
    on: (connection, element) => {
      if (!element.is('auth')) return false;
      connection.success();
      return true;
    },
  });
  expect((await ana.reach('stopped')).cause).toMatchObject({
    code: 'policy',
    protocolCode: 'server-signature-mismatch',
  });
  expect(first(server).saw('iq')).toBe(false);
});

it('shows its password to the server only where nothing better is offered', async () => {
  const { server, ana } = await setUp({ mechanisms: ['PLAIN'] });
  await ana.reach('online');
  expect(first(server).elements.find((element) => element.is('auth'))?.attrs.mechanism).toBe('PLAIN');
  const better = await setUp({ mechanisms: ['PLAIN', 'SCRAM-SHA-256'] });
  await better.ana.reach('online');
  expect(first(better.server).elements.find((element) => element.is('auth'))?.attrs.mechanism).toBe('SCRAM-SHA-256');
});

it('does not show its password to a server that offered SCRAM before, until that is allowed, and then goes on', async () => {
  const storage = memoryStorage();
  const before = await setUp({ mechanisms: ['PLAIN', 'SCRAM-SHA-256'] }, { storage });
  await before.ana.reach('online');
  const weaker = await setUp({ mechanisms: ['PLAIN'] }, { storage });
  expect((await weaker.ana.reach('stopped')).cause).toMatchObject({
    code: 'authentication-weaker',
    protocolCode: 'PLAIN',
    retryable: false,
  });
  await first(weaker.server).closed;
  expect([weaker.server.connections.length, first(weaker.server).saw('auth')]).toEqual([1, false]);
  const options = { storage, settings: { options: { allowedAuthentication: 'PLAIN' } } };
  const allowed = await setUp({ mechanisms: ['PLAIN'] }, options);
  await allowed.ana.reach('online');
  // what is better is still better
  const better = await setUp({ mechanisms: ['PLAIN', 'SCRAM-SHA-256'] }, options);
  await better.ana.reach('online');
  expect(first(better.server).elements.find((element) => element.is('auth'))?.attrs.mechanism).toBe('SCRAM-SHA-256');
});

it('logs in over PLAIN again and again where the server never offered anything else', async () => {
  const storage = memoryStorage();
  for (let login = 0; login < 2; login++) {
    const { ana } = await setUp({ mechanisms: ['PLAIN'] }, { storage });
    await ana.reach('online');
  }
});

it.each([
  ['took a mechanism out of the list', ['SCRAM-SHA-256', 'SCRAM-SHA-512'], false],
  ['left the list alone', ['SCRAM-SHA-256'], true],
])('knows by what the server signs whether somebody %s', async (_, mechanisms, isSame) => {
  const hash = createHash('sha256').update(mechanisms.join('\u001e')).digest('base64');
  const { server, ana } = await setUp({ mechanisms: ['SCRAM-SHA-256'], scram: { more: `,h=${hash}` } });
  if (isSame) await ana.reach('online');
  else expect((await ana.reach('stopped')).cause).toMatchObject({ code: 'policy', protocolCode: 'scram-downgrade' });
  expect(first(server).saw('response')).toBe(isSame);
});

it('stops when no mechanism is known', async () => {
  const { ana } = await setUp({ mechanisms: ['X-CAMPUS'] });
  expect((await ana.reach('stopped')).cause).toMatchObject({ code: 'not-supported', protocolCode: 'no-mechanism' });
});

it.each(['SCRAM-SHA-256', 'PLAIN'])('tries a wrong password once with %s, then stops', async (mechanism) => {
  const { server, ana } = await setUp({ mechanisms: [mechanism] }, { password: 'wrong' });
  expect((await ana.reach('stopped')).cause).toMatchObject({
    code: 'credentials-rejected',
    protocolCode: 'not-authorized',
  });
  await first(server).closed;
  expect(server.connections).toHaveLength(1);
});

it('stops when there is no password', async () => {
  const { ana } = await setUp({}, { context: { password: async () => undefined } });
  expect((await ana.reach('stopped')).cause.code).toBe('credentials-missing');
});

it('waits and tries again when the server is too busy to check the password', async () => {
  let tries = 0;
  const { ana } = await setUp({
    on: (connection, element) => {
      if (!element.is('auth')) return false;
      tries += 1;
      if (tries > 1) return false;
      connection.socket.write("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>");
      return true;
    },
  });
  expect((await ana.reach('waiting')).cause).toMatchObject({
    code: 'server-unavailable',
    protocolCode: 'temporary-auth-failure',
  });
  await ana.reach('online');
});

it('begins afresh after a connection that broke in the middle of SASL', async () => {
  let broken = false;
  const { server, ana } = await setUp({
    on: (connection, element) => {
      if (broken || !element.is('response')) return false;
      broken = true;
      connection.socket.destroy();
      return true;
    },
  });
  await ana.reach('online');
  const second = await server.connection(1);
  expect(second.elements.filter((element) => element.is('auth'))).toHaveLength(1);
  expect(second.elements.filter((element) => element.is('response'))).toHaveLength(1);
});

it('gives up on a server that says nothing', async () => {
  const { ana } = await setUp({ on: () => true }, { environment: { timings: { step: 200 } } });
  expect((await ana.reach('waiting')).cause).toMatchObject({ code: 'timeout', retryable: true });
});

it('waits while nobody listens', async () => {
  const server = await HostileServer.start();
  const { port } = server;
  await server.stop();
  const ana = person({ address: ADDRESS, server: { host: '127.0.0.1', port } });
  ana.provider.start();
  expect((await ana.reach('waiting')).cause).toMatchObject({ code: 'unreachable', protocolCode: 'ECONNREFUSED' });
});

it('knows a server of another protocol', async () => {
  const { ana } = await setUp({ greeting: 'SSH-2.0-OpenSSH_9.2\r\n' });
  expect((await ana.reach('waiting')).cause.code).toBe('not-this-protocol');
});

it('stops when the server does not know the domain', async () => {
  const { ana } = await setUp({
    greeting:
      "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>" +
      "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
  });
  expect((await ana.reach('stopped')).cause).toMatchObject({ code: 'host-unknown', protocolCode: 'host-unknown' });
});

it('stops when another client takes its place', async () => {
  const { server, ana } = await setUp({});
  await ana.reach('online');
  first(server).write(
    "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
  );
  expect((await ana.reach('stopped')).cause.code).toBe('account-conflict');
  expect(server.connections).toHaveLength(1);
});

it('goes where the server sends it', async () => {
  const other = await HostileServer.start();
  const { ana } = await setUp({
    greeting:
      "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>" +
      `<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1:${other.port}</see-other-host></stream:error></stream:stream>`,
  });
  await ana.reach('online');
  expect(other.connections).toHaveLength(1);
});

it('tries the next place when one has the wrong certificate', async () => {
  const bad = await HostileServer.start({ direct: true, certificate: certificateFor('DNS:evil.test') });
  const good = await HostileServer.start();
  const ana = person(
    { address: ADDRESS, certificateAuthorities: [trusted.cert] },
    {
      environment: {
        resolver: {
          resolveSrv: async (name) =>
            name.startsWith('_xmpps-')
              ? [{ name: '127.0.0.1', port: bad.port, priority: 1, weight: 1 }]
              : [{ name: '127.0.0.1', port: good.port, priority: 2, weight: 1 }],
        },
      },
    },
  );
  ana.provider.start();
  await ana.reach('online');
  expect([bad.connections.length, good.connections.length]).toEqual([1, 1]);
});

it('leaves at once while it connects, while it waits, and twice', async () => {
  const mute = await setUp({ on: () => true });
  await first(await mute.server.connection(0).then(() => mute.server)).expect('starttls', (element) =>
    element.is('starttls'),
  );
  await mute.ana.provider.stop();
  expect(mute.ana.provider.registration.state).toBe('offline');
  const unreachable = person(
    { address: ADDRESS, server: { host: '127.0.0.1', port: 1 } },
    { environment: { timings: { backOffBase: 60_000 } } },
  );
  unreachable.provider.start();
  await unreachable.reach('waiting');
  await unreachable.provider.stop();
  await unreachable.provider.stop();
  expect(unreachable.provider.registration.state).toBe('offline');
});

it('refuses to be bound to another account, whose copies it would believe', async () => {
  const { ana } = await setUp({
    on: (connection, element) => {
      if (!element.getChild('bind', NS.bind)) return false;
      connection.result(element, `<bind xmlns='${NS.bind}'><jid>admin@${DOMAIN}/x</jid></bind>`);
      return true;
    },
  });
  await ana.reach('stopped');
  expect(ana.provider.registration).toMatchObject({ cause: { code: 'policy', protocolCode: 'bind' } });
});
