// npm run audit:shipped: what is known against the packages that are in what we ship. Those that are only used to build or
// test are not asked about. Exit code 0: nothing known; 1: something is; 2: it could not be found out.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ensureBuild, ensureDependencies, root } from './prepare.mjs';
import { isIn } from './third-party/ranges.mjs';
import { FOLDER } from './third-party/write.mjs';

const fail = (why) => {
  console.error(`Nothing was checked: ${why}`);
  process.exit(2);
};

ensureDependencies();
await ensureBuild();
const { components } = JSON.parse(fs.readFileSync(path.join(root, FOLDER, 'bom.cdx.json'), 'utf8'));
const versions = {};
for (const { name, version } of components) {
  versions[name] ??= [];
  versions[name].push(version);
}

// the registry that npm itself is set to
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const registry = execFileSync(npm, ['config', 'get', 'registry'], {
  encoding: 'utf8',
  cwd: root,
  shell: process.platform === 'win32',
}).trim();
const address = new URL('-/npm/v1/security/advisories/bulk', registry.endsWith('/') ? registry : `${registry}/`);

let answer;
try {
  answer = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(versions),
    signal: AbortSignal.timeout(60_000),
  });
} catch (error) {
  fail(`the registry cannot be reached (${error.cause?.code ?? error.name}).`);
}
if (!answer.ok)
  fail(`the registry refuses audits (${answer.status} ${answer.statusText}). Try it where npm audit works.`);
let advisories;
try {
  advisories = await answer.json();
} catch {
  fail('the registry answered with something that is no list of advisories.');
}

const known = [];
for (const [name, list] of Object.entries(advisories)) {
  for (const { severity, title, url, vulnerable_versions: range } of list) {
    for (const version of versions[name] ?? []) {
      if (isIn(version, range)) known.push(`${severity}: ${name} ${version}: ${title} (${range}) ${url}`);
    }
  }
}
for (const line of known.sort()) console.log(line);
console.log(`${components.length} packages are shipped. Advisories known against them: ${known.length}.`);
process.exitCode = known.length > 0 ? 1 : 0;
