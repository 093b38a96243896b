/** Bytes `start` (counted from 0) up to but not including `end`. */
export interface ByteInterval {
  readonly start: number;
  readonly end: number;
}

/** A set of bytes, kept as sorted intervals that neither touch nor overlap. */
export class RangeSet {
  readonly #intervals: { start: number; end: number }[] = [];
  #size = 0;

  constructor(intervals: Iterable<ByteInterval> = []) {
    for (const { start, end } of intervals) this.add(start, end);
  }

  /** Number of bytes in the set. */
  get size(): number {
    return this.#size;
  }

  /** Number of separate intervals. */
  get count(): number {
    return this.#intervals.length;
  }

  /** End of the last interval, 0 for the empty set. */
  get end(): number {
    return this.#intervals.at(-1)?.end ?? 0;
  }

  /** How far the set reaches without a hole from byte 0. */
  get prefix(): number {
    const first = this.#intervals[0];
    return first !== undefined && first.start === 0 ? first.end : 0;
  }

  add(start: number, end: number): void {
    if (end <= start) return;
    const intervals = this.#intervals;
    const last = intervals.at(-1);
    // the usual case: bytes arrive in order
    if (last !== undefined && start === last.end) {
      last.end = end;
      this.#size += end - start;
      return;
    }
    const from = this.#firstEndingAtOrAfter(start);
    let to = from;
    let low = start;
    let high = end;
    let absorbed = 0;
    for (; to < intervals.length; to++) {
      const next = intervals[to];
      if (next === undefined || next.start > end) break;
      low = Math.min(low, next.start);
      high = Math.max(high, next.end);
      absorbed += next.end - next.start;
    }
    intervals.splice(from, to - from, { start: low, end: high });
    this.#size += high - low - absorbed;
  }

  /** Whether any byte of the interval is in the set. */
  overlaps(start: number, end: number): boolean {
    const interval = this.#intervals[this.#firstEndingAtOrAfter(start + 1)];
    return interval !== undefined && end > start && interval.start < end;
  }

  /** Whether every byte of the interval is in the set. */
  covers(start: number, end: number): boolean {
    if (end <= start) return true;
    const interval = this.#intervals[this.#firstEndingAtOrAfter(end)];
    return interval !== undefined && interval.start <= start;
  }

  /** A copy that later additions leave alone. */
  toArray(): ByteInterval[] {
    return this.#intervals.map(({ start, end }) => ({ start, end }));
  }

  #firstEndingAtOrAfter(position: number): number {
    let low = 0;
    let high = this.#intervals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const interval = this.#intervals[middle];
      if (interval !== undefined && interval.end < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
