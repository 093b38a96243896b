import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { userOf } from '../../../protocols/contract/index.ts';
import { storedKey } from '../../../protocols/sip/local/identity/own-key.ts';
import { safetyCode } from '../../../protocols/sip/local/identity/verification.ts';
import { announcing } from './announcing.ts';
import { localPeer, memoryStorage, multicastPort, neighbours, portOf, sees } from './local-peers.ts';

const newKey = () => storedKey(memoryStorage()).publicKey;

test('two people see the same 60 digits, and nobody else does', async () => {
  const { ana, bob } = await neighbours();
  const [seen, shown] = await Promise.all([
    ana.set('verification').code(bob.provider.address),
    bob.set('verification').code(ana.provider.address),
  ]);
  expect(seen).toMatch(/^\d{60}$/);
  expect(shown).toBe(seen);
  const [a, b, c] = [newKey(), newKey(), newKey()];
  expect(new Set([safetyCode(a, b), safetyCode(b, a), safetyCode(a, c), safetyCode(b, c)]).size).toBe(3);
});

test('what was confirmed is kept over a restart, and only with the code of both keys', async () => {
  const port = multicastPort();
  const storage = memoryStorage();
  const ana = await localPeer('Ana', port, storage);
  const bob = await localPeer('Bob', port);
  await sees(ana, bob.provider.address);
  const verification = ana.set('verification');
  await expect(verification.confirm(bob.provider.address, '0'.repeat(60))).rejects.toMatchObject({ code: 'policy' });
  expect(verification.isVerified(bob.provider.address)).toBe(false);
  const told = new Promise((resolve) => {
    verification.onVerified(resolve);
  });
  await verification.confirm(bob.provider.address, await verification.code(bob.provider.address));
  expect(await told).toBe(bob.provider.address);
  await ana.provider.stop();
  const again = await localPeer('Ana', port, storage);
  expect(again.set('verification').isVerified(bob.provider.address)).toBe(true);
  expect(again.set('verification').isVerified(ana.provider.address)).toBe(false);
});

test('the code of somebody who is away cannot be shown', async () => {
  const ana = await localPeer('Ana', multicastPort());
  const refusal = { code: 'peer-offline', retryable: true };
  await expect(ana.set('verification').code('sip:abcdefghij234567klmn@local')).rejects.toMatchObject(refusal);
});

test('an announcement gives somebody verified no other name, their own word does', async () => {
  const port = multicastPort();
  const storage = memoryStorage();
  const ana = await localPeer('Ana', port);
  const bob = await localPeer('Bob', port, storage);
  const { address } = bob.provider;
  await sees(ana, address);
  await ana.set('verification').confirm(address, await ana.set('verification').code(address));
  const evil = await announcing(port);
  const at = { id: userOf(address), port: await portOf(bob, port) };
  evil.announce({ ...at, name: 'The Rector', presence: { state: 'busy' } }, '127.0.0.1');
  await sees(ana, address, ({ state }) => state === 'busy');
  expect(ana.set('contactList').contacts.map(({ name }) => name)).toEqual(['Bob']);
  await bob.provider.stop();
  await sees(ana, address, ({ state }) => state === 'offline');
  const married = await localPeer('Bob Dias', port, storage);
  await Promise.all([sees(ana, address), sees(married, ana.provider.address)]);
  const draft = { id: randomUUID(), text: 'hi', composedAt: Date.now() };
  expect(await married.set('messaging').send(ana.provider.address, draft).outcome).toEqual({ state: 'sent' });
  expect(ana.set('contactList').contacts.map(({ name }) => name)).toEqual(['Bob Dias']);
});

test('a key that cannot be read any more is replaced, which is somebody new', () => {
  const storage = memoryStorage();
  const first = storedKey(storage);
  expect(storedKey(storage).id).toBe(first.id);
  storage.put('local.key', 'spoilt');
  const second = storedKey(storage);
  expect(second.id).not.toBe(first.id);
  expect(storedKey(storage).id).toBe(second.id);
});
