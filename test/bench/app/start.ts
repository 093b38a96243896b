import path from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { developmentSwitches, electronRuntime } from '../../../scripts/electron-runtime.mjs';
import { root } from '../../windows/program.ts';
import { CONTACTS, median, pause, type Row } from './figures.ts';
import { proportionalMemory } from './processes.ts';

/** The program with the filled profile, and the least a window can be. */
export const program = (dataFolder: string): string[] => [
  root,
  `--data-folder=${dataFolder}`,
  '--profile=bench',
  '--loopback-only',
];
export const emptyWindow = [path.join(root, 'scripts/empty-window')];

const STARTS = 7;
const MEMORY_READINGS = 3;

interface Started {
  app: ElectronApplication;
  page: Page;
  /** ms from before exec to the first paint and, for the program, to the usable list. */
  firstPaint: number;
  list: number;
}

export async function start(args: string[], usable: boolean): Promise<Started> {
  const before = Date.now();
  const app = await _electron.launch({
    executablePath: electronRuntime().executable,
    args: [...developmentSwitches(), ...args],
    env: process.env as Record<string, string>,
  });
  const page = await app.firstWindow();
  if (usable) await page.getByText('Student Number', { exact: false }).first().waitFor();
  const at = await page.evaluate(
    async (mark) => {
      const read = (name: string): number | undefined => performance.getEntriesByName(name)[0]?.startTime;
      for (let frame = 0; frame < 600; frame++) {
        const paint = read('first-contentful-paint');
        const list = mark ? read(mark) : paint;
        if (paint !== undefined && list !== undefined)
          return [performance.timeOrigin + paint, performance.timeOrigin + list];
        await new Promise(requestAnimationFrame);
      }
      throw new Error('nothing was painted');
    },
    usable ? 'aims:list' : '',
  );
  return { app, page, firstPaint: (at[0] as number) - before, list: (at[1] as number) - before };
}

/** From exec to a list of contacts one can use, and the memory four seconds later; in turns with an empty window. */
export async function starts(dataFolder: string, rows: Row[]): Promise<void> {
  const figures = { empty: [] as number[], list: [] as number[], emptyMemory: [] as number[], memory: [] as number[] };
  for (let n = 0; n <= STARTS; n++) {
    for (const own of [false, true]) {
      const started = await start(own ? program(dataFolder) : emptyWindow, own);
      // the first of each warms the disk cache and is not counted
      if (n > 0) (own ? figures.list : figures.empty).push(own ? started.list : started.firstPaint);
      if (n > 0 && n <= MEMORY_READINGS) {
        await pause(4);
        const memory = proportionalMemory(started.app.process().pid as number);
        (own ? figures.memory : figures.emptyMemory).push(memory);
      }
      await started.app.close();
    }
  }
  const [list, empties, memory, emptyMemory] = [figures.list, figures.empty, figures.memory, figures.emptyMemory].map(
    median,
  ) as [number, number, number, number];
  rows.push({
    what: `start to a usable list of ${CONTACTS} contacts`,
    aims: `${list.toFixed(0)} ms`,
    beside: `${empties.toFixed(0)} ms to the first paint of an empty window`,
    ratio: (list / empties).toFixed(2),
    target: 'at most 1.6',
  });
  rows.push({
    what: 'proportional memory (PSS), a million messages stored',
    aims: `${memory.toFixed(0)} MiB`,
    beside: `${emptyMemory.toFixed(0)} MiB, empty window`,
    ratio: (memory / emptyMemory).toFixed(2),
    target: 'at most 1.5',
  });
}
