import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openStore } from '../../electron/core/store/open-store.ts';
import {
  accessibilityFaults,
  commandLine,
  joinThisNetwork,
  type Program,
  type StartOptions,
  startProgram,
  temporaryFolder,
} from './program.ts';

// Starts that cannot go as usual: each says so in a plain sentence, with one thing to do, and nothing is lost.

const SAID = {
  en: {
    inUse: 'This profile is already open.',
    noFolder: 'AIMS cannot make the folder for its files. Make sure that you may write there, then try again.',
    damaged: 'The message store was damaged and was set aside at ',
    startedNew: 'AIMS started a new one. Ask the help desk if you need what was in it.',
    unavailable: 'The message store cannot be opened just now.',
    unavailableTodo: 'Check that the disk is there and not full, then try again.',
    locked: 'This computer’s password store is locked. Unlock it, then try again.',
    newer: 'Your messages were last used by a newer AIMS. Install the newest AIMS on this computer.',
    tryAgain: 'Try again',
    dismiss: 'Dismiss',
    address: 'Campus address',
  },
  pt: {
    inUse: 'Este perfil já está aberto.',
    noFolder: 'O AIMS não consegue criar a pasta dos seus ficheiros. Verifique se pode escrever lá e tente de novo.',
    damaged: 'O arquivo de mensagens estava danificado e foi posto de parte em ',
    startedNew: 'O AIMS começou um novo. Fale com o apoio informático se precisar do que lá estava.',
    unavailable: 'Não é possível abrir o arquivo de mensagens neste momento.',
    unavailableTodo: 'Verifique se o disco está acessível e com espaço, e tente de novo.',
    locked: 'As palavras-passe deste computador estão bloqueadas. Desbloqueie-as e tente de novo.',
    newer: 'As suas mensagens foram usadas por um AIMS mais recente. Instale o AIMS mais recente neste computador.',
    tryAgain: 'Tentar de novo',
    dismiss: 'Dispensar',
    address: 'Endereço do campus',
  },
} as const;

