/** How far back the speed looks. Shorter jumps about, longer lags behind the network. */
const WINDOW = 5_000;
/** Samples closer than this are one. */
const GRAIN = 100;
/** Before this much has been seen, no speed is told: the first block says nothing. */
const SETTLED = 500;

/** Speed of one running transfer over the last seconds, from samples of its bytes. Times in ms, bytes never fall. */
export class SpeedMeter {
  #samples: { at: number; bytes: number }[];

  constructor(now: number, bytes: number) {
    this.#samples = [{ at: now, bytes }];
  }

  add(now: number, bytes: number): void {
    const last = this.#samples[this.#samples.length - 1];
    // the clock was set, or nothing came for long: what was before says nothing of now
    if (last && (now < last.at || now - last.at > WINDOW)) this.#samples = [{ at: now, bytes: last.bytes }];
    if (last && this.#samples.length > 1 && now - last.at < GRAIN) last.bytes = bytes;
    else this.#samples.push({ at: now, bytes });
  }

  /** `secondsLeft` is null while nobody can know: no size, or nothing moves. */
  pace(now: number, size: number | null): { speed: number; secondsLeft: number | null } {
    // one sample from before the window stays as its beginning
    while (this.#samples.length > 1 && (this.#samples[1]?.at ?? now) <= now - WINDOW) this.#samples.shift();
    const first = this.#samples[0];
    const last = this.#samples[this.#samples.length - 1];
    if (!first || !last || now - first.at < SETTLED) return { speed: 0, secondsLeft: null };
    const speed = Math.round(((last.bytes - first.bytes) * 1000) / (now - first.at));
    const left = size === null || speed === 0 ? null : Math.ceil((size - last.bytes) / speed);
    return { speed, secondsLeft: left };
  }
}
