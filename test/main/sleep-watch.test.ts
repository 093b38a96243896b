import { expect, it } from 'vitest';
import { sleepWatch } from '../../electron/main/sleep-watch.ts';

it('tells of sleep by a clock that went on while timers stood still, once, and not of a late look or a clock set back', () => {
  let now = 1_000_000;
  const wasAsleep = sleepWatch(5_000, () => now);
  const looks = [5_000, 5_400, 12_000, 3_600_000, 5_000, -7_200_000, 5_000, 26_000];
  const seen = looks.map((passed) => {
    now += passed;
    return wasAsleep();
  });
  expect(seen).toEqual([false, false, false, true, false, false, false, true]);
});
