// npm run bench:msrp -- --sessions: many sessions on one listener, what each of them costs while nobody uses it, and
// whether all get their share when all send at once. Listener and openers are processes of their own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';
import { bundleMsrp } from '../../scripts/msrp-bundle.mjs';

const COUNT = 1000;
/** Bytes every session must have sent before shares are compared. */
const LEAST = 524_288;
/** Bytes an idle session may cost. */
const MOST = 20_000;
const WAYS = [
  { name: 'all on one connection', connections: 1 },
  { name: 'each on its own', connections: COUNT },
];

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc');

/** Bytes in use, with the memory buffers have outside of the heap. */
async function used() {
  // what is closing needs a few turns to be gone
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function library(bundle) {
  return createRequire(import.meta.url)(bundle);
}

/** The one side: a listener with all its sessions. */
async function listen({ bundle }) {
  const { MsrpEndpoint } = library(bundle);
  const endpoint = new MsrpEndpoint();
  const listener = await endpoint.listen({ host: '127.0.0.1' });
  const before = await used();
  const received = new Float64Array(COUNT);
  const sessions = Array.from({ length: COUNT }, (_, index) => {
    const sink = {
      write(bytes) {
        received[index] += bytes.length;
      },
      close: async () => undefined,
      abort: async () => undefined,
    };
    return endpoint.createSession({ listener, accept: () => ({ sink }) });
  });
  const bound = Promise.all(sessions.map((session) => session.start({ role: 'passive' })));
  process.send({ type: 'listening', paths: sessions.map(({ localPath }) => localPath) });
  await bound;
  process.send({ type: 'bound', bytes: ((await used()) - before) / COUNT, connections: endpoint.connectionCount });
  await new Promise((resolve) => {
    const look = () => {
      if (Math.min(...received) >= LEAST) resolve();
      else setTimeout(look, 5);
    };
    look();
  });
  process.send({ type: 'shares', least: Math.min(...received), most: Math.max(...received) });
}

/** The other side: as many sessions, over one connection or one each. */
async function open({ bundle, paths, connections }) {
  const { MsrpEndpoint } = library(bundle);
  const before = await used();
  const endpoints = Array.from({ length: connections }, () => new MsrpEndpoint());
  const sessions = [];
  for (const [index, remotePath] of paths.entries()) {
    const endpoint = endpoints[index % connections];
    const session = endpoint.createSession({ host: '127.0.0.1', accept: () => ({ refuse: 413 }) });
    await session.start({ remotePath, role: 'active' });
    sessions.push(session);
  }
  process.send({ type: 'opened', bytes: ((await used()) - before) / COUNT });
  await once(process, 'message');
  const endless = () => ({
    size: Number.MAX_SAFE_INTEGER,
    read: async (buffer) => buffer.fill(0x78).length,
    close: async () => undefined,
  });
  for (const session of sessions) session.send({ contentType: 'application/octet-stream', body: endless() });
}

/** A worker, and a way to wait for what it says. */
function worker(task) {
  const child = fork(fileURLToPath(import.meta.url), ['worker']);
  child.send(task);
  const heard = new Map();
  const of = (type) => {
    if (!heard.has(type)) {
      let resolve;
      const promise = new Promise((settle) => {
        resolve = settle;
      });
      heard.set(type, { promise, resolve });
    }
    return heard.get(type);
  };
  child.on('message', (message) => of(message.type).resolve(message));
  return { child, heard: (type) => of(type).promise };
}

/** Measures all ways; says whether all is as it should be. */
export async function benchSessions() {
  const bundle = await bundleMsrp('index');
  let good = true;
  console.log('| sessions | connections | KB each, listening side | KB each, opening side | least share / largest |');
  console.log('|---|---|---|---|---|');
  for (const { name, connections } of WAYS) {
    const listening = worker({ role: 'listen', bundle });
    const { paths } = await listening.heard('listening');
    const opening = worker({ role: 'open', bundle, paths, connections });
    const [opened, bound] = await Promise.all([opening.heard('opened'), listening.heard('bound')]);
    opening.child.send('go');
    const { least, most } = await listening.heard('shares');
    const share = least / most;
    // where each has a connection, it has an endpoint on the opening side, too, and the system deals out the shares
    good &&= bound.bytes < MOST && (connections > 1 || (opened.bytes < MOST && share >= 0.9));
    const kilobytes = [bound, opened].map(({ bytes }) => (bytes / 1000).toFixed(1));
    console.log(`| ${COUNT}, ${name} | ${bound.connections} | ${kilobytes.join(' | ')} | ${share.toFixed(3)} |`);
    for (const { child } of [opening, listening]) {
      child.kill();
      await once(child, 'exit');
    }
  }
  if (!good) console.error(`An idle session must cost less than ${MOST} bytes, and no share be below 0.9 of another`);
  return good;
}

if (process.argv[2] === 'worker') {
  const [task] = await once(process, 'message');
  await (task.role === 'listen' ? listen(task) : open(task));
}
