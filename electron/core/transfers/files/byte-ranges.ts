/** One run of bytes: `from` is the first, `to` the one after the last. */
export type ByteRange = readonly [from: number, to: number];

/**
 * Which bytes of a file are there, as runs in order that never touch. Bytes that come twice count once.
 *
 * @example const ranges = new ByteRanges(); ranges.add(0, 10); ranges.add(20, 30); ranges.covered // 20
 */
export class ByteRanges {
  readonly #runs: ByteRange[];
  #covered: number;

  constructor(runs: readonly ByteRange[] = []) {
    this.#runs = [...runs];
    this.#covered = runs.reduce((sum, [from, to]) => sum + to - from, 0);
  }

  get covered(): number {
    return this.#covered;
  }

  get runs(): readonly ByteRange[] {
    return this.#runs;
  }

  /** Bytes from the very first on, up to the first hole. */
  get prefix(): number {
    const first = this.#runs[0];
    return first?.[0] === 0 ? first[1] : 0;
  }

  add(from: number, to: number): void {
    if (to <= from) return;
    // the first run that ends at or after `from`: nearly always the last one, so looked for from the end
    let start = this.#runs.length;
    while (start > 0 && (this.#runs[start - 1] as ByteRange)[1] >= from) start--;
    let end = start;
    let low = from;
    let high = to;
    for (; end < this.#runs.length; end++) {
      const [runFrom, runTo] = this.#runs[end] as ByteRange;
      if (runFrom > to) break;
      low = Math.min(low, runFrom);
      high = Math.max(high, runTo);
      this.#covered -= runTo - runFrom;
    }
    this.#covered += high - low;
    this.#runs.splice(start, end - start, [low, high]);
  }
}
