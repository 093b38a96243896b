import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { QUIET } from '../../campus/install.mjs';

let folder: string;
let policy: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'aims-install-'));
  policy = path.join(folder, 'policy-rc.d');
});
afterEach(() => rmSync(folder, { recursive: true }));

const quietly = (...command: string[]) =>
  spawnSync('sh', ['-c', QUIET, 'sh', policy, ...command], { encoding: 'utf8' });

describe.runIf(process.platform === 'linux')('installing packages', () => {
  test('forbids services to start while the command runs, and allows them again', () => {
    const { stdout, status } = quietly('sh', '-c', `"${policy}"; echo "the policy says $?"`);
    expect(status).toBe(0);
    expect(stdout).toBe('the policy says 101\n');
    expect(existsSync(policy)).toBe(false);
  });

  test('leaves nothing behind and tells the result when the command fails', () => {
    expect(quietly('sh', '-c', 'exit 7').status).toBe(7);
    expect(existsSync(policy)).toBe(false);
  });

  test('leaves nothing behind when it is interrupted', async () => {
    const child = spawn('sh', ['-c', QUIET, 'sh', policy, 'sh', '-c', 'echo started; sleep 60'], { detached: true });
    const pid = child.pid as number;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(existsSync(policy)).toBe(true);
    process.kill(-pid, 'SIGTERM');
    await ended;
    await vi.waitUntil(() => !existsSync(policy));
  });

  test('does not touch a policy that was there before', () => {
    writeFileSync(policy, '#!/bin/sh\nexit 104\n', { mode: 0o700 });
    const { stdout } = quietly('sh', '-c', `"${policy}"; echo "the policy says $?"`);
    expect(stdout).toBe('the policy says 104\n');
    expect(readFileSync(policy, 'utf8')).toBe('#!/bin/sh\nexit 104\n');
    expect(statSync(policy).mode & 0o777).toBe(0o700);
  });
});
