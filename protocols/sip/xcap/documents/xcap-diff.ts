import { parseXml } from '../../xml-tree.ts';

/** What changed in documents (RFC 5874), told by the event package of that name (RFC 5875). */
export const XCAP_DIFF = 'xcap-diff';
export const XCAP_DIFF_TYPE = 'application/xcap-diff+xml';
const NAMESPACE = 'urn:ietf:params:xml:ns:xcap-diff';

export interface DocumentState {
  /** Document selector as it came. */
  selector: string;
  /** The tag it has now; undefined: it was removed, or the server does not say. */
  etag: string | undefined;
}

/** The documents a notice speaks of. Undefined when it is none. */
export const readXcapDiff = (text: string): DocumentState[] | undefined => {
  const root = parseXml(text);
  if (root?.name !== 'xcap-diff' || root.namespace !== NAMESPACE) return undefined;
  return root.children
    .filter((child) => child.name === 'document')
    .map(({ attributes }) => ({ selector: attributes.sel ?? '', etag: attributes['new-etag'] }));
};
