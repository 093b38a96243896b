import { Buffer } from 'node:buffer';
import { type HeaderField, Headers } from '../grammar/headers.ts';
import type { ContinuationFlag, FrameHead, FrameLimits } from './head.ts';

/** Longer heads are not worth remembering. */
const LONGEST = 2048;
/** `MSRP` and a space. */
const BEFORE_ID = 5;
const CR = 0x0d;
const LETTER_OR_DIGIT = 1;
/** What may stand in a transaction id (RFC 4975 §9); letters and digits alone may be first. */
const IN_ID = table('.-+%=', 2);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789') {
  IN_ID[character.charCodeAt(0)] = LETTER_OR_DIGIT;
}
const IN_RANGE = table('0123456789-*/', 1);
const RANGE = 'Byte-Range: ';
/** Three numbers of 16 digits and what stands between them. */
const LONGEST_RANGE = 50;
/** Flag and CRLF after the transaction id of an end-line. */
const TRAILER = 3;

function table(characters: string, value: number): Uint8Array {
  const made = new Uint8Array(256);
  for (const character of characters) made[character.charCodeAt(0)] = value;
  return made;
}

/** A head that has been recognised. */
export interface RecognisedHead {
  readonly head: FrameHead;
  /** Of a frame without a body: its end. */
  readonly flag: ContinuationFlag | undefined;
  /** Bytes of it, with the end-line of a frame without a body. */
  readonly length: number;
}

/**
 * The last head of its kind. The chunks of a message, and the responses to them, differ in nothing but transaction id
 * and Byte-Range: comparing bytes is many times faster than taking a head to pieces.
 */
export class RepeatedHead {
  #bytes: Buffer | undefined;
  #idEnd = 0;
  /** The value of Byte-Range, or twice the place where there is none. */
  #rangeStart = 0;
  #rangeEnd = 0;
  /** Where the empty line ends, or the hyphens of the end-line. */
  #end = 0;
  #head: FrameHead | undefined;
  #flag: ContinuationFlag | undefined;
  #fields: readonly HeaderField[] = [];
  #rangeIndex = -1;
  readonly #limits: FrameLimits;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  /** `bytes` are those of the head, with the end-line where there is no body, which `flag` says. */
  learn(bytes: Buffer, head: FrameHead, flag: ContinuationFlag | undefined): void {
    this.#bytes = undefined;
    if (bytes.length > LONGEST || this.#limits.headerLine < RANGE.length + LONGEST_RANGE) return;
    const fields = [...head.headers];
    const ranges = fields.filter(([name]) => name === 'Byte-Range').length;
    // the one line that may differ must be there once, as everybody writes it
    const line = ranges === 1 ? bytes.indexOf(`\r\n${RANGE}`, 0, 'latin1') : -1;
    if (ranges > 0 && line < 0) return;
    const idLength = head.transactionId.length;
    this.#bytes = Buffer.from(bytes);
    this.#head = head;
    this.#flag = flag;
    this.#fields = fields;
    this.#rangeIndex = fields.findIndex(([name]) => name === 'Byte-Range');
    this.#idEnd = BEFORE_ID + idLength;
    this.#end = flag === undefined ? bytes.length : bytes.length - idLength - TRAILER;
    this.#rangeStart = line < 0 ? this.#end : line + 2 + RANGE.length;
    this.#rangeEnd = line < 0 ? this.#end : bytes.indexOf(CR, this.#rangeStart);
  }

  /** The head that begins at `offset`, if it is like the last one and all there. */
  recognise(bytes: Buffer, offset: number): RecognisedHead | undefined {
    const known = this.#bytes;
    if (known === undefined || !this.#alike(known, bytes, offset)) return undefined;
    const idStart = offset + BEFORE_ID;
    const idEnd = offset + this.#idEnd;
    const rangeStart = offset + this.#rangeStart;
    let rangeEnd = rangeStart;
    if (this.#rangeIndex >= 0) while (IN_RANGE[bytes[rangeEnd] ?? 0] === 1) rangeEnd++;
    if (rangeEnd - rangeStart > LONGEST_RANGE) return undefined;
    const end = rangeEnd + this.#end - this.#rangeEnd;
    const trailer = end + idEnd - idStart;
    if (!same(known, this.#rangeEnd, this.#end, bytes, rangeEnd)) return undefined;
    if (this.#flag !== undefined) {
      if (!same(bytes, idStart, idEnd, bytes, end)) return undefined;
      if (!same(known, known.length - TRAILER, known.length, bytes, trailer)) return undefined;
    }
    const length = (this.#flag === undefined ? end : trailer + TRAILER) - offset;
    if (length > this.#limits.headerBlock) return undefined;
    return { head: this.#made(bytes, { idStart, idEnd, rangeStart, rangeEnd }), flag: this.#flag, length };
  }

  /** Whether all is the same up to the range, but for another transaction id of the same length. */
  #alike(known: Buffer, bytes: Buffer, offset: number): boolean {
    if (bytes.length - offset < known.length - this.#rangeEnd + this.#rangeStart) return false;
    if (!same(known, 0, BEFORE_ID, bytes, offset)) return false;
    if (IN_ID[bytes[offset + BEFORE_ID] ?? 0] !== LETTER_OR_DIGIT) return false;
    const idEnd = offset + this.#idEnd;
    for (let i = offset + BEFORE_ID + 1; i < idEnd; i++) if (IN_ID[bytes[i] ?? 0] === 0) return false;
    return same(known, this.#idEnd, this.#rangeStart, bytes, idEnd);
  }

  #made(
    bytes: Buffer,
    place: { readonly idStart: number; readonly idEnd: number; readonly rangeStart: number; readonly rangeEnd: number },
  ): FrameHead {
    const head = this.#head as FrameHead;
    const transactionId = bytes.toString('latin1', place.idStart, place.idEnd);
    let { headers } = head;
    if (this.#rangeIndex >= 0) {
      const fields = this.#fields.slice();
      fields[this.#rangeIndex] = ['Byte-Range', bytes.toString('latin1', place.rangeStart, place.rangeEnd)];
      headers = new Headers(fields);
    }
    return head.kind === 'request'
      ? { kind: 'request', transactionId, method: head.method, headers }
      : { kind: 'response', transactionId, status: head.status, comment: head.comment, headers };
  }
}

/** Whether `a` from `start` to `end` stands in `b` at `at`; beyond its end nothing does. */
function same(a: Buffer, start: number, end: number, b: Buffer, at: number): boolean {
  const distance = at - start;
  if (end + distance > b.length) return false;
  for (let i = start; i < end; i++) if (a[i] !== b[i + distance]) return false;
  return true;
}
