import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { bundle } from '../../core/support/bundle.ts';
import { campus, restoreCampus } from '../campus.ts';
import { logOutEverywhere } from '../sip/kit.ts';
import type { Result } from './pair.ts';
import { isClean, soak } from './soak.ts';
import { WAYS } from './ways.ts';

// The short one of `npm run soak`: docs/reliability.md says what the long one found.

let program: string;
beforeAll(async () => {
  program = await bundle('electron/core/headless.ts');
  return () => fs.rmSync(path.dirname(program), { recursive: true, force: true });
}, 120_000);
afterEach(restoreCampus);

test('two people whose programs are killed while they write and send files lose and double nothing, and every mark and file is right, over every protocol', {
  timeout: 600_000,
}, async () => {
  for (const name of ['alice', 'bob', 'carol', 'dave']) await logOutEverywhere(name);
  const { results, complaints } = await soak({
    ways: WAYS,
    seed: 11,
    pace: { kills: 4, killsBetweenLooks: 2, patience: 120_000, endsAt: Number.POSITIVE_INFINITY },
    bundle: program,
    campus: campus(),
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
