import { Worker } from 'node:worker_threads';
import { type FileHash, ProviderError } from '../../../../../protocols/contract/index.ts';
import { unawaited } from '../../../../../protocols/contract/unawaited.ts';

export type Algorithm = FileHash['algorithm'];

/** Without work for so long, in ms, the thread and its memory go. */
const LINGER = 10_000;

/**
 * What runs in the thread. As text: the core is bundled into one file and a thread that loaded it would load all of it,
 * while tests run the sources. It reads a slice, hashes it and looks for messages, round by round over all its files.
 */
const CODE = `
const { parentPort } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const { readSync } = require('node:fs');
const NAMES = { 'sha-256': 'sha256', 'sha-1': 'sha1' };
const TOLD_EVERY = 1024 * 1024;
const slice = Buffer.allocUnsafe(256 * 1024);
const files = new Map();
let turning = false;

function advance(id, file) {
  try {
    const length = readSync(file.descriptor, slice, 0, Math.min(slice.length, file.to - file.at), file.at);
    if (length === 0) throw Object.assign(new Error('the file became shorter'), { code: 'shorter' });
    for (const hash of file.hashes) hash.update(slice.subarray(0, length));
    file.at += length;
    if (file.at - file.told < TOLD_EVERY && file.at < file.to) return;
    file.told = file.at;
    parentPort.postMessage({ id, at: file.at });
  } catch (error) {
    files.delete(id);
    parentPort.postMessage({ id, error: String(error.code) });
  }
}

function turn() {
  turning = false;
  for (const [id, file] of files) {
    if (file.at < file.to) advance(id, file);
    else if (file.ending) {
      files.delete(id);
      parentPort.postMessage({ id, values: file.hashes.map((hash) => hash.digest('hex')) });
    }
  }
  go();
}

function go() {
  if (turning || ![...files.values()].some((file) => file.at < file.to || file.ending)) return;
  turning = true;
  setImmediate(turn);
}

parentPort.on('message', (message) => {
  const file = files.get(message.id);
  if (message.begin) {
    const { descriptor, algorithms } = message.begin;
    const hashes = algorithms.map((algorithm) => createHash(NAMES[algorithm]));
    files.set(message.id, { descriptor, hashes, at: 0, told: 0, to: 0, ending: false });
  } else if (message.leave) {
    files.delete(message.id);
    parentPort.postMessage({ id: message.id, left: true });
  } else if (file) {
    file.to = message.to;
    file.ending = message.ending;
  }
  go();
});
`;

export type Order =
  | { id: number; begin: { descriptor: number; algorithms: readonly Algorithm[] } }
  | { id: number; to: number; ending: boolean }
  | { id: number; leave: true };

export interface Answer {
  id: number;
  /** Bytes hashed so far. */
  at?: number;
  /** The hashes, in hexadecimal, in the order of the algorithms. */
  values?: string[];
  /** The system's code, or `shorter`. */
  error?: string;
  /** The descriptor is not used any more. */
  left?: true;
}

const listeners = new Map<number, (answer: Answer | ProviderError) => void>();
let thread: Worker | undefined;
let lingering: NodeJS.Timeout | undefined;
let lastId = 0;

function start(): Worker {
  const worker = new Worker(CODE, { eval: true, execArgv: [] });
  worker.on('message', (answer: Answer) => listeners.get(answer.id)?.(answer));
  const gone = (): void => {
    if (thread !== worker) return;
    thread = undefined;
    for (const listener of listeners.values()) listener(new ProviderError('internal', { detail: 'the hashing ended' }));
  };
  worker.on('error', gone);
  worker.on('exit', gone);
  return worker;
}

/** Joins the one thread that hashes, starting it if need be. */
export function joinHashThread(listener: (answer: Answer | ProviderError) => void): {
  id: number;
  post: (order: Order) => void;
  leave: () => void;
} {
  clearTimeout(lingering);
  thread ??= start();
  thread.ref();
  const worker = thread;
  const id = ++lastId;
  listeners.set(id, listener);
  return {
    id,
    post: (order) => worker.postMessage(order),
    leave: () => {
      if (!listeners.delete(id) || listeners.size > 0 || !thread) return;
      // nothing to do must not keep the process
      thread.unref();
      lingering = setTimeout(() => {
        const idle = thread;
        thread = undefined;
        unawaited(idle?.terminate());
      }, LINGER).unref();
    },
  };
}
