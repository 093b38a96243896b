// npm run bench:msrp: file to file over loopback, the MSRP library beside plain Node, each side in a process of its own.
//   --size BYTES     only this size          --only NAME   only this way, besides what it is compared with
//   --rounds N       rounds in one process   --write       puts the tables into docs/benchmarks.md
//   --sparse         a sparse file of 4 GB once, for the sake of memory
//   --small          messages of 200 bytes: how many a second, and how late beside a file
//   --sessions       instead of files: memory and shares of 1,000 sessions on one listener
import { execFileSync, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bundleMsrp } from '../../scripts/msrp-bundle.mjs';
import { root } from '../../scripts/prepare.mjs';
import { benchSessions } from './msrp-sessions.mjs';

const { values } = parseArgs({
  options: {
    size: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    write: { type: 'boolean', default: false },
    sparse: { type: 'boolean', default: false },
    small: { type: 'boolean', default: false },
    sessions: { type: 'boolean', default: false },
  },
});
if (values.sessions) process.exit((await benchSessions()) ? 0 : 1);
/** The largest file of the thesis that msrp-java comes from. */
const LARGEST = 243_809_310;
const SPARSE = 4_294_967_296 + 1;
const SIZES = values.size ? [Number(values.size)] : [300_000, 1_000_000, 5_000_000, 20_000_000, LARGEST];
const WAYS = [
  { name: 'fs pipe', method: 'pipe' },
  { name: 'fastest plain', method: 'fastest' },
  { name: 'MSRP whole', method: 'msrp', chunking: 'whole', against: 'fastest plain', target: 0.75 },
  { name: 'MSRP 64 KiB', method: 'msrp', chunking: 65_536, against: 'fastest plain', target: 0.6 },
  { name: 'MSRP 2 KiB', method: 'msrp', chunking: 2048, against: 'fastest plain', target: 0.15 },
  { name: 'fastest plain TLS', method: 'fastest', tls: true },
  { name: 'MSRP whole TLS', method: 'msrp', chunking: 'whole', tls: true, against: 'fastest plain TLS', target: 0.8 },
];
const wanted = WAYS.find(({ name }) => name === values.only);
const ways = wanted ? WAYS.filter(({ name }) => name === wanted.name || name === wanted.against) : WAYS;
const msrpWays = ways.filter(({ method }) => method === 'msrp');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'msrp-bench-'));
const sha256 = (file) => {
  const hash = createHash('sha256');
  const fd = fs.openSync(file);
  const buffer = Buffer.allocUnsafe(1_048_576);
  for (let length = 1; length > 0; ) {
    length = fs.readSync(fd, buffer, 0, buffer.length, null);
    hash.update(buffer.subarray(0, length));
  }
  fs.closeSync(fd);
  return hash.digest('hex');
};

function makeSparseFile(size) {
  const file = path.join(folder, 'sparse');
  fs.writeFileSync(file, '');
  fs.truncateSync(file, size);
  return file;
}

function makeFile(size) {
  const file = path.join(folder, `in-${size}`);
  const fd = fs.openSync(file, 'w');
  for (let left = size; left > 0; left -= 1_048_576) {
    fs.writeSync(fd, crypto.getRandomValues(new Uint8Array(Math.min(left, 65_536))));
    left += 1_048_576 - 65_536;
  }
  fs.ftruncateSync(fd, size);
  fs.closeSync(fd);
  return file;
}

