import { parseXml, type XmlElement } from '../../xml-tree.ts';
import { DOCUMENT_MAXIMUM } from '../xcap-client.ts';

/** A contact takes two elements in a list; a document of the largest size has fewer than this. */
const ELEMENTS_MAXIMUM = 50_000;

/** The root of a document of ours; undefined when it is not well-formed, has a document type, or is something else. */
export const parseDocument = (text: string, name: string, namespace: string): XmlElement | undefined => {
  const root = parseXml(text, { characters: DOCUMENT_MAXIMUM, elements: ELEMENTS_MAXIMUM });
  return root?.name === name && root.namespace === namespace ? root : undefined;
};
