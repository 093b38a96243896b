// oxlint-disable-next-line typescript/triple-slash-reference -- ambient types cannot be imported, and must come along
/// <reference path="../xmpp-js.d.ts" />
import xml, { Element } from '@xmpp/xml';

// The one door to the XML builder, so that its types come along wherever it is used.
export { Element, xml };

// All that XML 1.0 §2.2 does not allow, lone surrogates too: a server answers one with not-well-formed and closes the stream.
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Text that any XML parser takes: what XML forbids, and lone surrogates, become U+FFFD. */
export const cleanText = (text: string): string => text.replace(FORBIDDEN, '\ufffd');

/** Incoming text as the program keeps it: line ends are LF, other control characters and byte order marks are gone. */
export const normaliseText = (text: string): string =>
  cleanText(text)
    .replace(/\r\n?/g, '\n')
    .replace(/(?![\n\t])[\p{Cc}\ufeff]/gu, '');

/** The beginning of a text: at most so many UTF-16 units, and no half of a character. */
export const beginningOf = (text: string, maximum: number): string =>
  text.length <= maximum ? text : text.slice(0, maximum).replace(/[\ud800-\udbff]$/, '');

/** A name or a note from outside: trimmed, and not longer than anybody reads. */
export const normaliseLine = (text: string | null | undefined): string =>
  beginningOf(normaliseText(beginningOf(text ?? '', 2000)).trim(), 300);

/** XEP-0082 DateTime as ms since the epoch; undefined when it is none. */
export const parseDateTime = (text: string | undefined): number | undefined => {
  if (!text || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
};
