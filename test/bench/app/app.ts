import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startTemporary } from '../../../campus/campus.mjs';
import { electronRuntime } from '../../../scripts/electron-runtime.mjs';
import { root } from '../../windows/program.ts';
import type { Row } from './figures.ts';
import { idle } from './idle.ts';
import { fillProfile } from './profile.ts';
import { starts } from './start.ts';
import { transfer } from './transfer.ts';

// The whole program beside an empty window of the same runtime and beside a plain copy, in one run: `npm run bench:app`.

const say = (words: string): void => console.error(words);

const SECTIONS = {
  start: { words: 'Starting, beside an empty window…', filled: true, measure: starts },
  idle: { words: 'Resting for a minute, then idle for one, beside an empty window…', filled: true, measure: idle },
  file: { words: 'A 200 MB file…', filled: false, measure: transfer },
};
export type Section = keyof typeof SECTIONS;
const isSection = (name: string): name is Section => Object.hasOwn(SECTIONS, name);

/** Runs all sections or those named, prints the table and, with `write`, puts it into docs/benchmarks.md. */
export async function run(names: readonly string[], write: boolean): Promise<void> {
  const unknown = names.find((name) => !isSection(name));
  if (unknown !== undefined) throw new Error(`no such section: ${unknown} (${Object.keys(SECTIONS).join(', ')})`);
  const chosen = Object.entries(SECTIONS).flatMap(([name, section]) =>
    names.length === 0 || names.includes(name) ? [section] : [],
  );
  const dataFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'aims-bench-'));
  const filled = chosen.some((section) => section.filled);
  const campus = filled ? await startTemporary() : undefined;
  const rows: Row[] = [];
  try {
    if (campus) {
      say('Filling a profile: 2 accounts, 200 contacts, 1,000,000 messages…');
      await fillProfile(path.join(dataFolder, 'profiles/bench'), campus.description);
    }
    for (const { words, measure } of chosen) {
      say(words);
      const told = rows.length;
      await measure(dataFolder, rows);
      for (const row of rows.slice(told))
        say(`  ${row.what}: ${row.aims} (${row.beside}; ratio ${row.ratio}, ${row.target})`);
    }
  } finally {
    await campus?.stop();
    fs.rmSync(dataFolder, { recursive: true, force: true });
  }
  const runtime = electronRuntime();
  const table = [
    `Measured ${new Date().toISOString().slice(0, 10)} on ${os.cpus().length} cores of ${os.cpus()[0]?.model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Electron ${runtime.version}, Xvfb without a graphics card. Medians of 7 starts, 3 memory readings, 5 files in turns with the plain copies; one run for the rest.`,
    '',
    '| what | AIMS | beside it | ratio | target |',
    '|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.what} | ${row.aims} | ${row.beside} | ${row.ratio} | ${row.target} |`),
  ].join('\n');
  console.log(table);
  if (!write) return;
  if (chosen.length < Object.keys(SECTIONS).length) throw new Error('only the whole table is kept');
  const document = path.join(root, 'docs/benchmarks.md');
  const text = fs.readFileSync(document, 'utf8');
  const marks = /(<!-- bench:app -->)[\s\S]*?(<!-- \/bench:app -->)/;
  fs.writeFileSync(document, text.replace(marks, `$1\n${table}\n$2`));
}
