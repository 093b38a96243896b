import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

export interface SippRun {
  /** File in test/servers/sipp/ without its ending. */
  scenario: string;
  /** What stands for `@NAME@` in the scenario. A square bracket would begin a keyword of SIPp. */
  values?: Readonly<Record<string, string>>;
  /** Command line beside the scenario. */
  args: readonly string[];
}

const SCENARIOS = path.join(import.meta.dirname, '../../sipp');
const SECONDS = 55;

/**
 * SIPp with one of our scenarios, in a folder of its own. `ended` resolves to what they logged when every call went as written, and rejects
 * with what SIPp has to say when one did not, or when it takes longer than 55 s. Killed when the test ends.
 */
export const sipp = ({ scenario, values = {}, args }: SippRun): { ended: Promise<string> } => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aims-sipp-'));
  const text = readFileSync(path.join(SCENARIOS, `${scenario}.xml`), 'utf8').replace(/@([A-Z]+)@/g, (_all, name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${scenario} needs ${name}`);
    return value;
  });
  writeFileSync(path.join(folder, 'scenario.xml'), text);
  const fixed = [
    '-sf',
    'scenario.xml',
    '-nostdin',
    '-i',
    '127.0.0.1',
    '-trace_err',
    '-error_file',
    'errors.log',
    '-trace_logs',
    '-log_file',
    'said.txt',
  ];
  const limit = ['-timeout', `${SECONDS}s`, '-timeout_error', '-recv_timeout', '10000'];
  const child = spawn('sipp', [...fixed, ...limit, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  // the screen it draws tells which message of the scenario was not met
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  const ended = once(child, 'close').then(([status]) => {
    const logged = path.join(folder, 'said.txt');
    if (status === 0) return existsSync(logged) ? readFileSync(logged, 'utf8') : '';
    const errors = readdirSync(folder).filter((name) => name.endsWith('.log'));
    const told = errors.map((name) => readFileSync(path.join(folder, name), 'utf8').slice(0, 4000));
    throw new Error(`SIPp ended ${scenario} with ${status}\n${told.join('\n')}\n${said.join('').slice(-3000)}`);
  });
  // a test may fail before it asks
  ended.catch(() => {});
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended.catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  });
  return { ended };
};
