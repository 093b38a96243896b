import { afterEach, expect, test } from 'vitest';
import { DigestClient } from '../../../../protocols/sip/authentication/digest-client.ts';
import { readCapabilities } from '../../../../protocols/sip/xcap/documents/xcap-caps.ts';
import { XcapClient } from '../../../../protocols/sip/xcap/xcap-client.ts';
import { memoryStorage, next } from '../../../sip/kit.ts';
import { campus, campusAuthority, kamailio, restoreCampus, user } from '../../campus.ts';
import { online } from '../kit.ts';

afterEach(restoreCampus);

const LISTS = 'application/resource-lists+xml';
const EMPTY = '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"/>';

const clientOf = (name: string, root = campus().xcapsRoot, password = user(name).password): XcapClient => {
  const digest = new DigestClient(name, password);
  return new XcapClient({
    root: new URL(`${root}/`),
    owner: user(name).sip,
    trust: { certificateAuthorities: [campusAuthority().toString()], trustedFingerprints: [] },
    names: [campus().domain],
    credentials: async () => digest,
  });
};

for (const [what, root] of [
  ['HTTP', campus().xcapRoot],
  ['HTTPS', campus().xcapsRoot],
] as const) {
  test(`a document is written, read and guarded by its tag over ${what}`, async () => {
    const erin = clientOf('erin', root);
    const now = await erin.get('resource-lists');
    const written = await erin.put('resource-lists', LISTS, EMPTY, 'any');
    expect(written).not.toBe('conflict');
    const read = await erin.get('resource-lists');
    expect(read).toMatchObject({ text: EMPTY });
    const etag = typeof read === 'object' ? read.etag : undefined;
    expect(await erin.get('resource-lists', etag)).toBe('same');
    expect(await erin.put('resource-lists', LISTS, EMPTY, { ifMatch: '"of another time"' })).toBe('conflict');
    expect(now).toBeDefined();
  });
}

test('the server tells what it can do', async () => {
  const capabilities = readCapabilities((await clientOf('erin').global('xcap-caps')) ?? '');
  expect([...(capabilities ?? [])]).toEqual(expect.arrayContaining(['resource-lists', 'rls-services', 'pres-rules']));
});

test('SHA-256 and a wrong password are told apart', async () => {
  await kamailio.restart({ algorithm: 'SHA-256' });
  await expect(clientOf('erin').get('resource-lists')).resolves.toBeDefined();
  await expect(clientOf('erin', campus().xcapsRoot, 'wrong').get('resource-lists')).rejects.toMatchObject({
    code: 'credentials-rejected',
  });
});

test('a certificate of an unknown authority gets no credentials, unless a person trusts it', async () => {
  await kamailio.restart({ certificate: 'untrusted' });
  const refused = await clientOf('erin')
    .get('resource-lists')
    .catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'tls-untrusted', certificate: { fingerprint: expect.any(String) } });
  const { fingerprint } = (refused as { certificate: { fingerprint: string } }).certificate;
  const digest = new DigestClient('erin', user('erin').password);
  const trusting = new XcapClient({
    root: new URL(`${campus().xcapsRoot}/`),
    owner: user('erin').sip,
    trust: { certificateAuthorities: [], trustedFingerprints: [fingerprint] },
    names: [campus().domain],
    credentials: async () => digest,
  });
  await expect(trusting.get('resource-lists')).resolves.toBeDefined();
});

test('without an XCAP server the list is kept here and says so, and the account is online all the same', async () => {
  const storage = memoryStorage();
  const carol = await online('carol', { options: { xcapRoot: '' } }, { storage });
  const list = carol.set('contactList');
  await list.put({ address: user('dave').sip, name: 'Dave', groups: [] });
  expect([list.kept, list.permissions, list.requests]).toEqual(['local', undefined, []]);
  await expect(list.answerRequest(user('dave').sip, 'accept')).rejects.toMatchObject({ code: 'not-supported' });
});

test('an XCAP server that is away leaves the list as last seen, and takes what was changed when it is back', async () => {
  const storage = memoryStorage();
  const settings = { options: { xcapRoot: campus().xcapRoot } };
  const before = await online('carol', settings, { storage });
  const list = before.set('contactList');
  await list.put({ address: user('dave').sip, name: 'Dave', groups: ['Lab'] });
  await before.provider.stop();
  // its HTTP alone is away
  const root = JSON.parse(storage.get('sip.xcap') ?? '{}') as { root: string };
  const gone = 'http://127.0.0.1:1/xcap-root/';
  storage.put('sip.xcap', JSON.stringify({ ...root, root: gone }));
  const later = await online('carol', { options: { xcapRoot: gone } }, { storage });
  const contacts = later.set('contactList');
  expect([contacts.kept, contacts.contacts.map(({ name }) => name)]).toEqual(['server', ['Dave']]);
  await contacts.put({ address: user('dave').sip, name: 'David', groups: ['Lab', 'Friends'] });
  expect([contacts.kept, contacts.contacts.map(({ name }) => name)]).toEqual(['waiting', ['David']]);
  await later.provider.stop();
  storage.put('sip.xcap', JSON.stringify(root));
  const again = await online('carol', settings, { storage });
  const last = again.set('contactList');
  if (last.kept !== 'server') await next(last.onChange, () => last.kept === 'server');
  const other = await online('carol', settings);
  const theirs = other.set('contactList');
  if (theirs.contacts.length === 0) await next(theirs.onChange, (all) => all.length > 0);
  expect(theirs.contacts).toMatchObject([{ name: 'David', groups: ['Friends', 'Lab'] }]);
  await last.remove(user('dave').sip);
  expect(last.contacts).toEqual([]);
});

test('rules another program wrote are read, and ours go before them, also for the server', async () => {
  await kamailio.restart({ presenceRules: true });
  const dave = user('dave').sip;
  const rules = `<?xml version="1.0"?><ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="other"><conditions><identity><one id="${dave}"/></identity></conditions><actions><sub-handling xmlns="urn:ietf:params:xml:ns:pres-rules">block</sub-handling></actions></rule></ruleset>`;
  const written = await clientOf('erin').put(
    'org.openmobilealliance.pres-rules',
    'application/auth-policy+xml',
    rules,
    'any',
  );
  expect(written).not.toBe('conflict');
  const erin = await online('erin', { options: { xcapRoot: campus().xcapsRoot } });
  const permissions = () => erin.set('contactList').permissions;
  const list = erin.set('contactList');
  while (permissions()?.of(dave) !== 'block') await next(list.onChange);
  await permissions()?.set(dave, 'allow');
  await erin.set('presence').publish({ state: 'busy' });
  const watcher = await online('dave', { options: { xcapRoot: '' } });
  await watcher.set('contactList').put({ address: user('erin').sip, name: 'Erin', groups: [] });
  await watcher.sees(user('erin').sip, ({ state }) => state === 'busy');
  await permissions()?.set(dave, 'ask');
  expect(permissions()?.of(dave)).toBe('ask');
});
