import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { Address } from '../../../../protocols/contract/index.ts';
import { bundled } from '../../../protocols/bundled.ts';
import type { DoomedOrder, DoomedStart, DoomedWord } from './doomed-program.ts';
import type { Fixture, Name } from './fixture.ts';
import { tell, until } from './happening.ts';

/** Somebody in a process of their own, who accepts every file, and stops in the middle of it. */
export interface Doomed {
  readonly address: Address;
  /** Whether this person is on their list. */
  lists(address: Address): boolean;
  offer(order: DoomedOrder): void;
  /** Waits until bytes have passed and no more will. */
  stalled(): Promise<unknown>;
  /** SIGKILL: no goodbye of any kind. */
  kill(): Promise<void>;
}

let made: { folder: string; program: Promise<string> } | undefined;

/** The program, made once for all tests of a file. */
const programOf = async (): Promise<string> => {
  if (!made) {
    const folder = await mkdtemp(path.join(tmpdir(), 'aims-doomed-'));
    made = { folder, program: bundled(path.join(import.meta.dirname, 'doomed-program.ts'), folder) };
  }
  return made.program;
};

/** @example afterAll(removeDoomedProgram); */
export const removeDoomedProgram = async (): Promise<void> => {
  if (made) await rm(made.folder, { recursive: true, force: true });
  made = undefined;
};

/** Starts such a process and waits until it is online. It ends with the test at the latest. */
export const doom = async (fixture: Fixture, name: Name): Promise<Doomed> => {
  const start: DoomedStart = {
    account: {
      id: name,
      protocol: fixture.protocol.id,
      address: '',
      displayName: `${name} of the campus`,
      trustedFingerprints: [],
      certificateAuthorities: [],
      options: {},
      ...fixture.settings(name),
    },
    password: fixture.password(name),
  };
  const child: ChildProcess = fork(await programOf(), [JSON.stringify(start)]);
  const exited = once(child, 'exit');
  onTestFinished(() => void child.kill('SIGKILL'));
  const words: DoomedWord[] = [];
  child.on('message', (word: DoomedWord) => {
    words.push(word);
    tell();
  });
  const online = await until(
    `${name} is online in another process`,
    () => words.find((each): each is Extract<DoomedWord, { word: 'online' | 'sees' }> => each.word === 'online'),
    20_000,
  );
  return {
    address: online.address,
    lists: (address) => words.some((each) => each.word === 'sees' && each.address === address),
    offer: (order) => void child.send(order),
    stalled: () => until('bytes have passed', () => words.some(({ word }) => word === 'stalled'), 20_000),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
};
