import { createHash } from 'node:crypto';
import type { IqCallee } from '@xmpp/iq/callee.js';
import { NS } from '../namespaces.ts';
import { type Element, xml } from '../stream/xml.ts';

const IDENTITY = { category: 'client', type: 'pc', name: 'AIMS' };
const NODE = 'https://github.com/aims-im/aims';
/** What others may rely on when they talk to us. */
const FEATURES: readonly string[] = [
  NS.capabilities,
  NS.chatStates,
  NS.discoInfo,
  NS.discoItems,
  NS.fileSharing,
  NS.idle,
  NS.markers,
  NS.nick,
  NS.outOfBand,
  NS.ping,
  NS.receipts,
  NS.stanzaId,
  NS.version,
];

const byOctets = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** XEP-0115 §5.1 for one identity without language and no forms. */
export const verificationString = (
  identity: { category: string; type: string; name: string },
  features: readonly string[],
): string => {
  const parts = [`${identity.category}/${identity.type}//${identity.name}`, ...[...features].sort(byOctets)];
  return createHash('sha1')
    .update(parts.map((part) => `${part}<`).join(''))
    .digest('base64');
};

const VERIFICATION = verificationString(IDENTITY, FEATURES);

/** The `<c/>` for our presence (XEP-0115 §4). */
export const capabilities = (): Element =>
  xml('c', { xmlns: NS.capabilities, hash: 'sha-1', node: NODE, ver: VERIFICATION });

/** XEP-0030 §4.1: an entity without items says so with an empty list. */
const discoItems = ({ attrs: { node } }: Element): Element => xml('query', { xmlns: NS.discoItems, node });

const discoInfo = (query: Element): Element => {
  const { node } = query.attrs;
  // XEP-0030 §7, XEP-0115 §6.2: only the nodes that we announced
  if (node !== undefined && node !== `${NODE}#${VERIFICATION}`) {
    return xml('error', { type: 'cancel' }, xml('item-not-found', NS.stanzaErrors));
  }
  const features = FEATURES.map((feature) => xml('feature', { var: feature }));
  return xml('query', { xmlns: NS.discoInfo, node }, xml('identity', IDENTITY), features);
};

/** Answers what every client is asked: what it can do, what it is (`version`: of the program), whether it lives. */
export const answerOthers = (answers: IqCallee, version: string): void => {
  answers.get(NS.discoInfo, 'query', ({ element }) => discoInfo(element));
  answers.get(NS.discoItems, 'query', ({ element }) => discoItems(element));
  answers.get(NS.ping, 'ping', () => true);
  answers.get(NS.version, 'query', () =>
    xml('query', NS.version, xml('name', {}, IDENTITY.name), xml('version', {}, version)),
  );
};
