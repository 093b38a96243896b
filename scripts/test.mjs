// npm test: everything that must hold, alone on a fresh clone. Words after `--` go to vitest (`npm test -- --project unit`).
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { install } from '../campus/install.mjs';
import { ensureBuild, ensureDependencies, root } from './prepare.mjs';
import { noScreen, runWithDisplay } from './with-display.mjs';

ensureDependencies();

const bin = (name) => path.join(root, 'node_modules/.bin', process.platform === 'win32' ? `${name}.cmd` : name);
const run = (words) => {
  console.log(`> ${words.join(' ')}`);
  const { status } = spawnSync(words[0], words.slice(1), {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
};

const display = noScreen() ? ['display'] : [];
/** Projects that need packages of the distribution, by group. Without them the rest runs, and the reason is printed. */
const NEEDS = {
  servers: ['servers', 'peers'],
  'servers-xmpp': ['servers'],
  'servers-tls': ['servers'],
  windows: display,
  'campus-windows': ['servers', ...display],
};
const leftOut = [];
const projects = ['unit', 'renderer'];
for (const [project, groups] of Object.entries(NEEDS)) {
  const refused = groups.map((group) => install(group)).filter((result) => !result.ok);
  if (refused.length) leftOut.push({ project, refused });
  else projects.push(project);
}

const words = process.argv.slice(2);
if (!words.length) {
  run([bin('tsc'), '-b']);
  run(['npm', 'run', '-s', 'lint']);
}
await ensureBuild();

const results = path.join(root, 'out/test-results.json');
fs.rmSync(results, { force: true });
const chosen = words.some((word) => word.startsWith('--project'))
  ? []
  : projects.flatMap((name) => ['--project', name]);
const vitest = [
  bin('vitest'),
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${results}`,
  ...chosen,
  ...words,
];
const status = noScreen()
  ? await runWithDisplay(vitest, { keyring: true })
  : spawnSync(vitest[0], vitest.slice(1), { cwd: root, stdio: 'inherit' }).status;

if (fs.existsSync(results)) {
  const { numPassedTests, numFailedTests, numPendingTests, numTotalTestSuites } = JSON.parse(
    fs.readFileSync(results, 'utf8'),
  );
  console.log(`\n${numTotalTestSuites} suites`);
  console.log(
    `${numPassedTests} passed, ${numFailedTests} failed${numPendingTests ? `, ${numPendingTests} skipped` : ''}`,
  );
}
for (const { project, refused } of leftOut) {
  for (const { reason, missing, command } of refused) {
    console.log(`LEFT OUT: the ${project} tests. Missing: ${missing.join(' ')} (${reason}).`);
    if (command) console.log(`  To run them: ${command}`);
  }
}
process.exitCode = status || (leftOut.length && process.env.CI ? 1 : 0);
