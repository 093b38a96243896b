import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { bundled } from '../../protocols/bundled.ts';
import type { Order, Told } from './peer-process.ts';

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'aims-local-'));
  program = await bundled(path.join(import.meta.dirname, 'peer-process.ts'), folder);
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Process {
  child: ChildProcess;
  address: string;
  order(order: Order): void;
  /** Exit code and signal. */
  exited: Promise<unknown[]>;
  /** The first thing told from now on, or already, that the test waits for. */
  told(wanted: (told: Told) => boolean): Promise<Told>;
}

const person = async (name: string): Promise<Process> => {
  const child = fork(program, [name]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const heard: Told[] = [];
  const waiting = new Set<() => void>();
  child.on('message', (told: Told) => {
    heard.push(told);
    for (const look of waiting) look();
  });
  const told = (wanted: (told: Told) => boolean): Promise<Told> =>
    new Promise((resolve) => {
      const look = (): void => {
        const index = heard.findIndex(wanted);
        if (index < 0) return;
        waiting.delete(look);
        resolve(heard.splice(index, 1)[0] as Told);
      };
      waiting.add(look);
      look();
    });
  const online = await told((each) => each.told === 'online');
  const address = online.told === 'online' ? online.address : '';
  return { child, address, told, exited, order: (order) => void child.send(order) };
};

const presence =
  (address: string, state: string) =>
  (told: Told): boolean =>
    told.told === 'presence' && told.address === address && told.state === state;

test('two programs on one machine share multicast DNS, find each other, talk, and notice an end and a crash', async () => {
  const ana = await person('Ana');
  const bob = await person('Bob');
  await Promise.all([ana.told(presence(bob.address, 'available')), bob.told(presence(ana.address, 'available'))]);

  ana.order({ do: 'send', to: bob.address, text: 'Olá 😀' });
  expect(await bob.told((told) => told.told === 'text')).toEqual({ told: 'text', from: ana.address, text: 'Olá 😀' });
  expect(await ana.told((told) => told.told === 'sent')).toEqual({ told: 'sent', outcome: 'sent' });

  bob.order({ do: 'publish', note: 'exam' });
  expect(await ana.told(presence(bob.address, 'busy'))).toMatchObject({ note: 'exam' });

  const carl = await person('Carl');
  await ana.told(presence(carl.address, 'available'));
  carl.order({ do: 'stop' });
  await ana.told(presence(carl.address, 'offline'));
  // it ends by itself: stopping leaves no timer and no socket behind
  expect(await carl.exited).toEqual([0, null]);

  bob.child.kill('SIGKILL');
  await bob.exited;
  ana.order({ do: 'send', to: bob.address, text: 'still there?' });
  expect(await ana.told((told) => told.told === 'sent')).toEqual({ told: 'sent', outcome: 'failed' });
  await ana.told(presence(bob.address, 'offline'));
}, 60_000);
