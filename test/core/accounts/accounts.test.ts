import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import { forAccount } from '../../../electron/core/last-resort.ts';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { createCertificate } from '../../../protocols/sip/media/certificate.ts';
import { TestProfile, turn } from '../support/core.ts';

const CERTIFICATE = {
  fingerprint: 'AA:BB',
  subject: 'CN=campus.test',
  issuer: 'CN=campus.test',
  validFrom: '2026-01-01T00:00:00Z',
  validTo: '2027-01-01T00:00:00Z',
  reason: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  host: 'campus.test',
};

async function ready(before: (profile: TestProfile) => void = () => undefined) {
  const profile = new TestProfile();
  before(profile);
  await profile.start();
  return { profile, ...(await profile.signIn()) };
}
const registrationOf = async (profile: TestProfile) => (await profile.snapshot()).accounts[0]?.registration;

describe('a bug in the provider of an account', () => {
  const meet = async (profile: TestProfile, accountId: string): Promise<void> => {
    forAccount(accountId, () => profile.core.lastResort.thrown(new Error('a bug')));
    await turn();
  };

  it('brings a new provider after a pause, also when the ended one calls back once more meanwhile', async () => {
    const { profile, account } = await ready();
    await meet(profile, account.id);
    expect(await registrationOf(profile)).toMatchObject({ state: 'waiting', cause: { code: 'internal' } });
    await meet(profile, account.id);
    profile.clock.advance(1_000);
    await turn();
    expect(profile.protocol.made).toHaveLength(2);
    expect(await registrationOf(profile)).toMatchObject({ state: 'online' });
  });

  it('met again and again leaves the account ended until a person starts it', async () => {
    const { profile, account } = await ready();
    for (const pause of [1_000, 5_000, 30_000, 120_000]) {
      await meet(profile, account.id);
      profile.clock.advance(pause);
      await turn();
      expect(await registrationOf(profile)).toMatchObject({ state: 'online' });
    }
    await meet(profile, account.id);
    expect(await registrationOf(profile)).toMatchObject({ state: 'stopped', cause: { code: 'internal' } });
    await profile.call('accounts.retry', { accountId: account.id });
    expect(await registrationOf(profile)).toMatchObject({ state: 'online' });
  });
});

describe('signing in', () => {
  it('connects, and keeps the password in the system’s store and nowhere else', async () => {
    const { profile, account, provider } = await ready();
    expect(account).toMatchObject({
      protocol: 'test',
      address: 'test:ana@campus.test',
      registration: { state: 'online' },
      contactList: 'server',
      passwordKept: true,
      enabled: true,
    });
    expect(await provider.context.password()).toBe('correct horse');
    expect(profile.shell.secrets.get(`account-password:${account.id}`)).toBe('correct horse');
    for (const name of fs.readdirSync(profile.folder)) {
      expect(fs.readFileSync(path.join(profile.folder, name)).includes('correct horse')).toBe(false);
    }
  });

  it('tells the protocol the language that is read, as it is set', async () => {
    const { profile, provider } = await ready();
    const language = (): string => provider.context.language();
    expect(language()).toBe(Intl.DateTimeFormat().resolvedOptions().locale);
    for (const set of ['pt', 'en'] as const) {
      await profile.call('settings.change', { language: set });
      expect(language()).toBe(set);
    }
  });

  it('is done again at the next start, with what was kept', async () => {
    const { profile, account } = await ready();
    await profile.restart();
    await turn();
    expect(profile.protocol.made).toHaveLength(2);
    expect(await profile.protocol.last.context.password()).toBe('correct horse');
    expect((await profile.snapshot()).accounts).toMatchObject([{ id: account.id, registration: { state: 'online' } }]);
  });

  it('refuses an address that is none, a protocol that is not here, and the same account twice', async () => {
    const { profile } = await ready();
    const signIn = (input: object) => profile.refused('accounts.signIn', { displayName: '', password: 'x', ...input });
    expect(await signIn({ protocol: 'test', address: 'nonsense' })).toBe('address-invalid');
    expect(await signIn({ protocol: 'test' })).toBe('address-invalid');
    expect(await signIn({ protocol: 'telepathy', address: 'ana@campus.test' })).toBe('not-available-here');
    expect(await signIn({ protocol: 'test', address: 'ANA@campus.test' })).toBe('already-exists');
    expect(await signIn({ protocol: 'test', address: 'b@c', password: '' })).toBe('command-invalid');
    expect(await signIn({ protocol: 'test', address: 'b@c', server: { host: 'h', port: 0 } })).toBe('command-invalid');
    expect((await profile.snapshot()).accounts).toHaveLength(1);
  });

  it('without a password waits for one and bothers no server', async () => {
    const profile = new TestProfile();
    await profile.start();
    const account = await profile.call('accounts.signIn', { protocol: 'test', address: 'ana@x', displayName: '' });
    expect(account.registration).toEqual({
      state: 'stopped',
      cause: { code: 'credentials-missing', retryable: false },
    });
    expect(profile.protocol.made).toEqual([]);
    const changed = await profile.call('accounts.change', { accountId: account.id, password: 'now' });
    expect(changed.registration.state).toBe('online');
  });

  it('needs neither address nor password where there is no server', async () => {
    const profile = new TestProfile();
    profile.protocol.needsServer = false;
    await profile.start();
    const account = await profile.call('accounts.signIn', { protocol: 'test', displayName: 'Ana' });
    expect(account).toMatchObject({ registration: { state: 'online' }, passwordKept: true });
    expect(profile.protocol.last.context.account.options).toEqual({ loopbackOnly: true });
    expect(await profile.refused('accounts.signIn', { protocol: 'test', displayName: 'B' })).toBe('already-exists');
  });
});

