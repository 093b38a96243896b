import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CommandError } from '../../../electron/contract/index.ts';
import { databaseKey } from '../../../electron/core/store/key/database-key.ts';
import { openStore } from '../../../electron/core/store/open-store.ts';
import { temporaryFolder } from '../support/folder.ts';

const faultOf = async (work: () => unknown): Promise<unknown> => {
  try {
    await work();
  } catch (error) {
    return (error as CommandError).fault;
  }
  return 'no fault';
};
const open = (folder: string, key: string) => openStore(folder, key, Date.now, () => undefined);
const noHold = { heldKey: async () => undefined, holdKey: async () => undefined };

describe('the key of the database', () => {
  const shellWith = (kept: Map<string, string>) => ({
    readSecret: async (key: string) => kept.get(key),
    writeSecret: async (key: string, value: string) => void kept.set(key, value),
    ...noHold,
  });
  const locked = {
    readSecret: () => Promise.reject(new Error('locked')),
    writeSecret: () => Promise.reject(new Error('locked')),
    ...noHold,
  };

  it('is made once, of 32 bytes, and kept in the system’s store and nowhere else', async () => {
    const folder = temporaryFolder();
    const kept = new Map<string, string>();
    const { key } = await databaseKey({ folder, secretStore: 'system' }, shellWith(kept));
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect((await databaseKey({ folder, secretStore: 'system' }, shellWith(kept))).key).toBe(key);
    expect([...kept]).toEqual([['database-key', key]]);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('is in a file that only its owner may read where the system keeps no secrets', async () => {
    const folder = temporaryFolder();
    const { key } = await databaseKey({ folder, secretStore: 'none' }, locked);
    expect((await databaseKey({ folder, secretStore: 'none' }, locked)).key).toBe(key);
    expect(fs.statSync(path.join(folder, 'database.key')).mode & 0o777).toBe(0o600);
    // the store that comes later does not lock the profile up
    expect((await databaseKey({ folder, secretStore: 'system' }, locked)).key).toBe(key);
  });

  it('is not made anew while the store is locked, and nothing is set aside', async () => {
    const folder = temporaryFolder();
    const kept = new Map<string, string>();
    const { key } = await databaseKey({ folder, secretStore: 'system' }, shellWith(kept));
    open(folder, key).close();
    const before = fs.readdirSync(folder).sort();
    expect(await faultOf(() => databaseKey({ folder, secretStore: 'system' }, locked))).toEqual({
      code: 'secrets-locked',
      retryable: true,
    });
    expect(fs.readdirSync(folder).sort()).toEqual(before);
  });

  it('of a profile in the system’s store is out of reach without that store', async () => {
    const folder = temporaryFolder();
    const { key } = await databaseKey({ folder, secretStore: 'system' }, shellWith(new Map()));
    open(folder, key).close();
    expect(await faultOf(() => databaseKey({ folder, secretStore: 'none' }, locked))).toEqual({
      code: 'profile-sealed',
      retryable: false,
    });
    expect(fs.existsSync(path.join(folder, 'database.key'))).toBe(false);
  });

  it('is made anew when its file holds no key, and the file is kept', async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, 'database.key'), 'scribble');
    const { key } = await databaseKey({ folder, secretStore: 'none' }, locked);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(fs.readFileSync(path.join(folder, 'database.key.unreadable'), 'utf8')).toBe('scribble');
  });
});
