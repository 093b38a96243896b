import type { Address } from '../../contract/index.ts';
import { uriText } from '../sip-address.ts';

/** What RFC 3986 §3.3 lets stand in a path segment as it is. */
const SEGMENT_PLAIN = /[A-Za-z0-9\-._~!$&'()*+,;=:@]/;

/** RFC 4825 §6: what a path segment cannot carry is percent-encoded as UTF-8. */
const segment = (text: string): string =>
  Array.from(text, (c) => (SEGMENT_PLAIN.test(c) ? c : encodeURIComponent(c))).join('');

/** Which document: its application usage, and its owner's (RFC 4825 §6.2) or everybody's. */
export interface DocumentName {
  auid: string;
  /** Absent: the global tree. */
  owner?: Address;
}

/**
 * The document selector of an `index` document, percent-encoded for the wire.
 *
 * @example documentPath({ auid: 'resource-lists', owner: 'sip:ana@campus.test' }) // 'resource-lists/users/sip:ana@campus.test/index'
 */
export const documentPath = ({ auid, owner }: DocumentName): string =>
  owner === undefined
    ? `${segment(auid)}/global/index`
    : // the XUI is the URI as SIP writes it; its own percent signs are encoded once more
      `${segment(auid)}/users/${segment(uriText(owner))}/index`;

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Whether two document selectors name the same document, however each is percent-encoded (RFC 4825 §6). */
export const sameDocument = (one: string, other: string): boolean => {
  const plain = (path: string): string => decoded(decoded(path)).replace(/^\/+/, '');
  return plain(one) === plain(other);
};

/**
 * An XCAP root a person or a policy typed, ending in a slash. Undefined when it is none: only http and https, no user
 * name, no query.
 */
export const parseRoot = (text: string): URL | undefined => {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return undefined;
  }
  if (!/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) return undefined;
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
};
