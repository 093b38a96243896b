import { Buffer } from 'node:buffer';
import { type ByteRange, checkField, formatByteRange, type HeaderField } from '../grammar/headers.ts';
import type { ContinuationFlag } from './head.ts';

/** RFC 4975 §7.1: bodies of requests other than SEND are no larger than this. */
export const LARGEST_OTHER_BODY = 10_240;

/** Reason phrases as other peers write them; a receiver must not look at them (RFC 4975 §7.2). */
const COMMENTS: ReadonlyMap<number, string> = new Map([
  [200, 'OK'],
  [400, 'Bad Request'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [408, 'Timeout'],
  [413, 'Stop Sending'],
  [415, 'Unsupported Media Type'],
  [423, 'Parameter Out Of Bounds'],
  [424, 'Malformed Nickname'],
  [425, 'Nickname In Use'],
  [428, 'Private Messages Not Supported'],
  [481, 'No Such Session'],
  [501, 'Unknown Method'],
  [506, 'Session On Another Connection'],
]);

export function commentOf(status: number): string {
  return COMMENTS.get(status) ?? '';
}

export function formatEndLine(transactionId: string, flag: ContinuationFlag): string {
  return `-------${transactionId}${flag}\r\n`;
}

/** A response frame (RFC 4975 §7.2). @throws MsrpError `invalid-header` */
export function formatResponse(response: {
  readonly transactionId: string;
  readonly status: number;
  readonly comment?: string | undefined;
  readonly toPath: string;
  readonly fromPath: string;
  readonly fields?: readonly HeaderField[];
}): string {
  const comment = response.comment ?? commentOf(response.status);
  if (response.comment !== undefined) checkField(['Comment', response.comment]);
  return (
    `MSRP ${response.transactionId} ${response.status}${comment === '' ? '' : ` ${comment}`}\r\n` +
    `To-Path: ${response.toPath}\r\nFrom-Path: ${response.fromPath}\r\n` +
    `${formatFields(response.fields ?? [])}${formatEndLine(response.transactionId, '$')}`
  );
}

/** The URI of a path that is nearest to where the path comes from. */
export function firstUri(path: string): string {
  const space = path.indexOf(' ');
  return space < 0 ? path : path.slice(0, space);
}

/** The responses 200 to SENDs with the same paths; they go one hop back (RFC 4975 §7.2). */
export class SuccessResponse {
  readonly #toPath: string;
  readonly #fromPath: string;
  readonly #fixed: string;

  /** The paths of the requests. */
  constructor(toPath: string, fromPath: string) {
    this.#toPath = toPath;
    this.#fromPath = fromPath;
    const sample = formatResponse({
      transactionId: '',
      status: 200,
      toPath: firstUri(fromPath),
      fromPath: firstUri(toPath),
    });
    this.#fixed = sample.slice('MSRP '.length, -'$\r\n'.length);
  }

  answers(toPath: string, fromPath: string): boolean {
    return toPath === this.#toPath && fromPath === this.#fromPath;
  }

  text(transactionId: string): string {
    return `MSRP ${transactionId}${this.#fixed}${transactionId}$\r\n`;
  }
}

/** Start line and header fields of a request, without the empty line before a body. @throws MsrpError `invalid-header` */
export function formatRequestHead(request: {
  readonly transactionId: string;
  readonly method: string;
  readonly toPath: string;
  readonly fromPath: string;
  readonly fields: readonly HeaderField[];
}): string {
  return (
    `MSRP ${request.transactionId} ${request.method}\r\n` +
    `To-Path: ${request.toPath}\r\nFrom-Path: ${request.fromPath}\r\n${formatFields(request.fields)}`
  );
}

/** Takes what is to be written, piece by piece. */
export interface FrameOutput {
  text(text: string): void;
  bytes(bytes: Uint8Array): void;
  /** A whole number, as text. */
  number(value: number): void;
}

const MSRP = Buffer.from('MSRP ');
const [HYPHEN, STAR, SLASH] = [Buffer.from('-'), Buffer.from('*'), Buffer.from('/')];

/** The heads of the SENDs of one message: they differ in transaction id and Byte-Range alone, and are encoded once. */
export class SendHead {
  readonly toPath: string;
  readonly fromPath: string;
  readonly #before: string;
  readonly #after: string;
  readonly #encodedBefore: Buffer;
  readonly #encodedAfter: Buffer;

  /** `fields` are lines as `formatFields` makes them, Content-Type last. */
  constructor(head: {
    readonly toPath: string;
    readonly fromPath: string;
    readonly messageId: string;
    readonly fields: string;
  }) {
    this.toPath = head.toPath;
    this.fromPath = head.fromPath;
    this.#before =
      ` SEND\r\nTo-Path: ${head.toPath}\r\nFrom-Path: ${head.fromPath}\r\n` +
      `Message-ID: ${head.messageId}\r\nByte-Range: `;
    this.#after = `\r\n${head.fields}\r\n`;
    this.#encodedBefore = Buffer.from(this.#before);
    this.#encodedAfter = Buffer.from(this.#after);
  }

  text(transactionId: string, range: ByteRange): string {
    return `MSRP ${transactionId}${this.#before}${formatByteRange(range)}${this.#after}`;
  }

  writeTo(output: FrameOutput, transactionId: string, { start, end, total }: ByteRange): void {
    output.bytes(MSRP);
    output.text(transactionId);
    output.bytes(this.#encodedBefore);
    output.number(start);
    output.bytes(HYPHEN);
    if (end === undefined) output.bytes(STAR);
    else output.number(end);
    output.bytes(SLASH);
    if (total === undefined) output.bytes(STAR);
    else output.number(total);
    output.bytes(this.#encodedAfter);
  }
}

/** A REPORT about the bytes of a message (RFC 4975 §7.1.2). */
export function formatReport(report: {
  readonly transactionId: string;
  readonly toPath: string;
  readonly fromPath: string;
  readonly messageId: string;
  readonly range: ByteRange;
  readonly status: number;
  readonly comment?: string;
}): string {
  const comment = report.comment ?? commentOf(report.status);
  return (
    formatRequestHead({
      transactionId: report.transactionId,
      method: 'REPORT',
      toPath: report.toPath,
      fromPath: report.fromPath,
      fields: [
        ['Message-ID', report.messageId],
        ['Byte-Range', formatByteRange(report.range)],
        ['Status', `000 ${report.status}${comment === '' ? '' : ` ${comment}`}`],
      ],
    }) + formatEndLine(report.transactionId, '$')
  );
}

/** Header lines, each checked; the caller puts Content-Type last (RFC 4975 §7.1). */
export function formatFields(fields: readonly HeaderField[]): string {
  let text = '';
  for (const field of fields) {
    checkField(field);
    text += `${field[0]}: ${field[1]}\r\n`;
  }
  return text;
}
