/** The clock may be a little late with a look, and time servers move it a little. */
const TOLERANCE = 20_000;

/**
 * Finds out that the machine was asleep, where the system does not say so (a virtual machine that was paused, a Linux without
 * logind): timers stand still meanwhile, and the clock goes on. What is returned is called every `every` ms. A clock that is set forward
 * looks the same; then connections are looked after once in vain.
 *
 * @example const wasAsleep = sleepWatch(5_000, Date.now); setInterval(() => wasAsleep() && wake(), 5_000);
 */
export const sleepWatch = (every: number, now: () => number): (() => boolean) => {
  let last = now();
  return () => {
    const before = last;
    last = now();
    return last - before > every + TOLERANCE;
  };
};
