import { Buffer } from 'node:buffer';
import { MsrpError, sourceError } from '../errors.ts';
import type { BlockLoan } from './block-pools.ts';
import type { ByteSource, OpenEndedSource } from './source.ts';

/** Bytes of a message, ready to be written. */
export interface Block {
  readonly bytes: Buffer;
  /** Nothing follows it. */
  readonly last: boolean;
  /** Whether seven hyphens stand in it somewhere, without which no end-line can. */
  readonly suspicious: boolean;
  /** Its memory may be used again. */
  readonly release: () => void;
}

/** Supplies a message with blocks, ahead of need but never far. */
export interface BlockReader {
  /** The block to write next, once there is one. */
  readonly current: Block | undefined;
  shift(): void;
  /** Ends reading and closes the source. */
  close(): void;
}

const HYPHENS = Buffer.from('-------');
/** Blocks read and not yet taken: a message that is out of them loses its turn. */
const AHEAD = 4;

function suspicious(bytes: Buffer): boolean {
  return bytes.includes(HYPHENS);
}

/** A message that is in memory anyway. */
export function memoryReader(body: Uint8Array): BlockReader {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let current: Block | undefined = {
    bytes,
    last: true,
    suspicious: suspicious(bytes),
    release: () => undefined,
  };
  const forget = () => {
    current = undefined;
  };
  return {
    get current() {
      return current;
    },
    shift: forget,
    close: forget,
  };
}

/** Reads a source in blocks of one size; the last may be shorter. */
export class SourceReader implements BlockReader {
  readonly #source: ByteSource | OpenEndedSource;
  readonly #loan: BlockLoan;
  readonly #blockSize: number;
  readonly #ready: () => void;
  readonly #failed: (error: MsrpError) => void;
  readonly #blocks: Block[] = [];
  #position: number;
  #reading = false;
  #ended = false;
  #closed = false;
  /** A full block of an open-ended source: whether it is the last only the next read tells. */
  #unsure: Buffer | undefined;

  constructor(options: {
    readonly source: ByteSource | OpenEndedSource;
    readonly start: number;
    readonly loan: BlockLoan;
    /** At most the size of the pool's buffers. */
    readonly blockSize: number;
    /** A block has become available. */
    readonly ready: () => void;
    readonly failed: (error: MsrpError) => void;
  }) {
    this.#source = options.source;
    this.#position = options.start;
    this.#loan = options.loan;
    this.#blockSize = options.blockSize;
    this.#ready = options.ready;
    this.#failed = options.failed;
  }

  get current(): Block | undefined {
    return this.#blocks[0];
  }

  /** Begins reading, or goes on with it. */
  fill(): void {
    if (this.#reading || this.#ended || this.#closed || this.#blocks.length >= AHEAD) return;
    this.#reading = true;
    this.#read().then(
      () => {
        this.#reading = false;
        if (this.#closed) this.#closeSource();
        else {
          this.fill();
          if (this.#blocks.length > 0) this.#ready();
        }
      },
      (error: unknown) => {
        this.#reading = false;
        if (this.#closed) this.#closeSource();
        else this.#failed(sourceError(error));
      },
    );
  }

  shift(): void {
    this.#blocks.shift();
    this.fill();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#blocks.length = 0;
    this.#loan.giveBack();
    // a source must not be closed under a read
    if (!this.#reading) this.#closeSource();
  }

  #closeSource(): void {
    // all bytes that count have been read: a fault of closing changes nothing
    (async () => this.#source.close())().catch(() => undefined);
  }

  async #read(): Promise<void> {
    const buffer = this.#loan.pool.take();
    const size = this.#source.size;
    const wanted = size === undefined ? this.#blockSize : Math.min(this.#blockSize, size - this.#position);
    let filled = 0;
    while (filled < wanted) {
      const length = await this.#source.read(buffer.subarray(filled, wanted), this.#position);
      if (length === 0) break;
      filled += length;
      this.#position += length;
    }
    const bytes = buffer.subarray(0, filled);
    if (size !== undefined) {
      if (filled < wanted) throw new MsrpError('source-shortened', 'The source ended before its size');
      this.#add(buffer, bytes, this.#position === size);
      return;
    }
    if (this.#unsure !== undefined) this.#add(this.#unsure, this.#unsure.subarray(0, this.#blockSize), filled === 0);
    this.#unsure = undefined;
    if (filled === this.#blockSize) this.#unsure = buffer;
    else if (!this.#ended) this.#add(buffer, bytes, true);
  }

  #add(buffer: Buffer, bytes: Buffer, last: boolean): void {
    this.#ended = last;
    this.#blocks.push({ bytes, last, suspicious: suspicious(bytes), release: () => this.#loan.pool.give(buffer) });
  }
}
