import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { _electron, type Page } from 'playwright-core';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { en } from '../../renderer/i18n/en/en.ts';
import { pt } from '../../renderer/i18n/pt/pt.ts';
import {
  accessibilityFaults,
  commandLine,
  joinThisNetwork,
  type Program,
  type StartOptions,
  startProgram,
  temporaryFolder,
} from './program.ts';

// A machine whose system keeps no secrets: what protects the history there is a passphrase.

const PASSPHRASE = 'quatro ursos à chuva';

describe.each(['en', 'pt'] as const)('a history without a password store, in %s', (language) => {
  const dataFolder = temporaryFolder();
  const name = language === 'en' ? 'Ema Cruz' : 'Hugo Vaz';
  const options: StartOptions = { dataFolder, profile: 'any', language, passwordStore: 'none' };
  const folder = path.join(dataFolder, 'profiles', 'any');
  afterAll(() => fs.rmSync(dataFolder, { recursive: true, force: true }));

  const start = async (): Promise<Program> => {
    const program = await startProgram(options);
    onTestFinished(() => program.close());
    return program;
  };
  const look = async (program: Program, what: string): Promise<void> => {
    await program.screenshot(`passphrase-${what}-${language}`);
    expect(await accessibilityFaults(program.page)).toEqual([]);
  };
  /** The same at 320 pixels, where nothing may stick out. */
  const narrow = async (program: Program, what: string): Promise<void> => {
    const resize = (width: number): Promise<void> =>
      program.app.evaluate(
        ({ BrowserWindow }, wide) => BrowserWindow.getAllWindows()[0]?.setContentSize(wide, 760),
        width,
      );
    await resize(320);
    await expect.poll(() => program.page.evaluate(() => innerWidth)).toBe(320);
    await look(program, `${what}-320`);
    expect(await program.page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    await resize(1120);
  };
  const unlock = async (page: Page, { words }: Pick<Program, 'words'>, passphrase: string): Promise<void> => {
    await page.getByLabel(words.protection.passphrase).fill(passphrase);
    await page.getByRole('button', { name: words.protection.unlock, exact: true }).click();
  };

  it('is said to be unprotected; a passphrase is set where it is said', async () => {
    const program = await start();
    const { page, words } = program;
    await joinThisNetwork(program, name);
    const notice = page.getByRole('status').filter({ hasText: words.notices['history-not-protected'] });
    await notice.waitFor();
    await look(program, 'unprotected');
    await notice.getByRole('button', { name: words.protection.set }).click();
    await page.getByLabel(words.protection.fresh, { exact: true }).fill(PASSPHRASE);
    await page.getByLabel(words.protection.again, { exact: true }).fill(PASSPHRASE);
    await look(program, 'set');
    await page.getByRole('button', { name: words.protection.save, exact: true }).click();
    await page.getByText(words.protection.saved).waitFor();
    await notice.waitFor({ state: 'detached' });
    expect(fs.existsSync(path.join(folder, 'database.key'))).toBe(false);
    // what a dialog covers can be reached by nothing, its own lines that pass included
    await page.getByText(words.protection.saved).waitFor({ state: 'detached' });
    await page.keyboard.press('Control+,');
    await page.getByRole('tab', { name: words.settings.privacy }).click();
    await page.getByText(words.protection.status.passphrase).waitFor();
    await narrow(program, 'settings');
    await page.getByRole('button', { name: words.protection.change }).click();
    await page.getByLabel(words.protection.current).waitFor();
    await narrow(program, 'change');
  });

  it('asks for it at the next start, says when it is wrong, and opens', async () => {
    const program = await start();
    const { page, words } = program;
    await page.getByLabel(words.protection.passphrase).waitFor();
    await look(program, 'asked');
    await unlock(page, program, 'not this one');
    await page.getByText(words.faults['passphrase-wrong'].said, { exact: false }).waitFor();
    await look(program, 'wrong');
    await unlock(page, program, PASSPHRASE);
    await page.getByRole('region', { name: words.regions.list }).waitFor();
    // a core that dies is not a reason to ask again
    process.kill(await program.corePid(), 'SIGKILL');
    await page.getByText(words.notices['core-restarted']).waitFor();
    expect(await page.getByLabel(words.protection.passphrase).count()).toBe(0);
  });

  it('started at login waits in the tray, with no window until one is asked for', async () => {
    const words = language === 'pt' ? pt : en;
    const refused = (): number =>
      fs.readFileSync(path.join(folder, 'aims.log'), 'utf8').split('passphrase-needed').length;
    const before = refused();
    const { args, ...rest } = commandLine(options);
    const app = await _electron.launch({ ...rest, args: [...args, '--at-login'], timeout: 30_000 });
    onTestFinished(() => app.close());
    await expect.poll(refused, { timeout: 60_000 }).toBeGreaterThan(before);
    expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(0);
    // what the tray is told from here on
    await app.evaluate(({ Tray }) => {
      const told: string[] = [];
      Object.assign(globalThis, { told });
      Tray.prototype.setToolTip = (text) => void told.push(text);
      Tray.prototype.setContextMenu = (menu) => void told.push(menu?.items[0]?.label ?? '');
    });
    const told = (): Promise<string[]> => app.evaluate(() => (globalThis as unknown as { told: string[] }).told);
    const opened = app.firstWindow();
    // as a desktop without a tray does: the program is started once more
    const again = spawn(rest.executablePath, args, { env: rest.env, stdio: 'ignore' });
    const ended = new Promise((resolve) => again.once('exit', resolve));
    const page = await opened;
    await ended;
    await page.getByLabel(words.protection.passphrase).waitFor();
    expect(await told()).toEqual(
      language === 'pt'
        ? ['O AIMS está bloqueado: introduza a sua frase-passe', 'Introduzir frase-passe…']
        : ['AIMS is locked: enter your passphrase', 'Enter passphrase…'],
    );
    await unlock(page, { words }, PASSPHRASE);
    await page.getByRole('region', { name: words.regions.list }).waitFor();
    expect((await told()).slice(2, 4)).toEqual(language === 'pt' ? ['AIMS', 'Mostrar o AIMS'] : ['AIMS', 'Show AIMS']);
  });

  it('whose passphrase was forgotten is set aside, and that is said before and after', async () => {
    const program = await start();
    const { page, words } = program;
    await page.getByRole('button', { name: words.protection.forgot }).click();
    await page.getByText(words.protection.forgotText).waitFor();
    await look(program, 'forgotten');
    await page.getByRole('button', { name: words.protection.forgotYes }).click();
    await page.getByRole('textbox', { name: words.start.address }).waitFor();
    const aside = fs.readdirSync(folder).find((entry) => /^aims-forgotten-.*\.db$/.test(entry)) ?? '';
    await page.getByText(path.join(folder, aside), { exact: false }).waitFor();
    await look(program, 'anew');
  });
});
