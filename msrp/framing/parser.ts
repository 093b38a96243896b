import { Buffer } from 'node:buffer';
import { MsrpError } from '../errors.ts';
import type { HeaderField } from '../grammar/headers.ts';
import { EndLine, FLAGS } from './end-line.ts';
import {
  type ContinuationFlag,
  FRAME_LIMITS,
  type FrameHead,
  type FrameLimits,
  makeHead,
  parseHeaderLine,
  parseStartLine,
  type StartLine,
} from './head.ts';
import { type RecognisedHead, RepeatedHead } from './repeated-head.ts';

/** Receives what the parser finds, in order: one `head`, any number of `body`, one `end`, and so on. */
export interface FrameHandler {
  /** `hasBody` tells an empty body from none: a bodiless request is no message (RFC 4975 §7.1). */
  head(head: FrameHead, hasBody: boolean): void;
  /** A part of the body; a view into the bytes pushed, not a copy. */
  body(bytes: Uint8Array): void;
  end(flag: ContinuationFlag): void;
}

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const HYPHEN = 0x2d;

/*
 * between --MSRP...--> head --empty line--> body --end-line--> between
 *    ^ CRLF (ignored)   '----end-line (no body)--------------^
 * Any fault leads to broken, and there it stays: frames cannot be found again after one.
 */
type State = 'between' | 'head' | 'body' | 'broken';

/**
 * A push parser for MSRP frames (RFC 4975 §9) that is right wherever its input is cut.
 *
 * @example
 * const parser = new FrameParser(handler);
 * socket.on('data', (bytes) => parser.push(bytes)); // throws MsrpError for what is no MSRP
 */
export class FrameParser {
  readonly #handler: FrameHandler;
  readonly #limits: FrameLimits;
  readonly #endLine = new EndLine();
  #state: State = 'between';
  /** The beginning of a head whose end has not come yet. */
  #kept: Buffer | undefined;
  #keptLength = 0;
  /** Where scanning of the kept head goes on. */
  #lineStart = 0;
  #scanned = 0;
  #start: StartLine | undefined;
  #lines: { start: number; end: number }[] = [];
  #nonAscii = false;
  #announced: FrameHead | undefined;
  readonly #chunk: RepeatedHead;
  readonly #response: RepeatedHead;

  constructor(handler: FrameHandler, limits: FrameLimits = FRAME_LIMITS) {
    this.#handler = handler;
    this.#limits = limits;
    this.#chunk = new RepeatedHead(limits);
    this.#response = new RepeatedHead(limits);
  }

  /** Whether the input so far ends on the border of a frame. */
  get idle(): boolean {
    return this.#state === 'between';
  }

  /** Takes no further input; may be called from within the handler. */
  stop(): void {
    this.#state = 'broken';
    this.#kept = undefined;
  }

  /**
   * Parses the next bytes of the connection. Views handed to the handler point into `data`.
   *
   * @throws MsrpError a framing code; the parser then ignores all further input
   */
  push(data: Uint8Array): void {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    try {
      let offset = 0;
      while (offset < bytes.length) offset = this.#step(bytes, offset);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  #step(bytes: Buffer, offset: number): number {
    switch (this.#state) {
      case 'between':
        return this.#skipLineEnds(bytes, offset);
      case 'head':
        return this.#kept === undefined ? this.#head(bytes, offset) : this.#keptHead(bytes, offset);
      case 'body':
        return this.#body(bytes, offset);
      case 'broken':
        return bytes.length;
    }
  }

  #skipLineEnds(bytes: Buffer, offset: number): number {
    let i = offset;
    while (bytes[i] === CR || bytes[i] === LF) i++;
    if (i < bytes.length) {
      this.#state = 'head';
      this.#lineStart = 0;
      this.#scanned = 0;
      this.#start = undefined;
      if (this.#lines.length > 0) this.#lines = [];
      this.#nonAscii = false;
    }
    return i;
  }

  /** The usual case: look for the whole head in the bytes at hand, and keep them only if it is not all there. */
  #head(bytes: Buffer, offset: number): number {
    const known = this.#chunk.recognise(bytes, offset) ?? this.#response.recognise(bytes, offset);
    if (known !== undefined) return offset + this.#recognised(known);
    const rest = bytes.subarray(offset);
    const length = this.#scan(rest);
    if (length >= 0) {
      this.#remember(rest.subarray(0, length));
      return offset + length;
    }
    this.#kept = Buffer.allocUnsafe(this.#limits.headerBlock + 64);
    rest.copy(this.#kept);
    this.#keptLength = rest.length;
    return bytes.length;
  }

  #recognised({ head, flag, length }: RecognisedHead): number {
    this.#handler.head(head, flag === undefined);
    if (this.#state !== 'head') return length;
    if (flag === undefined) {
      this.#endLine.begin(head.transactionId);
      this.#state = 'body';
    } else {
      this.#state = 'between';
      this.#handler.end(flag);
    }
    return length;
  }

  /** A head that others are likely to be like: that of a further chunk, and that of a response. */
  #remember(bytes: Buffer): void {
    const head = this.#announced;
    if (head?.kind === 'response' && this.#state === 'between') {
      this.#response.learn(bytes, head, FLAGS.get(bytes[bytes.length - 3]));
    } else if (head?.kind === 'request' && this.#state === 'body') {
      const range = head.headers.get('Byte-Range');
      if (range !== undefined && !range.startsWith('1-')) this.#chunk.learn(bytes, head, undefined);
    }
  }

