import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Answer, CommandError, Fault } from '../../electron/contract/index.ts';
import { createCore, type Opening } from '../../electron/core/core.ts';
import { CoreHost } from '../../electron/core/core-host.ts';
import { TestProfile } from './support/core.ts';

const PASSPHRASE = 'quatro Ursos  à chuva';
const keyFile = (profile: TestProfile) => path.join(profile.folder, 'database.key');
const sealedFiles = (profile: TestProfile) =>
  ['database.key.sealed', 'database.key.sealed-copy'].map((name) => path.join(profile.folder, name));
const codes = async (profile: TestProfile) => (await profile.snapshot()).notices.map(({ code }) => code);

async function startFault(profile: TestProfile, opening?: Opening): Promise<Fault | 'started'> {
  try {
    await profile.start(opening);
    return 'started';
  } catch (error) {
    return (error as CommandError).fault;
  }
}

/** A profile with one conversation on a machine without a password store, as the next start of the machine finds it. */
async function protectedProfile(): Promise<TestProfile> {
  const profile = new TestProfile();
  profile.secretStore = 'none';
  await profile.start();
  await profile.withTalk();
  await profile.call('app.setPassphrase', { passphrase: PASSPHRASE });
  await profile.stop();
  profile.shell.held = undefined;
  return profile;
}

describe('a history on a machine without a password store', () => {
  it('is said to be unprotected, until there is a passphrase', async () => {
    const profile = new TestProfile();
    profile.secretStore = 'none';
    await profile.start();
    expect((await profile.snapshot()).protection).toBe('none');
    expect(await codes(profile)).toContain('history-not-protected');
    await profile.call('app.setPassphrase', { passphrase: PASSPHRASE });
    expect((await profile.snapshot()).protection).toBe('passphrase');
    expect(await codes(profile)).toEqual(['secrets-not-kept']);
    expect(profile.events).toContainEqual({ type: 'protection', protection: 'passphrase' });
  });

  it('with a passphrase has its key nowhere on the disk', async () => {
    const profile = new TestProfile();
    profile.secretStore = 'none';
    await profile.start();
    const key = fs.readFileSync(keyFile(profile), 'utf8').trim();
    await profile.call('app.setPassphrase', { passphrase: PASSPHRASE });
    await profile.stop();
    const holders = fs
      .readdirSync(profile.folder)
      .filter((name) => fs.statSync(path.join(profile.folder, name)).isFile())
      .filter((name) => fs.readFileSync(path.join(profile.folder, name)).includes(key));
    expect(holders).toEqual([]);
    for (const file of sealedFiles(profile)) expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });

  it('opens with its passphrase only, blanks and accents as any keyboard writes them', async () => {
    const profile = await protectedProfile();
    expect(await startFault(profile)).toEqual({ code: 'passphrase-needed', retryable: true });
    for (const wrong of ['', 'quatro ursos  à chuva', `${PASSPHRASE} `]) {
      expect(await startFault(profile, { passphrase: wrong })).toEqual({ code: 'passphrase-wrong', retryable: true });
    }
    // RFC 8265 §4.2: a no-break space, and an accent of its own
    const typed = PASSPHRASE.normalize('NFD').replaceAll(' ', '\u{A0}');
    expect(await startFault(profile, { passphrase: typed })).toBe('started');
    expect((await profile.snapshot()).talks).toHaveLength(1);
    expect(profile.shell.lockedMarks.at(0)).toBe(false);
    expect(profile.shell.lockedMarks.slice(1)).toEqual([true, true, true, true, false]);
  });

  it('is not asked for again by the core that follows one that died', async () => {
    const profile = await protectedProfile();
    await profile.start({ passphrase: PASSPHRASE });
    await profile.restart();
    expect((await profile.snapshot()).talks).toHaveLength(1);
  });

  it('changes its passphrase, or gives it up, only for who knows it', async () => {
    const profile = await protectedProfile();
    await profile.start({ passphrase: PASSPHRASE });
    expect(await profile.refused('app.setPassphrase', { passphrase: 'another one' })).toBe('passphrase-wrong');
    expect(await profile.refused('app.setPassphrase', { passphrase: null, current: 'x' })).toBe('passphrase-wrong');
    expect(await profile.refused('app.setPassphrase', { passphrase: 'short', current: PASSPHRASE })).toBe(
      'command-invalid',
    );
    await profile.call('app.setPassphrase', { passphrase: 'another one', current: PASSPHRASE });
    await profile.stop();
    profile.shell.held = undefined;
    expect(await startFault(profile, { passphrase: PASSPHRASE })).toMatchObject({ code: 'passphrase-wrong' });
    await profile.start({ passphrase: 'another one' });
    await profile.call('app.setPassphrase', { passphrase: null, current: 'another one' });
    expect(await codes(profile)).toContain('history-not-protected');
    await profile.stop();
    expect(await startFault(profile)).toBe('started');
    expect((await profile.snapshot()).talks).toHaveLength(1);
  });

  it('killed between sealing the key and removing it is protected after the next start', async () => {
    const profile = new TestProfile();
    profile.secretStore = 'none';
    await profile.start();
    const key = fs.readFileSync(keyFile(profile), 'utf8');
    await profile.call('app.setPassphrase', { passphrase: PASSPHRASE });
    await profile.stop();
    profile.shell.held = undefined;
    fs.writeFileSync(keyFile(profile), key);
    expect(await startFault(profile)).toMatchObject({ code: 'passphrase-needed' });
    expect(await startFault(profile, { passphrase: PASSPHRASE })).toBe('started');
    expect(fs.existsSync(keyFile(profile))).toBe(false);
  });

  it('survives the loss of one copy of the sealed key; of both it says so, and loses nothing by trying', async () => {
    const profile = await protectedProfile();
    const [first, second] = sealedFiles(profile) as [string, string];
    fs.writeFileSync(first, '{"kdf":"scrypt","N":99999999999}');
    expect(await startFault(profile, { passphrase: PASSPHRASE })).toBe('started');
    await profile.stop();
    profile.shell.held = undefined;
    const whole = fs.readFileSync(second);
    fs.writeFileSync(second, '');
    expect(await startFault(profile)).toEqual({ code: 'key-damaged', retryable: true });
    expect(await startFault(profile, { passphrase: PASSPHRASE })).toMatchObject({ code: 'key-damaged' });
    fs.writeFileSync(second, whole);
    expect(await startFault(profile, { passphrase: PASSPHRASE })).toBe('started');
    expect((await profile.snapshot()).talks).toHaveLength(1);
  });

  it('whose passphrase was forgotten is set aside whole, and everything begins anew', async () => {
    const profile = await protectedProfile();
    const database = fs.readFileSync(path.join(profile.folder, 'aims.db'));
    expect(await startFault(profile, { beginAnew: true })).toBe('started');
    const { talks, accounts, notices } = await profile.snapshot();
    expect([talks, accounts]).toEqual([[], []]);
    const place = notices.find(({ code }) => code === 'database-forgotten')?.detail ?? '';
    expect(fs.readFileSync(place).equals(database)).toBe(true);
    await profile.stop();
    // remembered after all: the files, brought back to their names, open again
    const aside = path.basename(place);
    for (const name of fs.readdirSync(profile.folder)) {
      if (name.startsWith('aims.db') || name === 'database.key') fs.rmSync(path.join(profile.folder, name));
    }
    for (const name of fs.readdirSync(profile.folder).filter((entry) => entry.startsWith(aside))) {
      const suffix = name.slice(aside.length);
      const back = suffix.startsWith('.key-sealed') ? `database${suffix.replace('key-', 'key.')}` : `aims.db${suffix}`;
      fs.renameSync(path.join(profile.folder, name), path.join(profile.folder, back));
    }
    expect(await startFault(profile, { passphrase: PASSPHRASE })).toBe('started');
    expect((await profile.snapshot()).talks).toHaveLength(1);
  });

  it('is not set aside where no passphrase protects it', async () => {
    const profile = new TestProfile();
    await profile.start();
    await profile.withTalk();
    expect(await profile.refused('app.beginAnew', {})).toBe('wrong-state');
    expect(await profile.refused('app.unlock', { passphrase: 'x' })).toBe('wrong-state');
    expect(await profile.refused('app.setPassphrase', { passphrase: PASSPHRASE })).toBe('wrong-state');
    await profile.stop();
    expect(await startFault(profile, { beginAnew: true })).toEqual({ code: 'wrong-state', retryable: false });
    expect(await startFault(profile)).toBe('started');
    expect((await profile.snapshot()).talks).toHaveLength(1);
  });
});

