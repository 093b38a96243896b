import { SaxesParser } from 'saxes';

/** One element of a small XML document, names without prefixes. */
export interface XmlElement {
  /** Namespace URI. */
  namespace: string;
  name: string;
  /** Attributes without a namespace. */
  attributes: Readonly<Record<string, string>>;
  /** `xml:lang` of this element itself. */
  language: string | undefined;
  children: readonly XmlElement[];
  /** All text directly inside, trimmed. */
  text: string;
  /** Where it stands in the source. */
  place: XmlPlace;
}

/** Offsets into the source text, for changing one element and nothing else. */
export interface XmlPlace {
  start: number;
  /** Behind the `>` of the opening tag. */
  openEnd: number;
  /** The `<` of the closing tag; equal to `openEnd` for an element closed in its opening tag. */
  closeStart: number;
  end: number;
}

export interface XmlLimits {
  characters: number;
  elements: number;
}

const USUAL: XmlLimits = { characters: 262_144, elements: 5_000 };
const DEPTH_MAXIMUM = 32;

/**
 * Reads a whole document. Undefined when it is not well-formed, too big or deep, or has a document type: entities
 * declared there are how a few bytes become gigabytes.
 */
export const parseXml = (text: string, limits: XmlLimits = USUAL): XmlElement | undefined => {
  if (text.length > limits.characters) return undefined;
  interface Open {
    namespace: string;
    name: string;
    attributes: Record<string, string>;
    language: string | undefined;
    children: Open[];
    text: string;
    place: XmlPlace;
  }
  const parser = new SaxesParser({ xmlns: true });
  const open: Open[] = [];
  let root: Open | undefined;
  let count = 0;
  const refuse = (): never => {
    throw new Error('refused');
  };
  parser.on('error', refuse);
  parser.on('doctype', refuse);
  parser.on('opentag', (tag) => {
    if (++count > limits.elements || open.length >= DEPTH_MAXIMUM) refuse();
    const attributes: Record<string, string> = {};
    for (const attribute of Object.values(tag.attributes))
      if (attribute.uri === '') attributes[attribute.local] = attribute.value;
    // no `<` can stand inside a tag, so the last one before its end begins it
    const openEnd = parser.position;
    const start = text.lastIndexOf('<', openEnd - 1);
    const place = { start, openEnd, closeStart: openEnd, end: openEnd };
    const language = tag.attributes['xml:lang']?.value;
    const element: Open = { namespace: tag.uri, name: tag.local, attributes, language, children: [], text: '', place };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  const addText = (data: string): void => {
    const top = open.at(-1);
    if (top) top.text += data;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', ({ isSelfClosing }) => {
    const closed = open.pop();
    if (!closed) return;
    closed.text = closed.text.trim();
    if (isSelfClosing) return;
    closed.place.end = parser.position;
    closed.place.closeStart = text.lastIndexOf('<', parser.position - 1);
  });
  try {
    parser.write(text).close();
  } catch {
    return undefined;
  }
  return root;
};

/** First child of that name, and namespace if given. */
export const childOf = (element: XmlElement | undefined, name: string, namespace?: string): XmlElement | undefined =>
  element?.children.find((c) => c.name === name && (namespace === undefined || c.namespace === namespace));

/** Text for an element or a quoted attribute; characters XML can't carry are left out. */
export const escapeXml = (text: string): string =>
  text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '')
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
