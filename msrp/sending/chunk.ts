import { Buffer } from 'node:buffer';
import type { Settlement, Transaction } from '../connection/transactions.ts';
import type { ContinuationFlag } from '../framing/head.ts';
import type { FrameOutput } from '../framing/writer.ts';

/**
 * How messages are cut (RFC 4975 §5.1): `whole` sends one chunk and cuts it only when something else must go out,
 * a number is the size of each chunk in bytes, `relay` suits relays that take small frames only.
 */
export type Chunking = 'whole' | 'relay' | number;

/** Kamailio's relay takes bodies of 10,240 bytes at most, and drops what is larger without a word. */
const RELAY_CHUNK = 8192;
/** RFC 4975 §7.1.1: larger chunks must be interruptible, and say so by `*` as range end. */
export const LARGEST_UNINTERRUPTIBLE = 2048;

/** Bytes in a chunk of this policy. */
export function chunkSize(chunking: Chunking): number {
  if (chunking === 'whole') return Number.POSITIVE_INFINITY;
  return chunking === 'relay' ? RELAY_CHUNK : chunking;
}

/** The message a chunk is part of. */
export interface ChunkOwner {
  settled(chunk: OpenChunk, settlement: Settlement): void;
}

const END_LINE = Buffer.from('\r\n-------');
const TRAILERS: Readonly<Record<ContinuationFlag, Buffer>> = {
  $: Buffer.from('$\r\n'),
  '+': Buffer.from('+\r\n'),
  '#': Buffer.from('#\r\n'),
};

/**
 * A SEND whose head has been written, and then one that waits for its response. A message uses those that have been
 * settled again: what lives for the time of a response makes V8 enlarge the memory for what is young.
 */
export class OpenChunk implements Transaction {
  id = '';
  readonly owner: ChunkOwner;
  readonly optional: boolean;
  deadline = Number.POSITIVE_INFINITY;
  /** Position of its first byte in the message. */
  start = 0;
  /** Bytes of it, once it has been ended. */
  length = 0;
  /** All of it is out, and the message is not whole without the response. */
  awaited = false;
  /** The response is there. */
  answered = false;
  #marker: Buffer | undefined;
  /** The last bytes written, in which an end-line may have begun. */
  #tail: Buffer | undefined;

  /** `optional`: nothing is wrong without a response. */
  constructor(owner: ChunkOwner, optional: boolean) {
    this.owner = owner;
    this.optional = optional;
  }

  begin(id: string, start: number): void {
    this.id = id;
    this.start = start;
    this.deadline = Number.POSITIVE_INFINITY;
    this.answered = false;
  }

  settle(settlement: Settlement): void {
    this.owner.settled(this, settlement);
  }

  /**
   * How many of `bytes` may go into this chunk, so that its own end-line does not occur in it (RFC 4975 §7.1). Fewer
   * than all: the rest belongs into another chunk, with another transaction id.
   */
  fitting(bytes: Buffer, suspicious: boolean): number {
    const tail = this.#tail;
    if (tail === undefined && !suspicious) return bytes.length;
    this.#marker ??= Buffer.from(`-------${this.id}`);
    if (tail !== undefined) {
      const border = Buffer.concat([tail, bytes.subarray(0, this.#marker.length)]);
      if (border.includes(this.#marker)) return 0;
    }
    const found = suspicious ? bytes.indexOf(this.#marker) : -1;
    // cut within the hyphens: neither half is an end-line then
    return found < 0 ? bytes.length : found + 1;
  }

  /** Remembers what has been written, for what is still to come. */
  wrote(bytes: Buffer): void {
    const keep = 7 + this.id.length - 1;
    const tail = bytes.subarray(Math.max(0, bytes.length - keep));
    const joined = this.#tail === undefined ? tail : Buffer.concat([this.#tail, tail]);
    // a copy: the block goes back to its pool
    this.#tail = Buffer.from(joined.subarray(Math.max(0, joined.length - keep)));
  }

  /** Ends the chunk before `position`. The CRLF before the end-line is not part of the body. */
  end(output: FrameOutput, flag: ContinuationFlag, position: number): void {
    this.length = position - this.start;
    this.#marker = undefined;
    this.#tail = undefined;
    output.bytes(END_LINE);
    output.text(this.id);
    output.bytes(TRAILERS[flag]);
  }
}
