import { MsrpError } from '../errors.ts';

/** Header fields of RFCs 4975, 4976 and 7701 and the MIME ones, as they are written. */
const CANONICAL_NAMES = [
  'To-Path',
  'From-Path',
  'Message-ID',
  'Success-Report',
  'Failure-Report',
  'Byte-Range',
  'Status',
  'Use-Path',
  'Expires',
  'Min-Expires',
  'Max-Expires',
  'WWW-Authenticate',
  'Authorization',
  'Authentication-Info',
  'Use-Nickname',
  'Keep-Alive',
  'Content-Type',
  'Content-ID',
  'Content-Description',
  'Content-Disposition',
] as const;

const CANONICAL = new Map<string, string>(CANONICAL_NAMES.map((name) => [name.toLowerCase(), name]));
for (const name of CANONICAL_NAMES) CANONICAL.set(name, name);

/** The name as it is written: known ones in their usual case, others as they are. */
export function canonicalName(name: string): string {
  return CANONICAL.get(name) ?? CANONICAL.get(name.toLowerCase()) ?? name;
}

/** A header field: name and value. */
export type HeaderField = readonly [name: string, value: string];

/** The header fields of one message, in the order they came; names match in any case. */
export class Headers {
  readonly #fields: readonly HeaderField[];

  /** Names must be canonical already where they are known; `Headers.from` sees to that. */
  constructor(fields: readonly HeaderField[]) {
    this.#fields = fields;
  }

  static from(fields: Iterable<HeaderField>): Headers {
    return new Headers([...fields].map(([name, value]) => [canonicalName(name), value]));
  }

  /** The first value of a field. */
  get(name: string): string | undefined {
    const canonical = canonicalName(name);
    for (const field of this.#fields) if (field[0] === canonical) return field[1];
    if (CANONICAL.has(canonical)) return undefined;
    const lower = name.toLowerCase();
    return this.#fields.find((field) => field[0].toLowerCase() === lower)?.[1];
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  [Symbol.iterator](): Iterator<HeaderField> {
    return this.#fields[Symbol.iterator]();
  }
}

const NAME = /^[A-Za-z][!#-'*+\-.0-9A-Z^-~]*$/;

/**
 * Checks a field before it is written: a control character would let its author write frames of their own.
 *
 * @throws MsrpError `invalid-header`
 */
export function checkField([name, value]: HeaderField): void {
  if (!NAME.test(name)) throw new MsrpError('invalid-header', 'Not a header field name');
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) {
      throw new MsrpError('invalid-header', `A control character in the value of ${name}`);
    }
  }
}

/** The value of Byte-Range (RFC 4975 §7.1.1); positions count from 1, `undefined` stands for `*`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number | undefined;
  readonly total: number | undefined;
}

const STAR = 0x2a;
const ZERO = 0x30;

/**
 * Reads a Byte-Range.
 *
 * @throws MsrpError `invalid-header`
 * @example parseByteRange('1-*\/8') // { start: 1, end: undefined, total: 8 }
 */
export function parseByteRange(value: string): ByteRange {
  const text = value.trim();
  const hyphen = text.indexOf('-');
  const slash = text.indexOf('/', hyphen + 1);
  if (hyphen < 0 || slash < 0) throw new MsrpError('invalid-header', 'Not a Byte-Range');
  const start = position(text, 0, hyphen);
  const end = position(text, hyphen + 1, slash);
  const total = position(text, slash + 1, text.length);
  // RFC 4975 §7.1.1: the first octet has position one
  if (start === undefined || start < 1) throw new MsrpError('invalid-header', 'A Byte-Range out of bounds');
  return { start, end, total };
}

/** Digits as a number, a star as undefined. Every chunk has three: an expression would take several times as long. */
function position(text: string, from: number, to: number): number | undefined {
  if (to === from + 1 && text.charCodeAt(from) === STAR) return undefined;
  if (to <= from || to - from > 16) throw new MsrpError('invalid-header', 'Not a Byte-Range');
  let number = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) throw new MsrpError('invalid-header', 'Not a Byte-Range');
    number = number * 10 + digit;
  }
  if (number > Number.MAX_SAFE_INTEGER) throw new MsrpError('invalid-header', 'A Byte-Range out of bounds');
  return number;
}

export function formatByteRange({ start, end, total }: ByteRange): string {
  return `${start}-${end ?? '*'}/${total ?? '*'}`;
}

/** The value of Status in a REPORT (RFC 4975 §7.1.2). */
export interface ReportStatus {
  /** `000`: the status means what it means in a response. */
  readonly namespace: string;
  readonly status: number;
  readonly comment: string;
}

/** Reads a Status value. @throws MsrpError `invalid-header` */
export function parseStatus(value: string): ReportStatus {
  const match = /^(\d{3}) (\d{3})(?: (.*))?$/.exec(value.trim());
  if (match === null) throw new MsrpError('invalid-header', 'Not a Status');
  const [, namespace = '', status = '', comment = ''] = match;
  return { namespace, status: Number(status), comment };
}

/** Value of Failure-Report (RFC 4975 §7.1.1). */
export type FailureReport = 'yes' | 'no' | 'partial';

/** RFC 4975 §7.1.1: absent, and anything nobody has defined, means `yes`. */
export function failureReportOf(headers: Headers): FailureReport {
  const value = headers.get('Failure-Report')?.trim().toLowerCase();
  return value === 'no' || value === 'partial' ? value : 'yes';
}

/** RFC 4975 §7.1.1: absent means no. */
export function successReportOf(headers: Headers): boolean {
  return headers.get('Success-Report')?.trim().toLowerCase() === 'yes';
}
