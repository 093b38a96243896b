import fs from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { electronRuntime } from '../../../scripts/electron-runtime.mjs';
import { downloads, openTalk, sendFiles, writeFile } from '../../windows/people.ts';
import { joinThisNetwork, type Program, startProgram } from '../../windows/program.ts';
import { MEBIBYTE, median, pause, type Row } from './figures.ts';
import { plainCopy } from './plain-copy.ts';

const FILE = 200 * MEBIBYTE;
const ROUNDS = 5;
/** Of a fast typist. */
const KEYS_A_SECOND = 12;

interface Window {
  blocked: number[];
}

/** Notes every task of the page that holds the window longer than 50 ms, while `work` runs; tells the longest, or 0. */
async function longestBlock(page: Page, work: () => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    const blocked: number[] = [];
    Object.assign(window, { blocked });
    new PerformanceObserver((list) => blocked.push(...list.getEntries().map((entry) => entry.duration))).observe({
      entryTypes: ['longtask'],
    });
  });
  await work();
  return page.evaluate(() => Math.max(0, ...(window as unknown as Window).blocked));
}

/** One file from one program to the other; seconds from the click on Accept to the file under its name. */
async function overAims(ana: Program, rui: Program, file: string): Promise<{ seconds: number; blocked: number }> {
  const name = path.basename(file);
  await sendFiles(ana, [file]);
  const accept = rui.page.getByRole('button', { name: `Accept ${name}` }).first();
  await accept.waitFor();
  const box = ana.page.getByRole('textbox', { name: 'Message' });
  await box.focus();
  const target = downloads(rui, name);
  let seconds = 0;
  const blocked = await longestBlock(ana.page, async () => {
    const started = performance.now();
    const arrived = (async () => {
      while (!fs.existsSync(target)) await pause(0.005);
      seconds = (performance.now() - started) / 1000;
    })();
    await accept.click();
    while (seconds === 0) await ana.page.keyboard.type('a word ', { delay: 1000 / KEYS_A_SECOND });
    await arrived;
  });
  await box.fill('');
  if (fs.statSync(target).size !== FILE) throw new Error(`${name} is not whole`);
  fs.rmSync(target);
  return { seconds, blocked };
}

/**
 * A large file between two running programs while somebody types, in turns with a plain copy, and with one that does what
 * the program does besides: hash what came, and have it on the disk itself.
 */
export async function transfer(dataFolder: string, rows: Row[]): Promise<void> {
  const copy = path.join(dataFolder, 'copy.bin');
  const [ana, rui] = await Promise.all([
    startProgram({ dataFolder, profile: 'ana' }),
    startProgram({ dataFolder, profile: 'rui' }),
  ]);
  // another program may run on this machine, under the usual names
  const [anaName, ruiName] = [`Ana ${process.pid}`, `Rui ${process.pid}`];
  await Promise.all([joinThisNetwork(ana, anaName), joinThisNetwork(rui, ruiName)]);
  await Promise.all([openTalk(ana, ruiName), openTalk(rui, anaName)]);
  const seconds = { plain: [] as number[], checked: [] as number[], aims: [] as number[] };
  const blocks: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const file = writeFile(dataFolder, `big-${round}.bin`, FILE);
    seconds.plain.push(await plainCopy(file, copy, {}));
    seconds.checked.push(await plainCopy(file, copy, { checked: true, executable: electronRuntime().executable }));
    const own = await overAims(ana, rui, file);
    seconds.aims.push(own.seconds);
    blocks.push(own.blocked);
    fs.rmSync(file);
  }
  await Promise.all([ana.close(), rui.close()]);
  const speed = (figures: number[]): number => FILE / MEBIBYTE / median(figures);
  const aims = speed(seconds.aims);
  const besides = [
    ['plain Node fs → socket → fs', speed(seconds.plain), 'at least 0.5'],
    ["the same with SHA-256 and fsync, by the program's own runtime", speed(seconds.checked), '–'],
  ] as const;
  for (const [name, beside, target] of besides) {
    rows.push({
      what: 'a 200 MB file between two running programs, from the click on Accept to the verified file',
      aims: `${aims.toFixed(0)} MiB/s`,
      beside: `${beside.toFixed(0)} MiB/s, ${name}`,
      ratio: (aims / beside).toFixed(2),
      target,
    });
  }
  const blocked = Math.max(...blocks);
  rows.push({
    what: `longest block of the window in ${ROUNDS} such files, while typing ${KEYS_A_SECOND} keys a second`,
    aims: blocked === 0 ? 'below 50 ms' : `${blocked.toFixed(0)} ms`,
    beside: '–',
    ratio: '–',
    target: 'at most 50 ms',
  });
}
