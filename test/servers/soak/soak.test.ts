import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type CampusDescription, startTemporary } from '../../../campus/campus.mjs';
import { bundle } from '../../core/support/bundle.ts';
import type { Result } from './pair.ts';
import { isClean, soak } from './soak.ts';
import { WAYS } from './ways.ts';

// The short one of `npm run soak`: docs/reliability.md says what the long one found.

let program: string;
let campus: CampusDescription;
beforeAll(async () => {
  program = await bundle('electron/core/headless.ts');
  // servers of its own: what other tests left in an archive is nothing that these two wrote
  const { description, stop } = await startTemporary();
  campus = description;
  return async () => {
    await stop();
    fs.rmSync(path.dirname(program), { recursive: true, force: true });
  };
}, 240_000);

test('two people whose programs are killed while they write and send files lose and double nothing, and every mark and file is right, over every protocol', {
  timeout: 600_000,
}, async () => {
  const { results, complaints } = await soak({
    ways: WAYS,
    seed: 11,
    pace: { kills: 4, killsBetweenLooks: 2, patience: 120_000, endsAt: Number.POSITIVE_INFINITY },
    bundle: program,
    campus,
    onLook: () => undefined,
  });
  // docs/reliability.md: a text that the server kept may stand behind a newer one that overtook it there
  const isKeptLate = ({ way }: Result): boolean => way.startsWith('sip');
  const judged = results.map((result) =>
    isKeptLate(result) ? { ...result, faults: { ...result.faults, disordered: [] } } : result,
  );
  expect({ complaints, wrong: judged.filter((result) => !isClean(result)) }).toEqual({ complaints: [], wrong: [] });
  expect(results.map(({ kills }) => kills >= 4)).toEqual(WAYS.map(() => true));
});
