// Writes msrp/api.txt: everything a program that uses the MSRP library can see, so that a change of it is seen in review.
//   --check   only says whether it is up to date
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './prepare.mjs';

const out = fs.mkdtempSync(path.join(os.tmpdir(), 'msrp-api-'));
try {
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  const options = [
    '--noEmit',
    'false',
    '--declaration',
    '--emitDeclarationOnly',
    '--incremental',
    'false',
    '--outDir',
    out,
  ];
  const { status, stdout } = spawnSync(tsc, ['-p', path.join(root, 'msrp'), ...options], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout);
  const index = fs.readFileSync(path.join(root, 'msrp/index.ts'), 'utf8');
  const files = [...index.matchAll(/from '\.\/(.*)\.ts';/g)].map(([, name]) => name).sort();
  const sections = files.map((name) => {
    const text = fs.readFileSync(path.join(out, `${name}.d.ts`), 'utf8');
    return `// ${name}\n${text.replace(/^import .*\n/gm, '').trim()}\n`;
  });
  const report = `${index.trim()}\n\n${sections.join('\n')}`;
  const file = path.join(root, 'msrp/api.txt');
  if (!process.argv.includes('--check')) {
    fs.writeFileSync(file, report);
  } else if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== report) {
    console.error('msrp/api.txt is out of date: run node scripts/msrp-api.mjs and look at what changed');
    process.exitCode = 1;
  }
} finally {
  fs.rmSync(out, { recursive: true });
}
