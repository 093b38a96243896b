import { INVISIBLE, PILE_OF_MARKS } from '../../invisible.ts';

/** Leaves room for ` (999)` and `.part` within the 255 bytes that file systems allow. */
const MAXIMUM_BYTES = 200;
/** A longer ending is no extension, only a dot in a name. */
const MAXIMUM_EXTENSION_BYTES = 20;
/** Of a longer name only the end is looked at: it has the extension, and the peer chose its length. */
const MAXIMUM_READ = 1024;
const FALLBACK = 'file';

/** Letters and signs without a shape: to the eye they are spaces, and as such they push an extension out of sight. */
const BLANK = /[\s\u115F\u1160\u2800\u3164\uFFA0]+/gu;
/** Refused by Windows; the colon also opens a hidden stream there, and separates folders on macOS. */
const FORBIDDEN = /[<>:"|?*]/g;
/** Names of devices on Windows, also with an extension, and spaces before that; and files that Windows obeys when it shows their folder. */
const RESERVED =
  /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\.|$)|^(?:desktop\.ini|autorun\.inf)$/i;

const bytesOf = (text: string): number => Buffer.byteLength(text, 'utf8');

/** Where the extension begins; `.tar.gz` and the like are one. The length when there is none. */
function extensionStart(name: string): number {
  const match = /(?:\.tar)?\.[^. ]+$/i.exec(name);
  return match && match.index > 0 && bytesOf(match[0]) <= MAXIMUM_EXTENSION_BYTES ? match.index : name.length;
}

function cut(text: string, bytes: number): string {
  let result = '';
  let used = 0;
  for (const character of text) {
    used += bytesOf(character);
    if (used > bytes) break;
    result += character;
  }
  return result;
}

/** Without controls, and without what is invisible or turns the reading direction: with U+202E `exe.gpj` reads as `jpg.exe`. */
const withoutUnseen = (name: string): string => name.replace(/[\p{Cc}\u2028\u2029]/gu, '').replace(INVISIBLE, '');

const trim = (name: string): string => name.replace(/^[. ]+|[. ]+$/g, '');

/**
 * A name from outside as one that can be shown and written on every system: no folders, nothing invisible, nothing that
 * a system takes for something else, at most 200 bytes of UTF-8 with its extension kept.
 *
 * @example safeName('../../etc/passwd') // 'passwd'
 * @example safeName('CON.txt') // '_CON.txt'
 */
export function safeName(name: string): string {
  const last = name
    .slice(-MAXIMUM_READ)
    .replace(/\p{Cs}/gu, '\u{FFFD}')
    .split(/[/\\]/)
    .findLast((part) => trim(withoutUnseen(part)) !== '');
  let safe = trim(
    withoutUnseen(last ?? '')
      // only now: what is taken out may have kept a letter and its accent apart
      .normalize('NFC')
      .replace(FORBIDDEN, '_')
      // many spaces push the true extension out of sight
      .replace(BLANK, ' ')
      .replace(PILE_OF_MARKS, '$1'),
  );
  if (bytesOf(safe) > MAXIMUM_BYTES) {
    const extension = safe.slice(extensionStart(safe));
    safe = `${trim(cut(safe.slice(0, safe.length - extension.length), MAXIMUM_BYTES - bytesOf(extension)))}${extension}`;
  }
  if (safe === '') return FALLBACK;
  return RESERVED.test(safe) ? `_${safe}` : safe;
}

/**
 * The name of a file of ours as it is told and shown: what it is called here, without what cannot be seen. Each protocol
 * escapes what it has to, and the receiver makes it safe for its own disk.
 *
 * @example ownName('a "b"  c.txt') // 'a "b"  c.txt'
 */
export function ownName(name: string): string {
  const shown = withoutUnseen(name.replace(/\p{Cs}/gu, '\u{FFFD}'));
  return shown.trim() === '' ? FALLBACK : shown;
}

/** The next name to try when one is taken: `report.pdf`, `report (2).pdf`, … `attempt` counts from 1. */
export function numberedName(name: string, attempt: number): string {
  if (attempt === 1) return name;
  const start = extensionStart(name);
  return `${name.slice(0, start)} (${attempt})${name.slice(start)}`;
}

/** Whether this is the name, or one of those that are tried when it is taken. */
export function isThatName(candidate: string, name: string): boolean {
  const attempt = / \((\d{1,3})\)(?:\.[^.]*)*$/.exec(candidate)?.[1];
  return candidate === name || (attempt !== undefined && candidate === numberedName(name, Number(attempt)));
}
