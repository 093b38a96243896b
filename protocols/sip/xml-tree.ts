import { SaxesParser } from 'saxes';

/** One element of a small XML document, names without prefixes. */
export interface XmlElement {
  /** Namespace URI. */
  namespace: string;
  name: string;
  /** Attributes without a namespace. */
  attributes: Readonly<Record<string, string>>;
  children: readonly XmlElement[];
  /** All text directly inside, trimmed. */
  text: string;
}

const CHARACTERS_MAXIMUM = 262_144;
const DEPTH_MAXIMUM = 32;
const ELEMENTS_MAXIMUM = 5_000;

/**
 * Reads a whole document. Undefined when it is not well-formed, too big or deep, or has a document type: entities
 * declared there are how a few bytes become gigabytes.
 */
export const parseXml = (text: string): XmlElement | undefined => {
  if (text.length > CHARACTERS_MAXIMUM) return undefined;
  interface Open {
    namespace: string;
    name: string;
    attributes: Record<string, string>;
    children: Open[];
    text: string;
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
    if (++count > ELEMENTS_MAXIMUM || open.length >= DEPTH_MAXIMUM) refuse();
    const attributes: Record<string, string> = {};
    for (const attribute of Object.values(tag.attributes))
      if (attribute.uri === '') attributes[attribute.local] = attribute.value;
    const element: Open = { namespace: tag.uri, name: tag.local, attributes, children: [], text: '' };
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
  parser.on('closetag', () => {
    const closed = open.pop();
    if (closed) closed.text = closed.text.trim();
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
