import fs from 'node:fs';
import path from 'node:path';
import type { ProviderLog } from '../../protocols/contract/index.ts';
import { isNoRoom } from './store/disk-room.ts';

const FILE = 'aims.log';
const MAXIMUM_BYTES = 1024 * 1024;
/** `aims.log` and `aims.log.1` (younger) to `aims.log.4` (oldest). */
const MAXIMUM_FILES = 5;
const MAXIMUM_FACT = 2000;

/** Names of facts whose values never reach the disk. */
const SECRET_NAME =
  /pass(word|wd|phrase)?$|secret|token|nonce|digest|hash|^(key|body|text|note|draft|query|response|credential.*|authorization)$/i;

/** Secrets inside of other text, such as an error's message that quotes a header. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\b((?:proxy-)?authorization\s*:)[^\r\n]*/gi, '$1 …'],
  [
    /\b(password|passwd|secret|token|response|c?nonce|opaque|auth|rspauth)(\s*[=:]\s*)("(?:[^"\\]|\\.)*"|[^\s,;&]+)/gi,
    '$1$2…',
  ],
  // user:password@ in an address; a plain sip:user@host has no second colon
  [/(\b[a-z][a-z0-9+.-]*:(?:\/\/)?[^\s:@/]+:)[^\s@/]+@/gi, '$1…@'],
  // 32 or more hexadecimal digits: a hash, whatever it is called
  [/\b[0-9a-f]{32,}\b/gi, '…'],
];

/** What may be written of a text: no password, no hash, and no more than anybody would read. */
export function redact(text: string): string {
  let clean = text.length > MAXIMUM_FACT ? `${text.slice(0, MAXIMUM_FACT)}…` : text;
  for (const [pattern, replacement] of SECRETS) clean = clean.replace(pattern, replacement);
  return clean;
}

/** The program's log: one JSON object a line. Addresses may be in it; passwords, hashes and message texts never. */
export interface Log {
  readonly write: ProviderLog;
  /** An error nobody expected, with its stack and causes. */
  readonly error: (event: string, error: unknown) => void;
  readonly close: () => void;
}

/**
 * Writes at once and in order, and whole lines; when the disk takes nothing, `refused` is told, and the program goes on
 * without. The first line after that says how many are missing.
 *
 * @example log.write('info', 'core.started', { version: '0.1.0' });
 */
export function openLog(folder: string, now: () => number, refused: () => void = () => undefined): Log {
  const file = path.join(folder, FILE);
  let handle: number | undefined;
  let size = 0;
  let missing = 0;

  const open = (): void => {
    handle = fs.openSync(file, 'a', 0o600);
    size = fs.fstatSync(handle).size;
  };
  const close = (): void => {
    if (handle !== undefined) fs.closeSync(handle);
    handle = undefined;
  };
  const rotate = (): void => {
    close();
    for (let number = MAXIMUM_FILES - 1; number >= 1; number--) {
      const younger = number === 1 ? file : `${file}.${number - 1}`;
      if (fs.existsSync(younger)) fs.renameSync(younger, `${file}.${number}`);
    }
  };

  const append = (line: object): void => {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    if (handle === undefined) open();
    if (size > 0 && size + bytes.length > MAXIMUM_BYTES) {
      rotate();
      open();
    }
    const written = fs.writeSync(handle as number, bytes);
    if (written < bytes.length) {
      fs.ftruncateSync(handle as number, size);
      throw Object.assign(new Error('half a line'), { code: 'ENOSPC' });
    }
    size += written;
  };

  const write: ProviderLog = (level, event, facts = {}) => {
    const time = new Date(now()).toISOString();
    const line: Record<string, string | number | boolean> = { time, level, event };
    for (const [name, value] of Object.entries(facts)) {
      if (SECRET_NAME.test(name)) line[name] = '…';
      else line[name] = typeof value === 'string' ? redact(value) : value;
    }
    try {
      if (missing > 0) append({ time, level: 'warn', event: 'log.lines-missing', lines: missing });
      missing = 0;
      append(line);
    } catch (error) {
      // messages come first: without a log the program goes on
      missing += 1;
      if (isNoRoom(error)) refused();
    }
  };

  const error = (event: string, cause: unknown): void => write('error', event, { error: describe(cause) });
  return { write, error, close };
}

/** Name, code, message and stack of an error and of what caused it. */
function describe(error: unknown): string {
  const parts: string[] = [];
  for (let cause = error, depth = 0; cause !== undefined && depth < 4; depth++) {
    if (!(cause instanceof Error)) {
      parts.push(typeof cause === 'string' ? cause : Object.prototype.toString.call(cause));
      break;
    }
    parts.push(cause.stack ?? `${cause.name}: ${cause.message}`);
    cause = cause.cause;
  }
  return parts.join(' <- ');
}
