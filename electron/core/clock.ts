/** Time and chance, injected so that tests own both. */
export interface Clock {
  /** ms since the epoch. */
  now: () => number;
  /** Calls `run` once after `milliseconds`; the returned function calls it off. */
  after: (milliseconds: number, run: () => void) => () => void;
  /** 0 up to, not including, 1. */
  random: () => number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
