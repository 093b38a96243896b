export type FramingErrorCode =
  | 'not-sip'
  | 'head-too-big'
  | 'body-too-big'
  | 'content-length-missing'
  | 'content-length-invalid';

/** The stream can't be understood any more and has to be closed. */
export class FramingError extends Error {
  readonly code: FramingErrorCode;
  constructor(code: FramingErrorCode) {
    super(`SIP stream: ${code}`);
    this.name = 'FramingError';
    this.code = code;
  }
}

export interface FramerEvents {
  /** One whole message: head as text without the empty line, body as bytes. */
  message(head: string, body: Buffer): void;
  /** A message whose body is beyond `bodyBytes`; it is passed over, and the stream goes on after it. */
  oversized(head: string): void;
  /** A CRLF between messages: half a ping, or a pong (RFC 5626 §4.4.1). */
  crlf(): void;
}

export interface FramerLimits {
  headBytes: number;
  /** Beyond this a message is not kept. */
  bodyBytes: number;
  /** Beyond this the stream is given up rather than read to the end of the message. */
  passedOverBytes: number;
}

export const FRAMER_LIMITS: FramerLimits = { headBytes: 65_536, bodyBytes: 1_048_576, passedOverBytes: 33_554_432 };

const HEAD_END = Buffer.from('\r\n\r\n');
const CRLF = HEAD_END.subarray(0, 2);
/**
 * Where no SIP message begins, the stream is none. A version that is unknown, a Request-URI that is folded, and blanks before or
 * behind are answered like any fault of a request, and what follows is read on (RFC 4475 §3.1.2).
 */
const START_LINE = /^SIP\/\d+\.\d+ |[ \t]SIP\/\d+\.\d+[ \t]*$|^[ \t]*[A-Z]+[ \t]+sips?:/i;
/** Folded or not (RFC 3261 §7.3.1). */
const CONTENT_LENGTH = /\r\n(?:content-length|l)[ \t]*:(?:[ \t]|\r\n[ \t])*([^\r\n]*?)[ \t]*(?=\r\n(?![ \t])|$)/gi;
const CR = 13;
const LF = 10;

/**
 * Cuts a TCP or TLS stream into SIP messages by Content-Length, which counts bytes (RFC 3261 §18.3). Right at every split
 * of its input. After a `FramingError` it must not be used any more.
 *
 * ```
 * between --byte--> head --empty line--> body --Content-Length bytes--> between
 *                      \--too many--> passing over --Content-Length bytes--> between
 * ```
 */
export class MessageFramer {
  readonly #events: FramerEvents;
  readonly #limits: FramerLimits;
  #buffer: Buffer = Buffer.alloc(0);
  #searched = 0;
  #head: { text: string; bodyLength: number; chunks: Buffer[]; received: number } | undefined;
  /** Bytes of an oversized body still to come. */
  #passingOver = 0;

  constructor(events: FramerEvents, limits: FramerLimits = FRAMER_LIMITS) {
    this.#events = events;
    this.#limits = limits;
  }

  /** A head has begun and is not yet whole. */
  get headBegun(): boolean {
    return this.#buffer.length > 0;
  }

  /** Length of the body that has begun and is not yet whole; 0 when there is none. */
  get bodyBegun(): number {
    return this.#head?.bodyLength ?? this.#passingOver;
  }

  /** Throws `FramingError`. */
  push(chunk: Buffer): void {
    let rest: Buffer | undefined = chunk;
    while (rest && rest.length > 0) {
      const passed = Math.min(this.#passingOver, rest.length);
      this.#passingOver -= passed;
      if (passed > 0) rest = rest.subarray(passed);
      else rest = this.#head ? this.#takeBody(rest) : this.#takeHead(rest);
    }
  }

  #takeHead(chunk: Buffer): Buffer | undefined {
    let data = this.#buffer.length > 0 ? Buffer.concat([this.#buffer, chunk]) : chunk;
    while (this.#searched === 0 && data.length >= 2 && data[0] === CR && data[1] === LF) {
      this.#events.crlf();
      data = data.subarray(2);
    }
    // a lone CR may still become a CRLF
    if (data.length === 0 || (data.length === 1 && data[0] === CR)) {
      this.#buffer = data;
      return undefined;
    }
    const firstEnd = this.#searched === 0 ? data.indexOf(CRLF) : -1;
    // a web or mail server says so in its first line; waiting for more from it would take half a minute
    if (firstEnd !== -1 && !START_LINE.test(data.toString('latin1', 0, firstEnd))) throw new FramingError('not-sip');
    const end = data.indexOf(HEAD_END, this.#searched);
    if (end === -1 ? data.length > this.#limits.headBytes : end > this.#limits.headBytes)
      throw new FramingError('head-too-big');
    if (end === -1) {
      // stays 0 until the first line was looked at
      this.#searched = firstEnd === -1 && this.#searched === 0 ? 0 : Math.max(1, data.length - 3);
      this.#buffer = data;
      return undefined;
    }
    this.#buffer = Buffer.alloc(0);
    this.#searched = 0;
    const text = data.toString('utf8', 0, end);
    const bodyLength = this.#bodyLength(text);
    if (bodyLength > this.#limits.bodyBytes) {
      this.#passingOver = bodyLength;
      this.#events.oversized(text);
      return data.subarray(end + 4);
    }
    this.#head = { text, bodyLength, chunks: [], received: 0 };
    if (bodyLength === 0) this.#deliver();
    return data.subarray(end + 4);
  }

  #bodyLength(head: string): number {
    const values = [...head.matchAll(CONTENT_LENGTH)].map((m) => m[1]);
    if (values.length === 0) throw new FramingError('content-length-missing');
    // several different lengths are how one message is smuggled inside another
    if (new Set(values).size > 1 || !/^\d{1,10}$/.test(values[0] ?? ''))
      throw new FramingError('content-length-invalid');
    const length = Number(values[0]);
    if (length > this.#limits.passedOverBytes) throw new FramingError('body-too-big');
    return length;
  }

  #takeBody(chunk: Buffer): Buffer | undefined {
    const head = this.#head;
    if (!head) return chunk;
    const part = chunk.subarray(0, head.bodyLength - head.received);
    head.chunks.push(part);
    head.received += part.length;
    if (head.received < head.bodyLength) return undefined;
    this.#deliver();
    return chunk.subarray(part.length);
  }

  #deliver(): void {
    const head = this.#head;
    this.#head = undefined;
    if (head) this.#events.message(head.text, Buffer.concat(head.chunks));
  }
}
