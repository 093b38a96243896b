import type { UnshownMessage } from '../../contract/index.ts';
import { NS } from '../namespaces.ts';
import type { Element } from '../stream/xml.ts';
import type { DecodedMessage } from './message-codec.ts';

const OMEMO = ['eu.siacs.conversations.axolotl', 'urn:xmpp:omemo:1', 'urn:xmpp:omemo:2'];
const CALLS = ['urn:xmpp:jingle-message:0', 'urn:xmpp:jingle-message:1', 'urn:xmpp:call-invites:0'];
const GROUP_CHAT = 'http://jabber.org/protocol/muc#user';
const FASTENING = 'urn:xmpp:fasten:0';
const RETRACTIONS = ['urn:xmpp:message-retract:0', 'urn:xmpp:message-retract:1', FASTENING];
const REACTIONS = 'urn:xmpp:reactions:0';

/** What belongs to a message, to a client or to the way between them: nothing in it is for a person to read. */
const NOT_TO_BE_SHOWN = new Set<string>([
  NS.archive,
  NS.capabilities,
  NS.carbons,
  NS.chatStates,
  NS.delay,
  NS.fallback,
  NS.hints,
  NS.markers,
  NS.nick,
  NS.receipts,
  NS.stanzaId,
  ...OMEMO,
  ...CALLS,
  ...RETRACTIONS,
  GROUP_CHAT,
  REACTIONS,
  'http://jabber.org/protocol/address',
  'http://jabber.org/protocol/feature-neg',
  'http://jabber.org/protocol/ibb',
  'http://jabber.org/protocol/pubsub#event',
  'jabber:x:delay',
  'jabber:x:event',
  'jabber:x:signed',
  'urn:xmpp:message-correct:0',
  'urn:xmpp:occupant-id:0',
  'urn:xmpp:push:0',
  'urn:xmpp:reply:0',
  'vcard-temp:x:update',
]);

type Rule = (children: readonly Element[]) => boolean;

const some =
  (name: string, namespaces: readonly string[], also: (child: Element) => boolean = () => true): Rule =>
  (children) =>
    children.some((child) => child.getName() === name && namespaces.includes(child.getNS() ?? '') && also(child));

const RULES: readonly (readonly [UnshownMessage, Rule])[] = [
  // XEP-0384 §5.7: without a payload it only carries a key
  ['omemo', some('encrypted', OMEMO, (child) => child.getChild('payload') !== undefined)],
  // XEP-0027 §3.2, XEP-0373 §3
  ['openpgp', (all) => some('x', ['jabber:x:encrypted'])(all) || some('openpgp', ['urn:xmpp:openpgp:0'])(all)],
  // XEP-0380 §3
  ['encrypted', some('encryption', ['urn:xmpp:eme:0'])],
  // XEP-0249 §2, XEP-0045 §7.8.2
  [
    'invitation',
    (all) =>
      some('x', ['jabber:x:conference'])(all) ||
      some('x', [GROUP_CHAT], (child) => child.getChild('invite') !== undefined)(all),
  ],
  // XEP-0353 §3.1, XEP-0482 §3.1: what follows a call is about the same call
  ['call', (all) => some('propose', CALLS)(all) || some('invite', CALLS)(all)],
  // XEP-0224 §2
  ['attention', some('attention', ['urn:xmpp:attention:0'])],
  // XEP-0444 §3: an empty one takes a reaction back
  ['reaction', some('reactions', [REACTIONS], (child) => child.getChild('reaction') !== undefined)],
  // XEP-0424 §5
  ['retraction', (all) => some('retract', RETRACTIONS)(all) || some('apply-to', [FASTENING])(all)],
  ['file', (all) => some('x', [NS.outOfBand])(all) || some('file-sharing', [NS.fileSharing])(all)],
];

/**
 * What a message without any text is, where a person would want to know that it came although it cannot be shown here.
 * Undefined where nothing in it is meant for a person.
 */
export const unshownOf = ({ stanza, type }: DecodedMessage): UnshownMessage | undefined => {
  if (type !== 'chat' && type !== 'normal') return undefined;
  const children = stanza.getChildElements();
  const [found] = RULES.find(([, applies]) => applies(children)) ?? [];
  if (found) return found;
  // XEP-0334 §4.2, §4.3: what its sender wants not to be kept is not worth a line for ever
  const isPassing = children.some((child) => child.getNS() === NS.hints && /^no-(permanent-)?store$/.test(child.name));
  const isUnknown = children.some((child) => {
    const namespace = child.getNS() ?? NS.client;
    return namespace !== NS.client && !NOT_TO_BE_SHOWN.has(namespace);
  });
  return isUnknown && !isPassing ? 'other' : undefined;
};
