import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CampusDescription } from '../../../campus/campus.mjs';
import { seeded } from '../../seeded.ts';
import { type Pace, Pair, type Result } from './pair.ts';
import { prepareWay, type Way } from './ways.ts';

export interface SoakOptions {
  readonly ways: readonly Way[];
  readonly seed: number;
  /** For each way. */
  readonly pace: Pace;
  /** The headless program, one file. */
  readonly bundle: string;
  readonly campus: CampusDescription;
  readonly onLook: (result: Result) => void;
}

export interface SoakReport {
  readonly results: readonly Result[];
  /** What processes said that ended without a kill. */
  readonly complaints: readonly string[];
  /** The profiles, kept when something is wrong. */
  readonly folder: string;
}

export const isClean = ({ crashes, faults }: Result): boolean =>
  crashes === 0 && Object.values(faults).every((named) => named.length === 0);

/** Runs every way at the same time, as on a machine that has other things to do. */
export async function soak({ ways, seed, pace, bundle, campus, onLook }: SoakOptions): Promise<SoakReport> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'aims-soak-'));
  const complaints: string[] = [];
  const results = await Promise.all(
    ways.map(async (way, index) => {
      const random = seeded(seed * 100 + index);
      const { accounts, close } = await prepareWay(way, campus, random);
      const pair = new Pair(way, random, bundle, path.join(folder, way), accounts);
      try {
        return await pair.run(pace, onLook);
      } finally {
        complaints.push(...pair.complaints);
        await pair.stop();
        close();
      }
    }),
  );
  if (results.every(isClean)) fs.rmSync(folder, { recursive: true, force: true });
  return { results, complaints, folder };
}
