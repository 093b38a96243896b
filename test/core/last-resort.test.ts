import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { LastResort } from '../../electron/core/last-resort.ts';
import { bundle } from './support/bundle.ts';
import { TestClock } from './support/core.ts';
import { temporaryFolder } from './support/folder.ts';

type Line = Record<string, unknown>;

let program: string;
beforeAll(async () => {
  program = await bundle('electron/core/headless.ts', 'test/core/support/faulty-registry.ts');
  return () => fs.rmSync(path.dirname(program), { recursive: true, force: true });
}, 120_000);

it('outlives a bug in the callbacks of every provider: the account is started anew, the others and the core go on', async () => {
  const folder = temporaryFolder();
  const child: ChildProcess = spawn(
    process.execPath,
    [program, '--profile', 'test', '--folder', folder, '--loopback-only'],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: Line[] = [];
  let heard: () => void = () => undefined;
  readline.createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
    lines.push(JSON.parse(text) as Line);
    heard();
  });
  const until = async (fits: (line: Line) => boolean): Promise<void> => {
    while (!lines.some(fits))
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
  };
  const call = (id: string, command: string, input: object): void =>
    void child.stdin?.write(`${JSON.stringify({ id, command, input })}\n`);

  await until(({ event }) => event === 'ready');
  const server = { host: '127.0.0.1', port: 9 };
  call('sip', 'accounts.signIn', {
    protocol: 'sip',
    address: 'ana@campus.test',
    password: 'x',
    displayName: '',
    server,
  });
  call('xmpp', 'accounts.signIn', {
    protocol: 'xmpp',
    address: 'ana@campus.test',
    password: 'x',
    displayName: '',
    server,
  });
  call('local', 'accounts.signIn', { protocol: 'local', displayName: 'Ana' });
  type Told = { id: string; protocol: string; registration: { state: string; cause?: { code: string } } };
  const met = (protocol: string, is: (told: Told) => boolean) => (line: Line) =>
    line.event === 'accounts' && (line.accounts as Told[]).some((told) => told.protocol === protocol && is(told));
  for (const protocol of ['sip', 'xmpp', 'local']) {
    await until(met(protocol, ({ registration }) => registration.cause?.code === 'internal'));
    // and it is started again, as often as there are bugs in this registry
    await until(
      met(protocol, ({ registration }) => registration.state === (protocol === 'local' ? 'online' : 'waiting')),
    );
  }
  call('last', 'app.snapshot', {});
  await until(({ id }) => id === 'last');
  expect(lines.find(({ id }) => id === 'last')).toMatchObject({ ok: true });
  const closed = once(child, 'close');
  child.stdin?.end();
  expect((await closed)[0]).toBe(0);
  expect(lines.at(-1)).toEqual({ event: 'bye' });
  const log = fs.readFileSync(path.join(folder, 'aims.log'), 'utf8');
  for (const protocol of ['sip', 'xmpp', 'local']) {
    for (const kind of ['a bug', 'a bug of a promise', 'a bug of a promise left alone', 'a bug of a callback'])
      expect(log).toContain(`${kind} in ${protocol}, connecting`);
    for (const kind of ['a bug of a promise', 'a bug of a callback'])
      expect(log).toContain(`${kind} in ${protocol}, called`);
  }
  // each belongs to its account
  expect(log).not.toContain('core.unforeseen');
}, 60_000);

it('ends the process only when errors that belong to no account come in numbers', () => {
  const fatal: unknown[] = [];
  const failed: string[] = [];
  const logged: string[] = [];
  const clock = new TestClock();
  const lastResort = new LastResort({
    log: { write: () => undefined, error: (event) => void logged.push(event), close: () => undefined },
    clock,
    failAccount: (accountId) => void failed.push(accountId),
    onFatal: (error) => void fatal.push(error),
  });
  for (let count = 0; count < 20; count++) lastResort.rejected(new Error('one'));
  expect([fatal, failed, logged.length]).toEqual([[], [], 20]);
  lastResort.rejected(new Error('too many'));
  expect(fatal).toHaveLength(1);
});