  #keptHead(bytes: Buffer, offset: number): number {
    const kept = this.#kept ?? Buffer.alloc(0);
    const before = this.#keptLength;
    const copied = bytes.copy(kept, before, offset);
    this.#keptLength += copied;
    const length = this.#scan(kept.subarray(0, this.#keptLength));
    if (length < 0) return offset + copied;
    this.#kept = undefined;
    return offset + length - before;
  }

  /** Goes on scanning a head that begins at 0; returns its length once its end is there, otherwise -1. */
  #scan(head: Buffer): number {
    const length = head.length;
    for (let i = this.#scanned; i < length; i++) {
      const byte = head[i] as number;
      if (byte >= 0x20 && byte < 0x7f) continue;
      if (byte === LF) {
        if (i === 0 || head[i - 1] !== CR) throw new MsrpError('malformed-frame', 'A line that ends without CR');
        const ended = this.#line(head, this.#lineStart, i - 1);
        this.#lineStart = i + 1;
        if (ended) return i + 1;
      } else if (byte === CR) {
        // what follows decides, and may not be there yet
        if (i + 1 === length) return this.#incomplete(i, length);
        if (head[i + 1] !== LF) throw new MsrpError('malformed-frame', 'A CR inside a line');
      } else if (byte >= 0x80) {
        this.#nonAscii = true;
      } else if (byte !== TAB) {
        throw new MsrpError('malformed-frame', 'A control character in a head');
      }
    }
    return this.#incomplete(length, length);
  }

  #incomplete(scanned: number, length: number): -1 {
    this.#scanned = scanned;
    this.#checkLimits(this.#lineStart, length);
    return -1;
  }

  /** Takes one line of the head; true if it was the last. */
  #line(head: Buffer, start: number, end: number): boolean {
    this.#checkLimits(start, end);
    if (this.#start === undefined) {
      this.#start = parseStartLine(this.#text(head, start, end));
      return false;
    }
    if (start === end) {
      this.#announce(head, this.#start, true);
      this.#endLine.begin(this.#start.transactionId);
      if (this.#state === 'head') this.#state = 'body';
      return true;
    }
    if (head[start] === HYPHEN) {
      const line = head.toString('latin1', start, end);
      const flag = line.slice(-1);
      if (line !== `-------${this.#start.transactionId}${flag}` || !isFlag(flag)) {
        throw new MsrpError('malformed-frame', 'An end-line of another transaction');
      }
      this.#announce(head, this.#start, false);
      if (this.#state === 'head') {
        this.#state = 'between';
        this.#handler.end(flag);
      }
      return true;
    }
    if (this.#lines.length === this.#limits.headerCount) {
      throw new MsrpError('too-many-headers', `More than ${this.#limits.headerCount} header fields`);
    }
    this.#lines.push({ start, end });
    return false;
  }

  #checkLimits(start: number, end: number): void {
    const limit = start === 0 ? this.#limits.startLine : this.#limits.headerLine;
    if (end - start > limit) {
      throw start === 0
        ? new MsrpError('start-line-too-long', `A start line longer than ${limit} bytes`)
        : new MsrpError('header-line-too-long', `A header line longer than ${limit} bytes`);
    }
    if (end > this.#limits.headerBlock) {
      throw new MsrpError('headers-too-long', `A head longer than ${this.#limits.headerBlock} bytes`);
    }
  }

  #announce(head: Buffer, start: StartLine, hasBody: boolean): void {
    const end = this.#lines.at(-1)?.end ?? 0;
    // one conversion for all lines where characters are bytes
    const text = this.#nonAscii ? undefined : head.toString('latin1', 0, end);
    const fields: HeaderField[] = [];
    for (const line of this.#lines) {
      fields.push(parseHeaderLine(text?.slice(line.start, line.end) ?? this.#text(head, line.start, line.end)));
    }
    this.#announced = makeHead(start, fields);
    this.#handler.head(this.#announced, hasBody);
  }

  #text(head: Buffer, start: number, end: number): string {
    return head.toString(this.#nonAscii ? 'utf8' : 'latin1', start, end);
  }

  #body(bytes: Buffer, offset: number): number {
    const found = this.#endLine.search(bytes, offset, this.#handler);
    if (found.flag !== undefined && this.#state === 'body') {
      this.#state = 'between';
      this.#handler.end(found.flag);
    }
    return found.offset;
  }
}

function isFlag(text: string): text is ContinuationFlag {
  return text === '$' || text === '+' || text === '#';
}
