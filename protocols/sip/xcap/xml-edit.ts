import type { XmlElement } from '../xml-tree.ts';

/** One piece of a text to be replaced; `start` equal to `end` inserts. */
export interface Splice {
  start: number;
  end: number;
  text: string;
}

/** The text with all pieces replaced at once. They must not overlap; insertions at one place keep their order. */
export const spliced = (text: string, splices: readonly Splice[]): string => {
  const ordered = [...splices].sort((a, b) => a.start - b.start || a.end - b.end);
  let at = 0;
  let result = '';
  for (const { start, end, text: piece } of ordered) {
    result += text.slice(at, start) + piece;
    at = end;
  }
  return result + text.slice(at);
};

/** An element as it is written in its document. */
export const sourceOf = (text: string, { place }: XmlElement): string => text.slice(place.start, place.end);

/** Takes an element out, with the white space before it. */
export const without = (text: string, { place }: XmlElement): Splice => {
  const before = /\s*$/.exec(text.slice(0, place.start))?.[0].length ?? 0;
  return { start: place.start - before, end: place.end, text: '' };
};

const tagName = (text: string, { place }: XmlElement): string =>
  /^<([^\s/>]+)/.exec(text.slice(place.start, place.openEnd))?.[1] ?? '';

/** Puts written elements behind the last, or before the first child. */
export const withChildren = (
  text: string,
  element: XmlElement,
  written: string,
  where: 'first' | 'last' = 'last',
): Splice => {
  const { openEnd, closeStart, end } = element.place;
  const isSelfClosing = text.slice(openEnd - 2, openEnd) === '/>' && closeStart === end;
  if (isSelfClosing) return { start: openEnd - 2, end: openEnd, text: `>${written}</${tagName(text, element)}>` };
  const at = where === 'first' ? openEnd : closeStart;
  return { start: at, end: at, text: written };
};

/** Replaces all that is inside an element. */
export const withContent = (text: string, element: XmlElement, written: string): Splice => {
  const { openEnd, closeStart, end } = element.place;
  return closeStart === end ? withChildren(text, element, written) : { start: openEnd, end: closeStart, text: written };
};
