/** A running timer that can be called off. */
export interface Timer {
  cancel(): void;
}

/** Time, as this library sees it. Tests and simulations bring their own. */
export interface Clock {
  /** Milliseconds from any fixed point; never runs backwards. */
  now(): number;
  /** Calls `run` once after `milliseconds`. Never keeps the process alive by itself. */
  after(milliseconds: number, run: () => void): Timer;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
