import { type Address, domainOf, userOf } from '../../../contract/index.ts';
import { parseSipAddress, uriText } from '../../sip-address.ts';
import { childOf, escapeXml, type XmlElement } from '../../xml-tree.ts';
import { spliced, withChildren, withContent } from '../xml-edit.ts';
import { parseDocument } from './limits.ts';

/** The services a resource list server offers (RFC 4826 §4): ours is one flat list of everybody we watch. */
export const RLS_SERVICES = 'rls-services';
export const RLS_SERVICES_TYPE = 'application/rls-services+xml';
const NAMESPACE = 'urn:ietf:params:xml:ns:rls-services';
const LISTS = 'urn:ietf:params:xml:ns:resource-lists';
const EMPTY = `<?xml version="1.0" encoding="UTF-8"?>\n<rls-services xmlns="${NAMESPACE}"/>`;

/** What is subscribed to instead of each contact: nobody's address, and the same on all our devices. */
export const serviceOf = (own: Address): Address => `sip:${userOf(own)}+contacts@${domainOf(own)}`;

const findService = (root: XmlElement, service: Address): XmlElement | undefined =>
  root.children.find((child) => child.name === 'service' && parseSipAddress(child.attributes.uri ?? '') === service);

/** The document's root. Undefined when it cannot be understood. */
export const readServices = (text: string): XmlElement | undefined => parseDocument(text, 'rls-services', NAMESPACE);

/** Who is in our service; undefined when there is none of our making. */
export const readService = (text: string, service: Address): Address[] | undefined => {
  const root = readServices(text);
  const list = root && childOf(findService(root, service), 'list');
  return list?.children.flatMap((entry) => {
    const address = entry.name === 'entry' ? parseSipAddress(entry.attributes.uri ?? '') : undefined;
    return typeof address === 'string' ? [address] : [];
  });
};

/**
 * The document with our service holding exactly these people; services of others stay. Undefined when the document cannot
 * be understood.
 */
export const changeService = (
  text: string | undefined,
  service: Address,
  people: readonly Address[],
): string | undefined => {
  const source = text ?? EMPTY;
  const root = readServices(source);
  if (!root) return undefined;
  const known = text === undefined ? undefined : readService(text, service);
  if (known?.length === people.length && people.every((address) => known.includes(address))) return source;
  const entries = people.map((address) => `<entry xmlns="${LISTS}" uri="${escapeXml(uriText(address))}"/>`);
  const inside = `<list xmlns="${NAMESPACE}">${entries.join('')}</list><packages xmlns="${NAMESPACE}"><package>presence</package></packages>`;
  const element = findService(root, service);
  const splice = element
    ? withContent(source, element, inside)
    : withChildren(
        source,
        root,
        `<service xmlns="${NAMESPACE}" uri="${escapeXml(uriText(service))}">${inside}</service>`,
      );
  return spliced(source, [splice]);
};
