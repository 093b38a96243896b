import { childOf, parseXml } from '../../xml-tree.ts';

/** What an XCAP server can do (RFC 4825 §12). */
export const XCAP_CAPS = 'xcap-caps';
const NAMESPACE = 'urn:ietf:params:xml:ns:xcap-caps';

/** The application usages it has. Undefined when the document is none. */
export const readCapabilities = (text: string): ReadonlySet<string> | undefined => {
  const root = parseXml(text);
  if (root?.name !== 'xcap-caps' || root.namespace !== NAMESPACE) return undefined;
  return new Set(childOf(root, 'auids')?.children.map((auid) => auid.text));
};