function makeIdentity() {
  const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  const command = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost';
  execFileSync('openssl', [...command.split(' '), '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { cert: fs.readFileSync(cert, 'utf8'), key: fs.readFileSync(key, 'utf8') };
}

/** A worker, and a way to wait for what it says. */
function worker() {
  const child = fork(path.join(import.meta.dirname, 'msrp-worker.mjs'), { execArgv: process.execArgv });
  const seen = [];
  const waiting = [];
  child.on('message', (message) => {
    const index = waiting.findIndex(({ type }) => type === message.type);
    if (index < 0) seen.push(message);
    else waiting.splice(index, 1)[0].resolve(message);
  });
  child.on('exit', (code) => {
    if (code !== 0) throw new Error(`a worker ended with ${code}`);
  });
  return {
    tell: (message) => child.send(message),
    heard(type) {
      const index = seen.findIndex((message) => message.type === type);
      if (index >= 0) return Promise.resolve(seen.splice(index, 1)[0]);
      return new Promise((resolve) => waiting.push({ type, resolve }));
    },
  };
}

/** Two processes that are joined and ready for any number of rounds. */
async function begin(way, context) {
  const options = { chunking: way.chunking, bundle: context.bundle, ...(way.tls && { tls: context.identity }) };
  const [sender, receiver] = [worker(), worker()];
  // plain: the receiver connects to the sender; MSRP: the sender to the receiver
  const [first, second] = way.method === 'msrp' ? [receiver, sender] : [sender, receiver];
  const role = (side) => (side === sender ? 'send' : 'receive');
  first.tell({ type: 'start', role: role(first), method: way.method, options });
  const { address } = await first.heard('ready');
  second.tell({
    type: 'start',
    role: role(second),
    method: way.method,
    options: { ...options, address, port: address },
  });
  await Promise.all([second.heard('ready'), first.heard('joined')]);
  return { way, sender, receiver, seconds: [], cpu: [] };
}

async function round({ way, sender, receiver, seconds, cpu }, file, size, expected) {
  const out = path.join(folder, 'out');
  // throwing away what was there before is no part of a copy
  fs.rmSync(out, { force: true });
  receiver.tell({ type: 'round', role: 'receive', file: out, size });
  await receiver.heard('armed');
  sender.tell({ type: 'round', role: 'send', file });
  seconds.push((await sender.heard('sent')).seconds);
  for (const side of [sender, receiver]) side.tell({ type: 'used' });
  cpu.push((await Promise.all([sender.heard('used'), receiver.heard('used')])).map((used) => used.cpu));
  if (sha256(out) !== expected) throw new Error(`${way.name}: the copy differs`);
}

async function finish({ sender, receiver, seconds, cpu }) {
  for (const side of [sender, receiver]) side.tell({ type: 'finish' });
  const [sent, received] = await Promise.all([sender.heard('finished'), receiver.heard('finished')]);
  return {
    cold: seconds[0],
    warm: seconds.slice(1),
    peaks: [sent.peak, received.peak],
    cpu: cpu.slice(1),
  };
}

const sum = ([a, b]) => a + b;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
/** The median of what each round was against the round of the other way in the same turn. */
const ratio = (theirs, ours) => median(ours.map((value, turn) => theirs[turn] / value)).toFixed(2);
const milliseconds = (value) => (value < 0.1 ? `${(value * 1000).toFixed(1)} ms` : `${value.toFixed(3)} s`);
const peaksOf = ({ peaks }) => peaks.map((peak) => (peak / 1e6).toFixed(0)).join('/');
const lines = [];
const say = (line) => {
  lines.push(line);
  console.log(line);
};

async function compare(context) {
  say(
    '| bytes | way | cold | warm | MB/s warm | ratio | CPU ratio | wanted | peak MB send/receive | CPU ms send/receive |',
  );
  say('|---|---|---|---|---|---|---|---|---|---|');
  for (const size of SIZES) {
    const file = makeFile(size);
    const expected = sha256(file);
    const results = new Map();
    const pairs = [];
    for (const way of ways) pairs.push(await begin(way, context));
    // in turns, so that whatever else the machine does meets all of them
    for (let i = 0; i < Number(values.rounds); i++) {
      for (const pair of pairs) await round(pair, file, size, expected);
    }
    for (const pair of pairs) {
      const { way } = pair;
      const result = await finish(pair);
      results.set(way.name, result);
      const base = results.get(way.against);
      const row = [
        size.toLocaleString('en'),
        way.name,
        milliseconds(result.cold),
        milliseconds(median(result.warm)),
        (size / 1e6 / median(result.warm)).toFixed(0),
        base ? ratio(base.warm, result.warm) : '',
        base ? ratio(base.cpu.map(sum), result.cpu.map(sum)) : '',
        way.target && size === LARGEST ? way.target : '',
        peaksOf(result),
        [0, 1].map((side) => (median(result.cpu.map((used) => used[side])) * 1000).toFixed(0)).join('/'),
      ];
      say(`| ${row.join(' | ')} |`);
    }
    fs.rmSync(file);
  }
}

/** A file larger than all memory that may be used for it. */
async function large(context) {
  say('\n| bytes | way | time | MB/s | peak MB send/receive |\n|---|---|---|---|---|');
  const file = makeSparseFile(SPARSE);
  const expected = sha256(file);
  for (const way of msrpWays) {
    const pair = await begin(way, context);
    await round(pair, file, SPARSE, expected);
    const result = await finish(pair);
    const speed = (SPARSE / 1e6 / result.cold).toFixed(0);
    say(
      `| ${SPARSE.toLocaleString('en')} | ${way.name} | ${milliseconds(result.cold)} | ${speed} | ${peaksOf(result)} |`,
    );
  }
  fs.rmSync(file);
}

const MESSAGES = 20_000;
const FILES_BESIDE = 4;
const percentile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

/** Messages of 200 bytes: one after the other as fast as they go, and beside a file on the same connection. */
async function small(context) {
  say(
    '\n| messages of 200 bytes | a second, each answered | beside a file: p50 | p99 | longest | of |\n|---|---|---|---|---|---|',
  );
  const file = makeFile(LARGEST);
  for (const way of msrpWays) {
    const pair = await begin(way, context);
    const { sender, receiver } = pair;
    const rates = [];
    for (let i = 0; i < 2; i++) {
      sender.tell({ type: 'messages', count: MESSAGES });
      rates.push(MESSAGES / (await sender.heard('messages')).seconds);
    }
    receiver.tell({ type: 'delays' });
    await receiver.heard('delays');
    for (let i = 0; i < FILES_BESIDE; i++) {
      const out = path.join(folder, 'out');
      fs.rmSync(out, { force: true });
      receiver.tell({ type: 'round', role: 'receive', file: out });
      await receiver.heard('armed');
      sender.tell({ type: 'mixed', file });
      await sender.heard('mixed');
    }
    receiver.tell({ type: 'delays' });
    const delays = (await receiver.heard('delays')).delays.sort((a, b) => a - b);
    await finish(pair);
    const row = [
      `file as ${way.name}`,
      Math.max(...rates).toFixed(0),
      ...[percentile(delays, 0.5), percentile(delays, 0.99), delays.at(-1)].map((delay) => `${delay.toFixed(1)} ms`),
      delays.length,
    ];
    say(`| ${row.join(' | ')} |`);
  }
  fs.rmSync(file);
}

/** Puts a table into docs/benchmarks.md, between its marks. */
function write(mark, table) {
  const machine = `${os.cpus().length} cores (${os.cpus()[0]?.model.trim()}), ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Node ${process.version}`;
  const load = os.loadavg()[0]?.toFixed(1);
  const file = path.join(root, 'docs/benchmarks.md');
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const old = fs.readFileSync(file, 'utf8');
  const made = `${begin}\nMeasured ${new Date().toISOString().slice(0, 10)} on ${machine}; load at the end ${load}.\n\n${table}\n${end}`;
  fs.writeFileSync(
    file,
    old.replace(new RegExp(`${begin}[^]*${end}`), () => made),
  );
}

try {
  const context = { bundle: await bundleMsrp('index'), identity: makeIdentity() };
  const chosen = [
    { wanted: !values.sparse && !values.small, run: compare, mark: 'msrp' },
    { wanted: values.small, run: small, mark: 'msrp-small' },
    { wanted: values.sparse, run: large, mark: 'msrp-large' },
  ];
  for (const { wanted, run, mark } of chosen) {
    if (!wanted) continue;
    await run(context);
    const table = lines.splice(0).join('\n').trim();
    if (values.write) write(mark, table);
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
