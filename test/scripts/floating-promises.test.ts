import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const oxlint = path.join(root, 'node_modules/.bin', process.platform === 'win32' ? 'oxlint.cmd' : 'oxlint');

/** Every way to leave a promise alone, and what is right instead. */
const REFUSED = {
  'a call whose promise nobody takes': 'work();',
  'one that is marked with void': 'void work();',
  'one behind an optional call': 'maybe?.work();',
  'a then without a catch': 'work().then(() => done());',
  'a finally without a catch': 'work().finally(() => done());',
  'an arrow that gives nothing back': 'const leave = () => void work(); leave();',
  'an asynchronous listener': "socket.on('close', async () => { await work(); });",
  'an asynchronous timer': 'setTimeout(async () => { await work(); }, 1000);',
  'an asynchronous microtask': 'queueMicrotask(async () => { await work(); });',
  'an asynchronous callback of an array': '[1, 2].forEach(async () => { await work(); });',
  'an asynchronous method where none is waited for':
    'const listener: Listener = { heard: async () => { await work(); } }; listener.heard();',
  'a promise where a truth is asked for': 'if (work()) done();',
} as const;
const TAKEN = {
  'a promise that is awaited': 'await work();',
  'one with both ends': 'work().then(() => done(), () => done());',
  'one that is caught': 'work().catch(() => done());',
  'one that is told of when it fails': 'unawaited(work());',
  'a listener that leaves it to that': "socket.on('close', () => unawaited(work()));",
} as const;

const HEAD = `import net from 'node:net';
import { unawaited } from '../../protocols/contract/unawaited.ts';
interface Listener { heard(): void }
declare const maybe: { work(): Promise<void> } | undefined;
const socket = new net.Socket();
const work = async (): Promise<void> => { await Promise.resolve(); };
const done = (): void => { maybe?.work().catch(() => undefined); };
`;
const nameOf = (what: string): string => `${what.replaceAll(/\W+/g, '-')}.ts`;

let folder: string;
let refused: Set<string>;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'aims-promises-'));
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  fs.copyFileSync(path.join(root, '.oxlintrc.json'), path.join(folder, '.oxlintrc.json'));
  fs.copyFileSync(path.join(root, 'tsconfig.json'), path.join(folder, 'base.json'));
  fs.writeFileSync(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: './base.json',
      compilerOptions: { types: ['node'] },
      include: ['**/*.ts'],
      references: [],
    }),
  );
  for (const place of ['electron/core', 'protocols/sip', 'msrp/session']) {
    fs.mkdirSync(path.join(folder, place), { recursive: true });
    for (const [what, code] of Object.entries({ ...REFUSED, ...TAKEN })) {
      fs.writeFileSync(path.join(folder, place, nameOf(what)), `${HEAD}${code}\nexport {};\n`);
    }
  }
  fs.mkdirSync(path.join(folder, 'protocols/contract'));
  const helper = 'protocols/contract/unawaited.ts';
  fs.copyFileSync(path.join(root, helper), path.join(folder, helper));
  const { stdout } = spawnSync(oxlint, ['--type-aware', '-f', 'unix', 'electron', 'protocols', 'msrp'], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  refused = new Set(
    stdout.split('\n').flatMap((line) => /^([^:]+):\d+:\d+: .*(promises|no-void)/.exec(line)?.[1] ?? []),
  );
}, 120_000);
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

describe.each(['electron/core', 'protocols/sip', 'msrp/session'])('in %s', (place) => {
  it.each(Object.keys(REFUSED))('%s is refused', (what) => {
    expect([...refused]).toContain(`${place}/${nameOf(what)}`);
  });

  it.each(Object.keys(TAKEN))('%s is taken', (what) => {
    expect([...refused]).not.toContain(`${place}/${nameOf(what)}`);
  });
});
