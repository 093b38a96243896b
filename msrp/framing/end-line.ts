import { Buffer } from 'node:buffer';
import type { ContinuationFlag } from './head.ts';

const CR = 0x0d;
const LF = 0x0a;
const HYPHEN = 0x2d;
/** The flags by their bytes. */
export const FLAGS: ReadonlyMap<number | undefined, ContinuationFlag> = new Map([
  [0x24, '$'],
  [0x2b, '+'],
  [0x23, '#'],
]);
const LONGEST_MARKER = 2 + 7 + 32;
/** Flag and CRLF after the transaction id. */
const TRAILER = 3;
const NOTHING = Buffer.alloc(0);
const HYPHENS = Buffer.from('-------');

/** Where the search stopped, and the flag if it stopped behind an end-line. */
interface Found {
  readonly offset: number;
  readonly flag: ContinuationFlag | undefined;
}

/**
 * Finds the end of a body: CRLF, seven hyphens, the transaction id, a flag and CRLF, and nothing short of all that
 * (RFC 4975 §7.1: a body may well contain hyphens, or the end-lines of others). What might be the beginning of it at
 * the end of the input is held back until more is known.
 */
export class EndLine {
  /** CRLF, hyphens and transaction id. */
  readonly #storage = Buffer.alloc(LONGEST_MARKER, '\r\n-------', 'latin1');
  #marker: Buffer = NOTHING;
  /** Bytes held back: they are body, or the beginning of the end-line. */
  #held: Buffer = NOTHING;
  /** How many of the held bytes were never in the body: the CRLF assumed before it. */
  #assumed = 0;
  #first = true;

  begin(transactionId: string): void {
    const length = 9 + this.#storage.write(transactionId, 9, 'latin1');
    if (length !== this.#marker.length) this.#marker = this.#storage.subarray(0, length);
    this.#held = NOTHING;
    this.#assumed = 0;
    this.#first = true;
  }

  search(bytes: Buffer, offset: number, sink: { body(bytes: Uint8Array): void }): Found {
    if (this.#first) {
      this.#first = false;
      // some peers write an empty body without the CRLF before the end-line: assume one
      if (bytes[offset] === HYPHEN) {
        this.#held = Buffer.from('\r\n');
        this.#assumed = 2;
      }
    }
    let start = offset;
    if (this.#held.length > 0) {
      const found = this.#searchHeld(bytes, offset, sink);
      if (found !== undefined) return found;
      start = offset;
    }
    const end = bytes.length;
    for (let i = this.#find(bytes, start); i >= 0; i = bytes.indexOf(this.#marker, i + 1)) {
      const match = this.#match(bytes, i);
      if (match === 'no') continue;
      if (i > offset) sink.body(bytes.subarray(offset, i));
      if (match === 'part') {
        this.#held = Buffer.from(bytes.subarray(i));
        return { offset: end, flag: undefined };
      }
      return { offset: i + this.#marker.length + TRAILER, flag: FLAGS.get(bytes[i + this.#marker.length]) };
    }
    const hold = this.#firstPart(bytes, Math.max(offset, end - this.#marker.length + 1));
    if (hold > offset) sink.body(bytes.subarray(offset, hold));
    if (hold < end) this.#held = Buffer.from(bytes.subarray(hold));
    return { offset: end, flag: undefined };
  }

  /** Where the marker may stand first. Hyphens alone are found several times faster, and bodies seldom have seven. */
  #find(bytes: Buffer, start: number): number {
    const hyphens = bytes.indexOf(HYPHENS, start);
    if (hyphens < 0) return -1;
    const marker = hyphens - 2;
    return marker >= start && this.#match(bytes, marker) !== 'no' ? marker : bytes.indexOf(this.#marker, start);
  }

  /** Decides about the held bytes with the help of the next ones; undefined if all of them were body. */
  #searchHeld(bytes: Buffer, offset: number, sink: { body(bytes: Uint8Array): void }): Found | undefined {
    const length = this.#held.length;
    const joined = Buffer.concat([this.#held, bytes.subarray(offset, offset + this.#marker.length + TRAILER)]);
    for (let i = 0; i < length; i++) {
      const match = joined[i] === CR ? this.#match(joined, i) : 'no';
      if (match === 'no') continue;
      if (i > this.#assumed) sink.body(joined.subarray(this.#assumed, i));
      if (match === 'part') {
        // only what was held can match in part, as more than a whole end-line has been joined unless input ran out
        this.#held = joined.subarray(i);
        if (i > 0) this.#assumed = 0;
        return { offset: bytes.length, flag: undefined };
      }
      this.#held = NOTHING;
      const behind = i + this.#marker.length + TRAILER;
      return { offset: offset + behind - length, flag: FLAGS.get(joined[i + this.#marker.length]) };
    }
    if (length > this.#assumed) sink.body(joined.subarray(this.#assumed, length));
    this.#held = NOTHING;
    this.#assumed = 0;
    return undefined;
  }

  #firstPart(bytes: Buffer, from: number): number {
    for (let i = from; i < bytes.length; i++) {
      if (bytes[i] === CR && this.#match(bytes, i) === 'part') return i;
    }
    return bytes.length;
  }

  /** Whether an end-line stands at `start`: in whole, not, or as far as the bytes go. */
  #match(bytes: Buffer, start: number): 'whole' | 'part' | 'no' {
    const marker = this.#marker;
    const available = bytes.length - start;
    for (let i = 0; i < marker.length; i++) {
      if (i >= available) return 'part';
      if (bytes[start + i] !== marker[i]) return 'no';
    }
    const flag = start + marker.length;
    if (flag >= bytes.length) return 'part';
    if (!FLAGS.has(bytes[flag])) return 'no';
    if (flag + 1 >= bytes.length) return 'part';
    if (bytes[flag + 1] !== CR) return 'no';
    if (flag + 2 >= bytes.length) return 'part';
    return bytes[flag + 2] === LF ? 'whole' : 'no';
  }
}