describe('a password', () => {
  it('is kept in memory only where there is no store, and asked for after a restart', async () => {
    const { profile, account } = await ready((fresh) => {
      fresh.secretStore = 'none';
    });
    expect(account.passwordKept).toBe(false);
    expect(profile.shell.secrets.size).toBe(0);
    profile.protocol.last.lost();
    await profile.call('accounts.retry', { accountId: account.id });
    expect((await registrationOf(profile))?.state).toBe('online');
    await profile.restart();
    await turn();
    expect(await registrationOf(profile)).toEqual({
      state: 'stopped',
      cause: { code: 'credentials-missing', retryable: false },
    });
    await profile.call('accounts.change', { accountId: account.id, password: 'again' });
    expect((await registrationOf(profile))?.state).toBe('online');
  });

  it('goes on in the same session when it is told to connect now, instead of a new one', async () => {
    const { profile, account, provider } = await ready();
    provider.lost();
    await profile.call('accounts.retry', { accountId: account.id });
    expect(profile.protocol.made).toEqual([provider]);
    expect(provider.machineEvents).toEqual(['wake']);
    expect((await registrationOf(profile))?.state).toBe('online');
  });

  it('is never erased because a server was away or said no', async () => {
    const { profile, account, provider } = await ready();
    provider.lost();
    provider.to({ state: 'stopped', cause: new ProviderError('credentials-rejected', { protocolCode: 401 }) });
    expect(await registrationOf(profile)).toEqual({
      state: 'stopped',
      cause: { code: 'credentials-rejected', protocolCode: '401', retryable: false },
    });
    await profile.call('accounts.change', { accountId: account.id, enabled: false });
    await profile.call('accounts.change', { accountId: account.id, enabled: true });
    expect(profile.shell.secrets.get(`account-password:${account.id}`)).toBe('correct horse');
    await profile.call('accounts.remove', { accountId: account.id });
    expect(profile.shell.secrets.has(`account-password:${account.id}`)).toBe(false);
  });

  it('that the store does not take serves until the program closes, and the account says so', async () => {
    const profile = new TestProfile();
    await profile.start();
    profile.shell.locked = true;
    const { account } = await profile.signIn();
    expect(account).toMatchObject({ registration: { state: 'online' }, passwordKept: false });
  });

  it('in a locked store stops the account, as something to try again, and nothing is replaced', async () => {
    const { profile, account } = await ready();
    await profile.stop();
    const before = new Map(profile.shell.secrets);
    const read = profile.shell.readSecret;
    profile.shell.readSecret = (key) =>
      key.startsWith('account-password') ? Promise.reject(new Error('locked')) : read(key);
    await profile.start();
    await turn();
    expect(await registrationOf(profile)).toEqual({
      state: 'stopped',
      cause: { code: 'credentials-missing', retryable: true },
    });
    expect(profile.shell.secrets).toEqual(before);
    profile.shell.readSecret = read;
    await profile.call('accounts.retry', { accountId: account.id });
    expect((await registrationOf(profile))?.state).toBe('online');
  });
});

