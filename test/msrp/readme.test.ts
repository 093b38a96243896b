import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from './support/support.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

it('the programs of the README do what it says, in a folder where nothing else is', async () => {
  const folder = await temporaryFolder();
  const readme = await fs.readFile(path.join(ROOT, 'msrp/README.md'), 'utf8');
  const [receive = '', send = ''] = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);
  const bytes = randomBytes(1_000_000);
  await fs.writeFile(path.join(folder, 'receive.mjs'), receive);
  await fs.writeFile(path.join(folder, 'send.mjs'), send);
  await fs.writeFile(path.join(folder, 'thesis.pdf'), bytes);
  const bundle = [path.join(ROOT, 'scripts/msrp-bundle.mjs'), path.join(folder, 'msrp.cjs')];
  await promisify(execFile)(process.execPath, bundle);
  const run = (...command: string[]): ChildProcess => {
    const child = spawn(process.execPath, command, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => {
      child.kill();
    });
    return child;
  };
  const lines = (child: ChildProcess) => createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const receiver = lines(run('receive.mjs'));
  const [printed] = (await once(receiver, 'line')) as [string];
  const outcome = once(receiver, 'line') as Promise<[string]>;
  const sender = run('send.mjs', printed);
  const said: string[] = [];
  lines(sender).on('line', (line: string) => said.push(line));
  expect((await once(sender, 'close'))[0]).toBe(0);
  expect(said.at(0)).toMatch(/^\d+ of 1000000 bytes$/);
  expect(said.slice(-2)).toEqual(['1000000 of 1000000 bytes', "{ state: 'sent' }"]);
  expect(await outcome).toEqual(["{ state: 'completed', size: 1000000 }"]);
  expect(bytes.equals(await fs.readFile(path.join(folder, 'received.pdf')))).toBe(true);
});
