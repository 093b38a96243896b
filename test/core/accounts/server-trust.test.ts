import tls from 'node:tls';
import { expect, it } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { TestProfile } from '../support/core.ts';
import { TestProtocol } from '../support/test-protocol.ts';

const CERTIFICATE = {
  fingerprint: 'AA:BB',
  subject: 'CN=campus.test',
  issuer: 'CN=campus.test',
  validFrom: '2026-01-01T00:00:00Z',
  validTo: '2027-01-01T00:00:00Z',
  reason: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  host: 'campus.test',
};
const refused = (fingerprint = CERTIFICATE.fingerprint) =>
  new ProviderError('tls-untrusted', { certificate: { ...CERTIFICATE, fingerprint, changed: true } });

/** An account whose server's certificate a person has just trusted. */
async function trusting(profile = new TestProfile()) {
  await profile.start();
  const { account, provider } = await profile.signIn();
  provider.to({ state: 'stopped', cause: refused() });
  await profile.call('accounts.trustCertificate', { accountId: account.id, fingerprint: 'AA:BB' });
  return { profile, account };
}
const begunWith = ({ protocol }: TestProfile) => protocol.last.context.account.trustedFingerprints;

it('a certificate that was trusted is not asked about again after a mistyped password', async () => {
  const { profile, account } = await trusting();
  profile.protocol.last.to({ state: 'stopped', cause: new ProviderError('credentials-rejected') });
  await profile.call('accounts.remove', { accountId: account.id });
  await profile.signIn();
  expect(begunWith(profile)).toEqual(['AA:BB']);
});

it('nor for a second account on the same server, also after a restart', async () => {
  const { profile } = await trusting();
  await profile.restart();
  await profile.signIn('rui@campus.test');
  expect(begunWith(profile)).toEqual(['AA:BB']);
});

it('another domain, or another server that was named for this one, is asked about', async () => {
  const { profile } = await trusting();
  await profile.signIn('ana@elsewhere.test');
  expect(begunWith(profile)).toEqual([]);
  await profile.call('accounts.signIn', {
    protocol: 'test',
    address: 'ze@campus.test',
    displayName: '',
    password: 'x',
    server: { host: 'other.test', port: 5061 },
  });
  expect(begunWith(profile)).toEqual([]);
});

it('the authority that a person gave for a campus serves the next account of that campus, until it is taken back', async () => {
  const profile = new TestProfile();
  await profile.start();
  const { account } = await profile.signIn();
  const authorities = tls.rootCertificates[0] ?? '';
  await profile.call('accounts.change', { accountId: account.id, authorities });
  await profile.call('accounts.remove', { accountId: account.id });
  const { account: again } = await profile.signIn();
  expect(again.authorities).toHaveLength(1);
  await profile.call('accounts.change', { accountId: again.id, authorities: null });
  const { account: second } = await profile.signIn('rui@campus.test');
  expect(second.authorities).toEqual([]);
});

it('another protocol’s certificate is not called a changed one, unless this protocol trusted one of its own', async () => {
  const profile = new TestProfile();
  const other = new TestProtocol('other');
  other.onStart = (provider) => provider.to({ state: 'stopped', cause: refused('CC:DD') });
  profile.others.push(other);
  await trusting(profile);
  const account = await profile.call('accounts.signIn', {
    protocol: 'other',
    address: 'ana@campus.test',
    displayName: '',
    password: 'x',
  });
  const certificate = async () => {
    const { registration } = (await profile.snapshot()).accounts.find(({ id }) => id === account.id) ?? {};
    return registration?.state === 'stopped' ? registration.cause.certificate : undefined;
  };
  expect(other.last.context.account.trustedFingerprints).toEqual(['AA:BB']);
  expect(await certificate()).toMatchObject({ fingerprint: 'CC:DD' });
  expect(await certificate()).not.toHaveProperty('changed');
  await profile.call('accounts.trustCertificate', { accountId: account.id, fingerprint: 'CC:DD' });
  expect(await certificate()).toHaveProperty('changed', true);
});