describe('an account', () => {
  it('tells each step of its connection', async () => {
    const { profile, provider } = await ready();
    await turn();
    provider.to({ state: 'connecting', step: 'authenticating' });
    await turn();
    provider.to({ state: 'waiting', retryAt: 99, cause: new ProviderError('unreachable', { retryable: true }) });
    await turn();
    expect(profile.told('accounts').map(({ accounts }) => accounts[0]?.registration.state)).toEqual([
      'online',
      'connecting',
      'waiting',
    ]);
  });

  it('is connected anew when its settings change, and null takes a setting away', async () => {
    const { profile, account, provider } = await ready();
    const server = { host: 'sip.campus.test', port: 5061 };
    const changed = await profile.call('accounts.change', {
      accountId: account.id,
      server,
      transport: 'tls',
      authenticationName: 'a1234',
    });
    expect(changed).toMatchObject({ server, transport: 'tls', authenticationName: 'a1234' });
    expect(provider.stopped).toBe(true);
    expect(provider.listeners).toBe(0);
    expect(profile.protocol.last.context.account).toMatchObject({ server, transport: 'tls' });
    const reset = await profile.call('accounts.change', { accountId: account.id, server: null, transport: null });
    expect(reset).not.toHaveProperty('server');
    expect(reset).toMatchObject({ authenticationName: 'a1234' });
    await profile.restart();
    expect((await profile.snapshot()).accounts[0]).not.toHaveProperty('server');
  });

  it.each([
    ['msrpRelay', 'relay.campus.test'],
    ['xcapRoot', 'https://xcap.campus.test/'],
  ])('keeps choices of its protocol, such as %s, until they are taken back', async (option, value) => {
    const { profile, account } = await ready();
    const change = (choice: string | null) =>
      profile.call('accounts.change', { accountId: account.id, options: { [option]: choice } });
    expect(await change(value)).toMatchObject({ [option]: value });
    expect(profile.protocol.last.context.account.options).toMatchObject({ [option]: value });
    await profile.call('accounts.change', { accountId: account.id, displayName: 'Ana' });
    await profile.restart();
    expect((await profile.snapshot()).accounts[0]).toMatchObject({ [option]: value });
    expect(await change(null)).not.toHaveProperty(option);
    expect(profile.protocol.last.context.account.options).not.toHaveProperty(option);
  });

  it('trusts a certificate that was just refused, and no other', async () => {
    const { profile, account, provider } = await ready();
    const trust = (fingerprint: string) =>
      profile.refused('accounts.trustCertificate', { accountId: account.id, fingerprint });
    expect(await trust('AA:BB')).toBe('wrong-state');
    provider.to({ state: 'stopped', cause: new ProviderError('tls-untrusted', { certificate: CERTIFICATE }) });
    expect(await registrationOf(profile)).toMatchObject({ cause: { code: 'tls-untrusted', certificate: CERTIFICATE } });
    expect(await trust('CC:DD')).toBe('wrong-state');
    expect(await trust('AA:BB')).toBe('done');
    expect(profile.protocol.last.context.account.trustedFingerprints).toEqual(['AA:BB']);
    await profile.restart();
    await turn();
    expect(profile.protocol.last.context.account.trustedFingerprints).toEqual(['AA:BB']);
  });

  it('allows a weaker way to ask for the password only as it was asked for, and for good', async () => {
    const { profile, account, provider } = await ready();
    const allow = (asked: string) => profile.refused('accounts.allowAuthentication', { accountId: account.id, asked });
    const allowed = () => profile.protocol.last.context.account.options.allowedAuthentication;
    expect(await allow('PLAIN')).toBe('wrong-state');
    provider.to({ state: 'stopped', cause: new ProviderError('authentication-weaker', { protocolCode: 'PLAIN' }) });
    expect(await allow('MD5:campus.test')).toBe('wrong-state');
    expect(allowed()).toBeUndefined();
    expect(await allow('PLAIN')).toBe('done');
    expect(allowed()).toBe('PLAIN');
    expect((await registrationOf(profile))?.state).toBe('online');
    await profile.restart();
    await turn();
    expect(allowed()).toBe('PLAIN');
    profile.protocol.last.to({ state: 'stopped', cause: new ProviderError('policy', { protocolCode: 'x' }) });
    expect(await allow('x')).toBe('wrong-state');
  });

  it('believes the authorities of a file from then on, and those of the computer', async () => {
    const { profile, account } = await ready();
    const [one, two] = tls.rootCertificates as [string, string];
    const believed = () => profile.protocol.last.context.account.certificateAuthorities;
    const own = believed().length;
    // text around the certificates is usual, and the same one twice is one
    const changed = await profile.call('accounts.change', {
      accountId: account.id,
      authorities: `Campus CA\r\n${one}\n\n${two}\n${one}`.replaceAll('\n', '\r\n'),
    });
    expect(changed.authorities).toHaveLength(2);
    expect(changed.authorities?.[0]).toMatchObject({ fingerprint: new X509Certificate(one).fingerprint256 });
    await profile.call('accounts.change', { accountId: account.id, displayName: 'Ana' });
    await profile.restart();
    await turn();
    const trusted = believed().map((pem) => new X509Certificate(pem).fingerprint256);
    expect(trusted.slice(own)).toEqual([one, two].map((pem) => new X509Certificate(pem).fingerprint256));
    const forgotten = await profile.call('accounts.change', { accountId: account.id, authorities: null });
    expect(forgotten.authorities).toEqual([]);
    expect(believed()).toHaveLength(own);
  });

  it.each([
    ['no certificate', 'hello'],
    ['nothing at all', ''],
    ['a broken certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
    [
      'a good one and a broken one',
      `${tls.rootCertificates[0]}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`,
    ],
    ['a server’s own certificate', createCertificate(Date.now()).cert],
    ['more than anybody needs', tls.rootCertificates.slice(0, 33).join('\n')],
  ])('refuses a file with %s, and goes on as before', async (_, authorities) => {
    const { profile, account, provider } = await ready();
    expect(await profile.refused('accounts.change', { accountId: account.id, authorities })).toBe('authority-invalid');
    expect(provider.stopped).toBe(false);
    expect(await registrationOf(profile)).toMatchObject({ state: 'online' });
    expect((await profile.snapshot()).accounts[0]?.authorities).toEqual([]);
  });

  it('switched off stays off over a restart', async () => {
    const { profile, account, provider } = await ready();
    await profile.call('accounts.change', { accountId: account.id, enabled: false });
    expect(provider.stopped).toBe(true);
    expect(await registrationOf(profile)).toEqual({ state: 'offline' });
    expect(await profile.refused('accounts.retry', { accountId: account.id })).toBe('wrong-state');
    await profile.restart();
    await turn();
    expect(profile.protocol.made).toHaveLength(1);
  });

  it('removed is gone with what its protocol remembered; what it writes late is not kept', async () => {
    const { profile, account, provider } = await ready();
    provider.context.storage.put('roster', '7');
    expect(provider.context.storage.get('roster')).toBe('7');
    await profile.call('accounts.remove', { accountId: account.id });
    provider.context.storage.put('roster', '8');
    expect((await profile.snapshot()).accounts).toEqual([]);
    const again = await profile.signIn();
    expect(again.provider.context.storage.get('roster')).toBeUndefined();
    for (const name of ['accounts.retry', 'accounts.remove', 'accounts.change'] as const) {
      expect(await profile.refused(name, { accountId: 'nobody' })).toBe('not-found');
    }
  });

  it('whose protocol breaks does not take the others along', async () => {
    const { profile } = await ready();
    profile.protocol.onStart = () => {
      throw new Error('a bug');
    };
    const { account } = await profile.signIn('second@campus.test');
    expect(account.registration).toEqual({ state: 'stopped', cause: { code: 'internal', retryable: false } });
    expect((await profile.snapshot()).accounts[0]?.registration.state).toBe('online');
  });

  it('that does not leave in time is left behind', async () => {
    const { profile, account, provider } = await ready();
    provider.stop = () => new Promise<void>(() => undefined);
    const gone = profile.call('accounts.remove', { accountId: account.id });
    await turn();
    profile.clock.advance(6_000);
    await gone;
    expect((await profile.snapshot()).accounts).toEqual([]);
  });

  it('hears of wake and network change', async () => {
    const { profile, provider } = await ready();
    profile.core.control.machineEvent('wake');
    profile.core.control.machineEvent('network-changed');
    expect(provider.machineEvents).toEqual(['wake', 'network-changed']);
  });

  it('publishes what others see of us, at its start and when it changes', async () => {
    const { profile, provider } = await ready();
    await profile.call('presence.set', { state: 'away', note: 'lunch' });
    expect(provider.presence.published).toEqual([{ state: 'available' }, { state: 'away', note: 'lunch' }]);
    await profile.restart();
    await turn();
    expect(profile.protocol.last.presence.published).toEqual([{ state: 'away', note: 'lunch' }]);
    // who appears offline says nothing at all
    await profile.call('presence.set', { state: 'offline', note: 'lunch' });
    expect(profile.protocol.last.presence.published.at(-1)).toEqual({ state: 'offline' });
  });

  it('says since when nobody is at the machine, once, and when somebody is there again', async () => {
    const { profile, provider } = await ready();
    profile.core.control.idleSince(1_000);
    profile.core.control.idleSince(1_004);
    await profile.call('presence.set', { state: 'away', note: 'lunch' });
    profile.core.control.idleSince(null);
    profile.core.control.idleSince(null);
    expect(provider.presence.published).toEqual([
      { state: 'available' },
      { state: 'away', idleSince: 1_000 },
      { state: 'away', note: 'lunch', idleSince: 1_000 },
      { state: 'away', note: 'lunch' },
    ]);
  });

  it.each(['busy', 'do-not-disturb', 'offline'] as const)(
    'who is %s is that with nobody at the machine, too',
    async (state) => {
      const { profile, provider } = await ready();
      await profile.call('presence.set', { state, note: '' });
      profile.core.control.idleSince(1_000);
      expect(provider.presence.published).toEqual([{ state: 'available' }, { state }]);
      await profile.call('presence.set', { state: 'available', note: '' });
      expect(provider.presence.published.at(-1)).toEqual({ state: 'away', idleSince: 1_000 });
    },
  );
});