describe('a window whose core waits for the passphrase', () => {
  const locked = (code: string): Answer => ({ ok: false, fault: { code, retryable: true } });
  const hostOf = (profile: TestProfile) =>
    new CoreHost(
      (told, opening) => createCore({ ...profile.parts(opening), ...told }),
      () => undefined,
    );

  it('is asked again after a wrong one, and served by the right one', async () => {
    const profile = await protectedProfile();
    const host = hostOf(profile);
    expect(await host.call('app.snapshot', {})).toEqual(locked('passphrase-needed'));
    expect(await host.call('settings.change', { theme: 'dark' })).toEqual(locked('passphrase-needed'));
    expect(await host.call('app.unlock', { passphrase: 'not this' })).toEqual(locked('passphrase-wrong'));
    expect(await host.call('app.unlock', { passphrase: 7 })).toEqual(locked('passphrase-wrong'));
    expect(await host.call('app.unlock', { passphrase: PASSPHRASE })).toEqual({ ok: true, output: null });
    expect(await host.call('app.snapshot', {})).toMatchObject({ ok: true });
    await host.control.shutDown();
  });

  it('can begin anew', async () => {
    const host = hostOf(await protectedProfile());
    expect(await host.call('app.beginAnew', {})).toEqual(locked('passphrase-needed'));
    expect(await host.call('app.beginAnew', {})).toEqual({ ok: true, output: null });
    expect(await host.call('app.snapshot', {})).toMatchObject({ ok: true, output: { talks: [] } });
    await host.control.shutDown();
  });
});
