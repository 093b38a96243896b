import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { CommandError } from '../../../electron/contract/index.ts';
import { isSealed, sealKey, unsealKey } from '../../../electron/core/store/key/sealed-key.ts';
import { patience } from '../../extent.ts';
import { temporaryFolder } from '../support/folder.ts';

vi.setConfig({ testTimeout: patience(60_000) });

const KEY = 'ab'.repeat(32);
const FIRST = 'database.key.sealed';
const SECOND = 'database.key.sealed-copy';

const opens = (folder: string, passphrase: string): Promise<string> =>
  unsealKey(folder, passphrase).catch((error: CommandError) => error.fault.code);

/** A folder in the place of a file: no file can be written there. */
function block(folder: string, name: string): void {
  fs.rmSync(path.join(folder, name), { force: true });
  fs.mkdirSync(path.join(folder, name));
}

describe('a sealed key', () => {
  // before anything is in its place, as on a full disk, and when the first copy is there already
  it.each([`${SECOND}.new`, SECOND])('keeps its passphrase when a change fails at %s', async (blocked) => {
    const folder = temporaryFolder();
    await sealKey(folder, KEY, 'old words');
    block(folder, blocked);
    await expect(sealKey(folder, KEY, 'new words')).rejects.toThrow();
    expect(await opens(folder, 'old words')).toBe(KEY);
    expect(await opens(folder, 'new words')).toBe('passphrase-wrong');
    expect(fs.existsSync(path.join(folder, `${FIRST}.new`))).toBe(false);
  });

  it.each([`${SECOND}.new`, SECOND])('is none when the first sealing fails at %s', async (blocked) => {
    const folder = temporaryFolder();
    block(folder, blocked);
    await expect(sealKey(folder, KEY, 'some words')).rejects.toThrow();
    fs.rmdirSync(path.join(folder, blocked));
    expect(isSealed(folder)).toBe(false);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('opens with the passphrase of either copy after a change that was cut short between them', async () => {
    const folder = temporaryFolder();
    await sealKey(folder, KEY, 'old words');
    const before = fs.readFileSync(path.join(folder, SECOND));
    await sealKey(folder, KEY, 'new words');
    fs.writeFileSync(path.join(folder, SECOND), before);
    expect(await opens(folder, 'new words')).toBe(KEY);
    expect(await opens(folder, 'old words')).toBe(KEY);
    expect(await opens(folder, 'other words')).toBe('passphrase-wrong');
  });
});
