import { MsrpError } from '../errors.ts';
import { canonicalName, type HeaderField, Headers } from '../grammar/headers.ts';

/** Longest start line, header line and header block in bytes, and most header fields, a peer may send. */
export interface FrameLimits {
  readonly startLine: number;
  readonly headerLine: number;
  readonly headerBlock: number;
  readonly headerCount: number;
}

export const FRAME_LIMITS: FrameLimits = { startLine: 512, headerLine: 8192, headerBlock: 16_384, headerCount: 64 };

/** What the end-line says about the message: complete, to be continued, given up (RFC 4975 §7.1). */
export type ContinuationFlag = '$' | '+' | '#';

/** Start line and header fields of a request. */
export interface RequestHead {
  readonly kind: 'request';
  readonly transactionId: string;
  readonly method: string;
  readonly headers: Headers;
}

/** Start line and header fields of a response. */
export interface ResponseHead {
  readonly kind: 'response';
  readonly transactionId: string;
  readonly status: number;
  /** Empty where the peer sent none, which many do. */
  readonly comment: string;
  readonly headers: Headers;
}

export type FrameHead = RequestHead | ResponseHead;

/** A start line that has been understood; the header fields follow. */
export type StartLine =
  | { readonly kind: 'request'; readonly transactionId: string; readonly method: string }
  | { readonly kind: 'response'; readonly transactionId: string; readonly status: number; readonly comment: string };

/** `ident` of RFC 4975 §9: transaction ids and Message-IDs. */
export const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}$/;
const STATUS = /^\d{3}$/;
/** RFC 4975 §9 has letters only; FILE_OFFSET of Blink brings the underscore. */
export const METHOD = /^[A-Z_]+$/;

/** Reads `MSRP <transaction id> <method>` or `MSRP <transaction id> <status> [comment]` (RFC 4975 §9). */
export function parseStartLine(line: string): StartLine {
  if (!line.startsWith('MSRP ')) throw new MsrpError('malformed-frame', 'A frame must begin with MSRP');
  const idEnd = line.indexOf(' ', 5);
  const transactionId = line.slice(5, idEnd < 0 ? undefined : idEnd);
  if (!IDENTIFIER.test(transactionId)) {
    throw new MsrpError('invalid-transaction-id', 'A transaction id has 4 to 32 letters, digits or .-+%=');
  }
  if (idEnd < 0) throw new MsrpError('malformed-frame', 'A start line without method or status');
  const wordEnd = line.indexOf(' ', idEnd + 1);
  const word = line.slice(idEnd + 1, wordEnd < 0 ? undefined : wordEnd);
  if (STATUS.test(word)) {
    const comment = wordEnd < 0 ? '' : line.slice(wordEnd + 1);
    return { kind: 'response', transactionId, status: Number(word), comment };
  }
  if (wordEnd < 0 && METHOD.test(word)) return { kind: 'request', transactionId, method: word };
  throw new MsrpError('malformed-frame', 'A start line with neither method nor status');
}

/** Reads one header line; a space after the colon may be missing. */
export function parseHeaderLine(line: string): HeaderField {
  const colon = line.indexOf(':');
  if (colon < 1) throw new MsrpError('malformed-frame', 'A header line without a name');
  const value = line.charCodeAt(colon + 1) === 0x20 ? line.slice(colon + 2) : line.slice(colon + 1);
  return [canonicalName(line.slice(0, colon)), value];
}

export function makeHead(start: StartLine, fields: readonly HeaderField[]): FrameHead {
  // written out, as spreading costs more than all the rest
  const headers = new Headers(fields);
  const { transactionId } = start;
  if (start.kind === 'request') return { kind: 'request', transactionId, method: start.method, headers };
  return { kind: 'response', transactionId, status: start.status, comment: start.comment, headers };
}
