import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCore } from '../../../electron/core/core.ts';
import { CoreHost } from '../../../electron/core/core-host.ts';
import { salvage } from '../../../electron/core/store/damage/salvage.ts';
import { ProfileFiles } from '../../../electron/core/store/profile-files.ts';
import { atOnce, inTurns, type Steps } from '../../../electron/core/store/steps.ts';
import { TestProfile } from '../support/core.ts';

describe('work in steps', () => {
  function* counting(told: string[], end = 3): Steps<number> {
    for (let step = 1; step <= end; step++) {
      told.push(`step ${step}`);
      yield;
    }
    return end;
  }

  it('lets everything else have its turn between them', async () => {
    const told: string[] = [];
    const other = (count: number): void => {
      told.push(`other ${count}`);
      if (count < 3) setImmediate(() => other(count + 1));
    };
    setImmediate(() => other(1));
    expect(await inTurns(counting(told), undefined, 0)).toBe(3);
    expect(told).toEqual(['step 1', 'other 1', 'step 2', 'other 2', 'step 3', 'other 3']);
  });

  it('is the same work at once', () => {
    const told: string[] = [];
    expect(atOnce(counting(told))).toBe(3);
    expect(told).toHaveLength(3);
  });

  it('is given up between two steps when somebody leaves, and lets go of what it holds', async () => {
    const told: string[] = [];
    const leaving = new AbortController();
    function* holding(): Steps<void> {
      try {
        yield* counting(told, 1_000_000);
      } finally {
        told.push('let go');
      }
    }
    setImmediate(() => setImmediate(() => leaving.abort()));
    await expect(inTurns(holding(), leaving.signal, 0)).rejects.toThrow('given up');
    expect(told.at(-1)).toBe('let go');
    expect(told.length).toBeLessThan(10);
  });

  it('ends as it failed, either way', async () => {
    function* failing(): Steps<void> {
      yield;
      throw new Error('no');
    }
    await expect(inTurns(failing(), undefined, 0)).rejects.toThrow('no');
    expect(() => atOnce(failing())).toThrow('no');
  });
});

it('a salvage that was given up goes on at the next start as if it had just begun', async () => {
  const profile = new TestProfile();
  await profile.start();
  const { provider } = await profile.withTalk();
  for (let number = 0; number < 50; number++) provider.receive({ text: `text ${number}` });
  await profile.stop();
  const key = profile.shell.secrets.get('database-key') ?? '';
  const files = new ProfileFiles(profile.folder);
  const place = path.join(profile.folder, 'aims-damaged-now.db');
  const journal = () => JSON.parse(fs.readFileSync(`${files.database}.salvage`, 'utf8'));
  const steps = salvage(files, key, place, 0);
  while (!steps.next().done && journal().under !== 'people');
  steps.return(undefined as never);
  expect(journal()).toEqual({ place, deadly: [], under: null });
  await profile.start();
  const { notices, talks } = await profile.snapshot();
  expect(notices).toMatchObject([{ code: 'database-salvaged', saved: 50, lost: 0, detail: place }]);
  expect(talks).toHaveLength(1);
});

it('a window is told that something is being saved of a damaged database, and served when that is done', async () => {
  const profile = new TestProfile();
  await profile.start();
  const { provider } = await profile.withTalk();
  for (let number = 0; number < 50; number++) provider.receive({ text: `text ${number}` });
  await profile.stop();
  const file = path.join(profile.folder, 'aims.db');
  const bytes = fs.readFileSync(file);
  bytes.fill(0x5a, 0, 4096);
  fs.writeFileSync(file, bytes);
  const host = new CoreHost(
    (told, opening) => createCore({ ...profile.parts(opening), ...told }),
    () => undefined,
  );
  const salvaging = { ok: false, fault: { code: 'database-salvaging', retryable: true } };
  // whoever waits already, and whoever comes now
  const waiting = host.call('app.snapshot', {});
  expect(await waiting).toEqual(salvaging);
  await expect.poll(async () => (await host.call('app.snapshot', {})).ok, { timeout: 60_000 }).toBe(true);
  expect(await host.call('app.snapshot', {})).toMatchObject({
    output: { notices: [{ code: expect.stringMatching(/^database-salvaged/), saved: 50 }] },
  });
  await host.control.shutDown();
});
