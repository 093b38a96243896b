import type { Address, PeerPresence } from '../../../contract/index.ts';
import { type BodyPart, parseMultipart } from '../../multipart.ts';
import { parseSipAddress } from '../../sip-address.ts';
import { parseXml, type XmlElement } from '../../xml-tree.ts';
import { parsePidf } from '../pidf.ts';

/** Notices of a resource list server (RFC 4662 §5): who is on the list, and a presence document for each. */
export const LIST_TYPES = ['multipart/related', 'application/rlmi+xml'] as const;
const NAMESPACE = 'urn:ietf:params:xml:ns:rlmi';
const PARTS_MAXIMUM = 5_000;
const LIMITS = { characters: 1_048_576, elements: 50_000 };

/** One subscription the server keeps for us to somebody on the list. */
export interface ResourceInstance {
  id: string;
  state: 'active' | 'pending' | 'terminated';
  /** Why it was terminated (RFC 6665 §4.1.3). */
  reason: string | undefined;
  /** Undefined: nothing is said of it this time. */
  presence: PeerPresence | undefined;
}

export interface ListNotice {
  version: number;
  isFull: boolean;
  resources: ReadonlyMap<Address, readonly ResourceInstance[]>;
}

/** A notice from the body of a NOTIFY, one character per byte, with notes in `language`. Undefined when it is none. */
export const parseListNotice = (contentType: string, body: string, language: string): ListNotice | undefined => {
  const parts = parseMultipart(contentType, Buffer.from(body, 'latin1'), PARTS_MAXIMUM);
  const text = (content: Uint8Array): string => Buffer.from(content).toString('utf8');
  const meta = parts?.find((part) => /^application\/rlmi\+xml\b/i.test(part.contentType));
  const root = meta && parseXml(text(meta.content), LIMITS);
  const version = Number(root?.attributes.version ?? Number.NaN);
  if (!parts || root?.name !== 'list' || root.namespace !== NAMESPACE || !(version >= 0)) return undefined;
  const documents = new Map(parts.map((part) => [part.contentId ?? '', part]));
  // thousands may point at the same one
  const read = new Map<BodyPart, PeerPresence | undefined>();
  const presenceIn = (cid: string | undefined): PeerPresence | undefined => {
    if (cid === undefined) return undefined;
    const part = documents.get(cid.replace(/^<|>$/g, ''));
    if (part && !read.has(part)) read.set(part, parsePidf(text(part.content), language));
    // RFC 4662 §5.5: what it points at is lost or no presence, and says neither that somebody is there nor that they are not
    return (part && read.get(part)) ?? { state: 'unknown' };
  };
  const resources = new Map<Address, ResourceInstance[]>();
  for (const resource of root.children.filter(({ name }) => name === 'resource')) {
    const address = parseSipAddress(resource.attributes.uri ?? '');
    if (typeof address !== 'string') continue;
    const instances = resource.children.filter(({ name }) => name === 'instance');
    resources.set(address, [
      ...(resources.get(address) ?? []),
      ...instances.map((each) => instanceOf(each, presenceIn(each.attributes.cid))),
    ]);
  }
  // RFC 4662 §5.2: an xs:boolean
  const isFull = /^(?:true|1)$/.test(root.attributes.fullState ?? '');
  return { version, isFull, resources };
};

const instanceOf = ({ attributes }: XmlElement, presence: PeerPresence | undefined): ResourceInstance => {
  const { state } = attributes;
  return {
    id: attributes.id ?? '',
    // RFC 4662 §5.3: what is not known is to be taken for a state in which nothing is known yet
    state: state === 'active' || state === 'terminated' ? state : 'pending',
    reason: attributes.reason?.toLowerCase(),
    presence,
  };
};
