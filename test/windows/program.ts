import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { developmentSwitches, electronRuntime } from '../../scripts/electron-runtime.mjs';

export const root = path.resolve(import.meta.dirname, '../..');
/** Screenshots and what else a person may want to look at afterwards. */
export const artefacts = path.join(root, 'test/artefacts');
fs.mkdirSync(artefacts, { recursive: true });

/** The real program in a real window, with a profile of its own. */
export interface Program {
  app: ElectronApplication;
  page: Page;
  /** Folder of the profile: database, log, secrets. */
  folder: string;
  /** The process id of the core, to kill it. */
  corePid(): Promise<number>;
  screenshot(name: string): Promise<void>;
  close(): Promise<void>;
  kill(): Promise<void>;
}

export const temporaryFolder = (): string => fs.mkdtempSync(path.join(os.tmpdir(), 'aims-windows-'));

/** Starts the program and waits for its first page. */
export async function startProgram(options: {
  dataFolder: string;
  profile: string;
  language?: 'en' | 'pt';
}): Promise<Program> {
  const runtime = electronRuntime();
  const app = await _electron.launch({
    executablePath: runtime.executable,
    args: [
      ...developmentSwitches(),
      ...(process.env.AIMS_TEST_KEYRING ? ['--password-store=gnome-libsecret'] : []),
      `--lang=${options.language ?? 'en'}`,
      root,
      `--data-folder=${options.dataFolder}`,
      `--profile=${options.profile}`,
      '--loopback-only',
    ],
    env: { ...(process.env as Record<string, string>), LANGUAGE: options.language ?? 'en' },
    timeout: 30_000,
  });
  const page = await app.firstWindow();
  await page.waitForLoadState('domcontentloaded');
  const folder = path.join(options.dataFolder, 'profiles', options.profile);
  const child = app.process();
  return {
    app,
    page,
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
export async function joinThisNetwork(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: 'Use this network without a server' }).click();
  await page.getByRole('textbox', { name: 'Your name' }).fill(name);
  await page.getByRole('button', { name: 'Start' }).click();
}
