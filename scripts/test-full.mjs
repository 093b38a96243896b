// npm run test:full: the whole matrix, seeded and in parts, each of which can be run alone:
//   --seed S      the same choices again; without it one is made up and told
//   --part A,B    of checks, unit, renderer, servers, windows, soak; default all
//   --write       puts the table into docs/reliability.md
// `npm test` takes a sample of each kind; what the two try is in test/extent.ts.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './prepare.mjs';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 999_999)) },
    part: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
});
const { seed } = values;
const npm = (...words) => [process.platform === 'win32' ? 'npm.cmd' : 'npm', ...words];
const projects = (...names) => npm('test', '--', ...names.flatMap((name) => ['--project', name]));

/** What is run, in this order: what fails soonest first. */
const PARTS = {
  checks: [npm('run', '-s', 'typecheck'), npm('run', '-s', 'lint')],
  unit: [projects('unit')],
  renderer: [projects('renderer')],
  servers: [projects('servers', 'servers-xmpp', 'servers-tls')],
  windows: [projects('windows', 'campus-windows')],
  soak: [npm('run', '-s', 'soak', '--', '--seed', seed, '--kills', '120', '--minutes', '20')],
};

const chosen = values.part === '' ? Object.keys(PARTS) : values.part.split(',');
const unknown = chosen.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0 || !/^\d{1,9}$/.test(seed)) {
  console.error(unknown.length > 0 ? `no such part: ${unknown.join(', ')}` : '--seed is a number');
  process.exit(2);
}

console.log(`The whole matrix, with seed ${seed}. The same again: npm run test:full -- --seed ${seed}`);
const env = { ...process.env, AIMS_TEST_EXTENT: 'full', AIMS_TEST_SEED: seed };
const results = [];
for (const name of chosen) {
  const began = Date.now();
  // all of a part, and all parts: a first failure does not hide a second one
  const failed = PARTS[name].filter((words) => {
    console.log(`\n> ${name}: ${words.join(' ')}`);
    const shell = process.platform === 'win32';
    return spawnSync(words[0], words.slice(1), { cwd: root, env, stdio: 'inherit', shell }).status !== 0;
  });
  results.push({ name, minutes: (Date.now() - began) / 60_000, passed: failed.length === 0 });
}

const row = (cells) => `| ${cells.join(' | ')} |`;
const table = [
  row(['part', 'minutes', 'result']),
  row(['---', '---', '---']),
  ...results.map(({ name, minutes, passed }) => row([name, minutes.toFixed(1), passed ? 'passed' : 'FAILED'])),
].join('\n');
const total = results.reduce((sum, { minutes }) => sum + minutes, 0);
console.log(`\n${table}\n\n${total.toFixed(1)} minutes, seed ${seed}`);
for (const { name, passed } of results) {
  if (!passed) console.log(`again: npm run test:full -- --part ${name} --seed ${seed}`);
}

if (values.write) {
  const file = path.join(root, 'docs/reliability.md');
  const [cpu] = os.cpus();
  const machine = `${os.availableParallelism()} cores of ${cpu?.model.trim() ?? 'unknown'}, Node ${process.version}`;
  const said = `Run ${new Date().toISOString().slice(0, 10)} with seed ${seed} on ${machine}: ${total.toFixed(1)} minutes.`;
  const text = fs.readFileSync(file, 'utf8');
  const between = /<!-- full -->[\s\S]*<!-- \/full -->/;
  fs.writeFileSync(
    file,
    text.replace(between, () => `<!-- full -->\n${said}\n\n${table}\n<!-- /full -->`),
  );
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
