import { createHash, randomBytes } from 'node:crypto';
import {
  type AcceptedFile,
  type ByteSink,
  type ByteSource,
  type FileFacts,
  type OutgoingFile,
  ProviderError,
} from '../../../../protocols/contract/index.ts';
import { tell } from './happening.ts';

const hex = (algorithm: 'sha256' | 'sha1', content: Uint8Array): string =>
  createHash(algorithm).update(content).digest('hex');

export interface FileOptions {
  name?: string;
  /** Facts that are not as they should be. */
  facts?: Partial<FileFacts & { size: number }>;
}

/** A file to send: bytes that nobody has seen before, and a source that can be made to fail. */
export class SentFile implements OutgoingFile {
  readonly id = randomBytes(16).toString('hex');
  readonly content: Buffer;
  readonly file: FileFacts & { size: number };
  readonly sources: Source[] = [];
  /** Called in every read with the end of what is asked for, before it is given; what it throws the read rejects with. */
  onRead: (end: number) => void = () => {};
  /** Bytes the source says it has; another number is a file that changed since it was offered. */
  sourceSize: number;
  /** Bytes that are really there: fewer than said is a file that was cut since it was opened. */
  cutTo: number;

  constructor(size: number, { name, facts }: FileOptions = {}) {
    this.content = randomBytes(size);
    this.sourceSize = size;
    this.cutTo = size;
    const hashes = [
      { algorithm: 'sha-256', value: hex('sha256', this.content) },
      { algorithm: 'sha-1', value: hex('sha1', this.content) },
    ] as const;
    this.file = {
      name: name ?? `report-${randomBytes(6).toString('hex')}.bin`,
      type: 'application/octet-stream',
      size,
      hashes,
      modifiedAt: Date.parse('2026-03-04T05:06:07Z'),
      ...facts,
    };
  }

  open: () => Promise<ByteSource> = async () => {
    const source = new Source(this);
    this.sources.push(source);
    return source;
  };
}

class Source implements ByteSource {
  readonly #file: SentFile;
  isClosed = false;
  misuse: string | undefined;

  constructor(file: SentFile) {
    this.#file = file;
  }

  get size(): number {
    return this.#file.sourceSize;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (this.isClosed) this.misuse = 'read after close';
    this.#file.onRead(position + buffer.length);
    const { content, cutTo } = this.#file;
    const end = Math.min(cutTo, position + buffer.length, this.size);
    return end > position ? content.copy(buffer, 0, position, end) : 0;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    tell();
  }
}

/** The place for a file that comes: what a person who accepts hands over, and a sink that can be made to fail. */
export class ReceivedFile implements AcceptedFile {
  readonly from: number;
  readonly sink: ByteSink;
  /** Called in every write with the end of it, and waited for, before anything is kept; what it throws the write rejects with. */
  onWrite: (end: number) => void | Promise<void> = () => {};
  /** Called when everything is there; what it throws `complete` rejects with. */
  onComplete: () => void = () => {};
  content: Buffer;
  isClosed = false;
  aborted: Error | undefined;
  isComplete = false;
  misuse: string | undefined;
  /** First byte that was written, and bytes written in all. */
  first = Number.POSITIVE_INFINITY;
  written = 0;
  readonly #facts: FileFacts;

  constructor(facts: FileFacts, { from = 0, before }: { from?: number; before?: Buffer } = {}) {
    this.#facts = facts;
    this.from = from;
    this.content = Buffer.alloc(facts.size ?? 0);
    before?.copy(this.content, 0, 0, from);
    this.sink = {
      write: (data, position) => this.#write(data, position),
      close: async () => {
        this.isClosed = true;
        tell();
      },
      abort: async (cause) => {
        this.aborted = cause;
        tell();
      },
    };
  }

  get isEnded(): boolean {
    return this.isClosed || this.aborted !== undefined;
  }

  async complete(): Promise<void> {
    if (!this.isClosed) this.misuse = 'complete before close';
    this.onComplete();
    const { size, hashes } = this.#facts;
    const hash = hashes?.[0];
    if (size !== undefined && this.from + this.written !== size) throw new ProviderError('size-mismatch');
    if (hash && hex(hash.algorithm === 'sha-1' ? 'sha1' : 'sha256', this.content) !== hash.value) {
      throw new ProviderError('hash-mismatch');
    }
    this.isComplete = true;
    tell();
  }

  async #write(data: Uint8Array, position: number): Promise<void> {
    if (this.isEnded) this.misuse = 'write after the end';
    if (this.#facts.size !== undefined && position + data.length > this.#facts.size) {
      this.misuse = 'write beyond the offered size';
      throw new ProviderError('size-mismatch');
    }
    const held = this.onWrite(position + data.length);
    if (held) await held;
    if (position + data.length > this.content.length) {
      this.content = Buffer.concat([this.content, Buffer.alloc(position + data.length - this.content.length)]);
    }
    this.content.set(data, position);
    this.first = Math.min(this.first, position);
    this.written += data.length;
    // the disk takes its time: whoever does not wait has more on its way than it should
    await new Promise((resolve) => setImmediate(resolve));
    tell();
  }
}

export const sha256 = (content: Uint8Array): string => hex('sha256', content);
