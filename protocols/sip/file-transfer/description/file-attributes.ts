// The small attributes of RFC 5547 §6 beside the file-selector: text to value and back.

/** Dates in ms since the epoch (RFC 5547 file-date); whole seconds on the wire. */
export interface FileDates {
  createdAt?: number;
  modifiedAt?: number;
  readAt?: number;
}

/** Bytes wanted, first and last inclusive, the first byte of a file being 1; no `stop`: to the end. */
export interface FileRange {
  start: number;
  stop?: number;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const NAMES = { creation: 'createdAt', modification: 'modifiedAt', read: 'readAt' } as const;

const two = (value: number): string => String(value).padStart(2, '0');

/** RFC 5322 §3.3 date-time, in UTC with the numeric zone that RFC 5547 §6 asks for. */
const formatDateTime = (at: number): string => {
  const date = new Date(at);
  const day = `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]}`;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day} ${String(date.getUTCFullYear()).padStart(4, '0')} ${time} +0000`;
};

const DATE_TIME =
  /^(?:[A-Za-z]{3},)?\s*(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})\s+(\d{2}):(\d{2})(?::(\d{2}))?\s+(?:([+-])(\d{2})(\d{2})|GMT|UTC?)$/;

const parseDateTime = (text: string): number | undefined => {
  const match = DATE_TIME.exec(text.trim());
  if (!match) return undefined;
  const [, day, monthName = '', year, hour, minute, second = '0', sign, zoneHours = '0', zoneMinutes = '0'] = match;
  const month = MONTHS.findIndex((name) => name.toLowerCase() === monthName.toLowerCase());
  if (month < 0) return undefined;
  const local = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
  const zone = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000;
  return sign === '-' ? local + zone : local - zone;
};

/**
 * The value of `a=file-date:`, undefined when no date is known.
 *
 * @example formatFileDate({ modifiedAt: 0 }) // modification:"Thu, 01 Jan 1970 00:00:00 +0000"
 */
export function formatFileDate(dates: FileDates): string | undefined {
  const parts = Object.entries(NAMES).flatMap(([name, key]) => {
    const at = dates[key];
    return at === undefined ? [] : [`${name}:"${formatDateTime(at)}"`];
  });
  return parts.length > 0 ? parts.join(' ') : undefined;
}

/** Dates are only told to a person: what cannot be read is left out, never a reason to refuse a file. */
export function parseFileDate(text: string): FileDates {
  const dates: FileDates = {};
  for (const [, name = '', value = ''] of text.matchAll(/(creation|modification|read):"([^"]{1,64})"/g)) {
    const at = parseDateTime(value);
    const key = NAMES[name as keyof typeof NAMES];
    if (at !== undefined && dates[key] === undefined) dates[key] = at;
  }
  return dates;
}

/** The value of `a=file-range:`: `1-*`, `4097-32349`. */
export const formatFileRange = (range: FileRange): string => `${range.start}-${range.stop ?? '*'}`;

/** Undefined when it is no range. An empty one, start one behind stop, is let through: nothing is left to send. */
export function parseFileRange(text: string): FileRange | undefined {
  const match = /^(\d{1,16})-(?:(\d{1,16})|\*)$/.exec(text.trim());
  if (!match) return undefined;
  const start = Number(match[1]);
  const stop = match[2] === undefined ? undefined : Number(match[2]);
  if (!Number.isSafeInteger(start) || start < 1) return undefined;
  if (stop === undefined) return { start };
  return Number.isSafeInteger(stop) && stop >= start - 1 ? { start, stop } : undefined;
}

/** RFC 4566 token, which file-transfer-id and file-disposition are. */
export const isToken = (text: string): boolean => /^[\x21\x23-\x27*+\-.0-9A-Z^-~]{1,255}$/.test(text);

/** `cid:` URL (RFC 2392) to the Content-ID without angle brackets, and back. */
export const parseCidUrl = (text: string): string | undefined => {
  const match = /^cid:([^\s<>"]{1,255})$/i.exec(text.trim());
  try {
    return match ? decodeURIComponent(match[1] ?? '') : undefined;
  } catch {
    return undefined; // a broken escape names no part
  }
};
export const formatCidUrl = (contentId: string): string => `cid:${encodeURIComponent(contentId).replace('%40', '@')}`;
