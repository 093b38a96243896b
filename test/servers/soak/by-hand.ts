import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startTemporary } from '../../../campus/campus.mjs';
import { bundle } from '../../core/support/bundle.ts';
import type { Result } from './pair.ts';
import { isClean, soak } from './soak.ts';
import { FAULTS } from './verdict.ts';
import { WAYS, type Way } from './ways.ts';

const DOCUMENT = path.join(import.meta.dirname, '../../../docs/reliability.md');
const PATIENCE = 180_000;

export interface SoakWords {
  readonly kills: number;
  readonly minutes: number;
  readonly seed: number;
  readonly ways: string;
  readonly write: boolean;
}

const HEAD = ['way', 'kills', 'texts', 'files', 'crashes', ...FAULTS];
const cells = ({ way, kills, texts, files, crashes, faults }: Result) => [
  way,
  kills,
  texts,
  files,
  crashes,
  ...FAULTS.map((fault) => faults[fault].length),
];
const row = (values: readonly (string | number)[]): string => `| ${values.join(' | ')} |`;

/** `npm run soak`: so many kills over all ways, a table at the end; answers whether every fault column is zero. */
export async function run({ kills, minutes, seed, ways: words, write }: SoakWords): Promise<boolean> {
  const ways = WAYS.filter((way) => words === '' || words.split(',').includes(way)) as Way[];
  const { description: campus, stop } = await startTemporary();
  const program = await bundle('electron/core/headless.ts');
  try {
    const { results, complaints, folder } = await soak({
      ways,
      seed,
      bundle: program,
      campus,
      pace: {
        kills: Math.ceil(kills / ways.length),
        killsBetweenLooks: 6,
        patience: PATIENCE,
        endsAt: Date.now() + minutes * 60_000,
      },
      onLook: (result) => console.log(row(cells(result))),
    });
    const table = [row(HEAD), row(HEAD.map(() => '---')), ...results.map((result) => row(cells(result)))].join('\n');
    console.log(`\n${table}`);
    for (const { way, faults } of results)
      for (const fault of FAULTS) for (const name of faults[fault]) console.error(`${way}: ${fault}: ${name}`);
    for (const complaint of complaints) console.error(complaint);
    const clean = results.every(isClean);
    if (!clean) console.error(`The profiles are kept in ${folder}.`);
    if (write) keep(table, seed);
    return clean;
  } finally {
    fs.rmSync(path.dirname(program), { recursive: true, force: true });
    await stop();
  }
}

function keep(table: string, seed: number): void {
  const [begin, end] = ['<!-- soak -->', '<!-- /soak -->'];
  const machine = `${os.cpus().length} cores of ${os.cpus()[0]?.model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Node ${process.version}`;
  const facts = `Run ${new Date().toISOString().slice(0, 10)} with seed ${seed} on ${machine}.`;
  const text = fs.readFileSync(DOCUMENT, 'utf8');
  fs.writeFileSync(
    DOCUMENT,
    text.replace(new RegExp(`${begin}[^]*${end}`), () => `${begin}\n${facts}\n\n${table}\n${end}`),
  );
}
