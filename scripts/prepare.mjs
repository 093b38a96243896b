// What every command does first, so that it works alone on a fresh clone: dependencies, then the build. Node built-ins only.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');

/**
 * Whether npm's own note of what is installed (written at the end of an install) has each package of the lock file: a lock
 * file that only lists differently what is there already needs no network.
 */
function hasAllPackages() {
  const note = path.join(root, 'node_modules/.package-lock.json');
  if (!fs.existsSync(note)) return false;
  const installed = JSON.parse(fs.readFileSync(note, 'utf8')).packages;
  const wanted = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([name, { integrity, optional }]) =>
      name === '' || (installed[name] ? installed[name].integrity === integrity : optional === true),
  );
}

/** Installs what package-lock.json names, unless that very lock file is installed already. */
export function ensureDependencies() {
  const lock = createHash('sha256')
    .update(fs.readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = path.join(root, 'node_modules/.aims-lock');
  if ((fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === lock) || hasAllPackages()) return;
  console.error('Installing the dependencies (once, about a minute)…');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error('npm ci failed: check the network, then run the same command again.');
    process.exit(1);
  }
  fs.writeFileSync(stamp, lock);
}

const SOURCES = [
  'msrp',
  'protocols',
  'electron',
  'renderer',
  'assets',
  'scripts/vite.configs.mjs',
  'scripts/third-party',
  'package.json',
  'node_modules/.aims-lock',
];

function fingerprint() {
  const hash = createHash('sha256');
  const visit = (name) => {
    const stat = fs.statSync(path.join(root, name), { throwIfNoEntry: false });
    if (!stat) return;
    if (stat.isDirectory()) for (const entry of fs.readdirSync(path.join(root, name)).sort()) visit(`${name}/${entry}`);
    else hash.update(`${name} ${stat.size} ${stat.mtimeMs}\n`);
  };
  for (const name of SOURCES) visit(name);
  return hash.digest('hex');
}

/** Builds `out/` when a source is newer than it. One build at a time, also between processes. */
export async function ensureBuild() {
  const stamp = path.join(root, 'out/.stamp');
  const lock = path.join(root, 'node_modules/.aims-build');
  const now = fingerprint();
  const fresh = () => fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === now;
  if (fresh()) return;
  const giveUp = Date.now() + 120_000;
  for (;;) {
    try {
      fs.mkdirSync(lock);
      break;
    } catch {
      const age = Date.now() - (fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > 60_000 || Date.now() > giveUp)
        fs.rmSync(lock, { recursive: true, force: true }); // its builder died
      else await new Promise((tick) => setTimeout(tick, 200));
      if (fresh()) return;
    }
  }
  try {
    if (fresh()) return;
    const { build } = await import('vite');
    const { bundled, targets } = await import('./vite.configs.mjs');
    const { writeThirdParty } = await import('./third-party/write.mjs');
    fs.rmSync(stamp, { force: true });
    // for the build alone: tests that come after it want React's development half
    const before = process.env.NODE_ENV;
    process.env.NODE_ENV = 'production';
    await Promise.all(targets.map((target) => build(target)));
    writeThirdParty(root, bundled);
    if (before === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = before;
    fs.writeFileSync(stamp, now);
  } finally {
    fs.rmSync(lock, { recursive: true, force: true });
  }
}