/** Runs the program as a second start does, with nobody driving it; what it says when it has ended by itself. */
async function runToEnd(options: StartOptions): Promise<{ code: number | null; said: string[] }> {
  const { executablePath, args, env } = commandLine(options);
  const child = spawn(executablePath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  // Chromium's own lines begin with where they come from, and it has some on every start in a bare container
  const said = stderr.split('\n').filter((line) => line.trim() !== '' && !/^\[\d+:/.test(line));
  return { code, said };
}

describe.each(['en', 'pt'] as const)('a start in %s', (language) => {
  const said = SAID[language];
  const name = language === 'en' ? 'Sónia Reis' : 'Vasco Lima';
  const dataFolder = temporaryFolder();
  const folderOf = (profile: string) => path.join(dataFolder, 'profiles', profile);
  const start = async (profile: string): Promise<Program> => {
    running = await startProgram({ dataFolder, profile, language });
    return running;
  };
  let running: Program | undefined;
  afterEach(async () => {
    await running?.close();
    running = undefined;
  });
  afterAll(() => fs.rmSync(dataFolder, { recursive: true, force: true }));

  /** A profile in which somebody has written a note to themselves about a talk that must not be lost. */
  async function profileInUse(profile: string): Promise<void> {
    const first = await start(profile);
    await joinThisNetwork(first, name);
    await first.page.getByRole('region', { name: first.words.regions.list }).waitFor();
    await first.close();
    running = undefined;
  }
  const isAsBefore = (program: Program) =>
    program.page.getByRole('region', { name: program.words.regions.list }).waitFor({ timeout: 30_000 });

  it('of a profile that is open ends by itself with a sentence, and shows the open window', async () => {
    const first = await start('twice');
    await first.page.getByRole('textbox', { name: said.address }).fill('half@written');
    await first.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide());
    const second = await runToEnd({ dataFolder, profile: 'twice', language });
    expect(second).toEqual({ code: 0, said: [said.inUse] });
    await expect
      .poll(() => first.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible()))
      .toBe(true);
    expect(await first.page.getByRole('textbox', { name: said.address }).inputValue()).toBe('half@written');
    await first.screenshot(`bad-second-start-${language}`);
  });

  it('where the profile can have no folder says so and where, and goes on when it can', async () => {
    const file = path.join(dataFolder, 'a-file');
    fs.writeFileSync(file, 'not a folder');
    running = await startProgram({ dataFolder: file, profile: 'any', language });
    const { page } = running;
    const alert = page.getByRole('alert');
    await alert.getByText(said.noFolder).waitFor();
    expect(await alert.innerText()).toContain(path.join(file, 'profiles', 'any'));
    await running.screenshot(`bad-no-folder-${language}`);
    expect(await accessibilityFaults(page)).toEqual([]);
    fs.rmSync(file);
    await page.getByRole('button', { name: said.tryAgain }).click();
    await page.getByRole('textbox', { name: said.address }).waitFor();
    expect(fs.existsSync(path.join(file, 'profiles', 'any', 'aims.db'))).toBe(true);
  });

  it('with a damaged message store keeps it, begins anew, and says so until it is dismissed', async () => {
    await profileInUse('damaged');
    const file = path.join(folderOf('damaged'), 'aims.db');
    const noise = Buffer.alloc(fs.statSync(file).size, 'damage');
    fs.writeFileSync(file, noise);
    const program = await start('damaged');
    const notice = program.page.getByRole('status').filter({ hasText: said.damaged });
    await notice.waitFor();
    await program.screenshot(`bad-database-damaged-${language}`);
    const text = await notice.innerText();
    expect(text).toContain(said.startedNew);
    const kept = fs.readdirSync(folderOf('damaged')).filter((entry) => /^aims-damaged-.*\.db$/.test(entry));
    expect(kept).toHaveLength(1);
    expect(text).toContain(path.join(folderOf('damaged'), kept[0] as string));
    expect(fs.readFileSync(path.join(folderOf('damaged'), kept[0] as string)).equals(noise)).toBe(true);
    expect(await accessibilityFaults(program.page)).toEqual([]);
    await notice.getByRole('button', { name: said.dismiss }).click();
    await notice.waitFor({ state: 'detached' });
    // the account comes out of its copy
    await isAsBefore(program);
  });

  it('without the message store being reachable says so, and goes on when it is', async () => {
    await profileInUse('unreachable');
    const file = path.join(folderOf('unreachable'), 'aims.db');
    fs.renameSync(file, `${file}.away`);
    fs.mkdirSync(file);
    const program = await start('unreachable');
    await program.page.getByRole('alert').getByText(`${said.unavailable} ${said.unavailableTodo}`).waitFor();
    await program.screenshot(`bad-database-unavailable-${language}`);
    expect(await accessibilityFaults(program.page)).toEqual([]);
    await program.page.getByRole('button', { name: said.tryAgain }).click();
    await program.page.getByRole('alert').getByText(said.unavailable, { exact: false }).waitFor();
    fs.rmdirSync(file);
    fs.renameSync(`${file}.away`, file);
    await program.page.getByRole('button', { name: said.tryAgain }).click();
    await isAsBefore(program);
  });

  it('with the passwords out of reach says so, and goes on when they are there', async () => {
    await profileInUse('locked');
    // where the key of the messages is: the system's password store, or a file where there is none
    const keys = path.join(folderOf('locked'), process.env.AIMS_TEST_KEYRING ? 'secrets.json' : 'database.key');
    fs.renameSync(keys, `${keys}.away`);
    fs.mkdirSync(keys);
    const program = await start('locked');
    await program.page.getByRole('alert').getByText(said.locked).waitFor();
    await program.screenshot(`bad-passwords-locked-${language}`);
    fs.rmdirSync(keys);
    fs.renameSync(`${keys}.away`, keys);
    await program.page.getByRole('button', { name: said.tryAgain }).click();
    await isAsBefore(program);
  });

  it('over messages of a later version says so and leaves them as they are', async () => {
    const folder = folderOf('newer');
    fs.mkdirSync(folder, { recursive: true });
    const key = 'ab'.repeat(32);
    fs.writeFileSync(path.join(folder, 'database.key'), key, { mode: 0o600 });
    const store = openStore(folder, key, Date.now, () => undefined);
    store.driver.exec('PRAGMA user_version = 999');
    store.close();
    const before = fs.readFileSync(path.join(folder, 'aims.db'));
    const program = await start('newer');
    await program.page.getByRole('alert').getByText(said.newer).waitFor();
    expect(await program.page.getByRole('button', { name: said.tryAgain }).count()).toBe(0);
    await program.screenshot(`bad-database-newer-${language}`);
    expect(fs.readFileSync(path.join(folder, 'aims.db')).equals(before)).toBe(true);
  });
});
