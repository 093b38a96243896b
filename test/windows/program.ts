import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { en } from '../../renderer/i18n/en/en.ts';
import { pt } from '../../renderer/i18n/pt/pt.ts';
import { developmentSwitches, electronRuntime } from '../../scripts/electron-runtime.mjs';

export const root = path.resolve(import.meta.dirname, '../..');
/** Screenshots and what else a person may want to look at afterwards. */
export const artefacts = path.join(root, 'test/artefacts');
fs.mkdirSync(artefacts, { recursive: true });

/** The catalogue of one language: names of things as a person reads or hears them. */
export type Words = typeof en | typeof pt;

/** The real program in a real window, with a profile of its own. */
export interface Program {
  app: ElectronApplication;
  page: Page;
  /** What the window says, in its language. */
  words: Words;
  /** Folder of the profile: database, log, secrets. */
  folder: string;
  /** The process id of the core, to kill it. */
  corePid(): Promise<number>;
  screenshot(name: string): Promise<void>;
  close(): Promise<void>;
  kill(): Promise<void>;
}

export const temporaryFolder = (): string => fs.mkdtempSync(path.join(os.tmpdir(), 'aims-windows-'));

export interface StartOptions {
  dataFolder: string;
  profile: string;
  language?: 'en' | 'pt';
  /** Where there is a password store too, the program must not find it. */
  passwordStore?: 'none';
}

/** What is run for these options: for a start without a driver too. */
export const commandLine = ({ dataFolder, profile, language = 'en', passwordStore }: StartOptions) => ({
  executablePath: electronRuntime().executable,
  args: [
    ...developmentSwitches(),
    ...(process.env.AIMS_TEST_KEYRING && !passwordStore ? ['--password-store=gnome-libsecret'] : []),
    ...(passwordStore ? ['--password-store=basic'] : []),
    `--lang=${language}`,
    root,
    `--data-folder=${dataFolder}`,
    `--profile=${profile}`,
    '--loopback-only',
  ],
  env: { ...(process.env as Record<string, string>), LANGUAGE: language },
});

/** Starts the program and waits for its first page. */
export async function startProgram(options: StartOptions): Promise<Program> {
  const app = await _electron.launch({ ...commandLine(options), timeout: 30_000 });
  const page = await app.firstWindow();
  await page.waitForLoadState('domcontentloaded');
  const folder = path.join(options.dataFolder, 'profiles', options.profile);
  const child = app.process();
  return {
    app,
    page,
    words: options.language === 'pt' ? pt : en,
    folder,
    corePid: () =>
      app.evaluate(({ app: electron }) => {
        const core = electron.getAppMetrics().find((metric) => metric.name === 'AIMS core');
        if (!core) throw new Error('no core is running');
        return core.pid;
      }),
    screenshot: async (name) => {
      await page.screenshot({ path: path.join(artefacts, `${name}.png`) });
    },
    close: async () => {
      await app.close();
    },
    kill: async () => {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

const require = createRequire(import.meta.url);
const engine = fs.readFileSync(require.resolve('accessibility-checker-engine/ace.js'), 'utf8');

interface Finding {
  ruleId: string;
  value: [string, string];
  message: string;
  path: { dom: string };
}

/** Runs the accessibility engine (WCAG 2.2) over the page as it stands; returns its violations, readable. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(`if (!globalThis.ace) { ${engine}\n; globalThis.ace = ace; }`);
  const findings: Finding[] = await page.evaluate(`(async () => {
    const checker = new globalThis.ace.Checker();
    const report = await checker.check(document, ['WCAG_2_2']);
    return report.results.map(({ ruleId, value, message, path }) => ({ ruleId, value, message, path: { dom: path.dom } }));
  })()`);
  return findings
    .filter(({ value }) => value[0] === 'VIOLATION' && value[1] === 'FAIL')
    .map(({ ruleId, message, path: { dom } }) => `${ruleId}: ${message} (${dom})`);
}

/** Signs in without a server, from the first page, as a newcomer does. */
export async function joinThisNetwork({ page, words }: Pick<Program, 'page' | 'words'>, name: string): Promise<void> {
  await page.getByRole('button', { name: words.start.local }).click();
  await page.getByRole('textbox', { name: words.start.localName }).fill(name);
  await page.getByRole('button', { name: words.start.localStart }).click();
}
