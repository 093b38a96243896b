import { randomUUID } from 'node:crypto';
import { parseJid } from '../address.ts';
import { NS } from '../namespaces.ts';
import { beginningOf, type Element, normaliseLine, normaliseText, xml } from '../stream/xml.ts';

/** Ids of what is no text: an error about one of these is no news about a text. */
const AUXILIARY = 'aux-';
export const isAuxiliary = (id: string): boolean => id.startsWith(AUXILIARY);

/** A text to somebody, with all that lets it be told apart and confirmed. `nick`: our name, for who does not know us. */
export const textMessage = (to: string, id: string, text: string, nick?: string): Element =>
  xml(
    'message',
    { type: 'chat', to, id },
    xml('body', {}, text.replace(/\r\n?/g, '\n')),
    ...requests(id),
    // XEP-0085 §5.1: without a chat state in it, a message says that we know none, and the peer stops telling
    xml('active', NS.chatStates),
    // XEP-0172 §4.4
    nick ? xml('nick', NS.nick, nick) : undefined,
  );

/** XEP-0359 origin-id, XEP-0184 request, XEP-0333 markable. */
export const requests = (id: string): Element[] => [
  xml('origin-id', { xmlns: NS.stanzaId, id }),
  xml('request', NS.receipts),
  xml('markable', NS.markers),
];

const auxiliary = (to: string, ...children: Element[]): Element =>
  xml('message', { type: 'chat', to, id: `${AUXILIARY}${randomUUID()}` }, ...children);

/** XEP-0184 §5.4: carries no request itself. */
export const receiptMessage = (to: string, id: string): Element =>
  auxiliary(to, xml('received', { xmlns: NS.receipts, id }), xml('store', NS.hints));

export const displayedMessage = (to: string, id: string): Element =>
  auxiliary(to, xml('displayed', { xmlns: NS.markers, id }), xml('store', NS.hints));

/** XEP-0085 §5.2: alone; nobody keeps it, nobody copies it. */
export const chatStateMessage = (to: string, state: 'composing' | 'paused'): Element =>
  auxiliary(
    to,
    xml(state, NS.chatStates),
    xml('no-store', NS.hints),
    xml('no-copy', NS.hints),
    xml('private', NS.carbons),
  );

/** XEP-0198 §4: a text sent again says when it was sent first. */
export const withDelay = (stanza: Element, sentAt: number): Element => {
  if (!stanza.getChild('delay', NS.delay)) {
    stanza.append(xml('delay', { xmlns: NS.delay, stamp: new Date(sentAt).toISOString() }));
  }
  return stanza;
};

/** What a message says, whoever carried it. */
export interface DecodedMessage {
  /** Bare JIDs. */
  from: string;
  to: string;
  fromResource: string;
  type: string;
  /** The sender's id; empty when it gave none. */
  id: string;
  stanza: Element;
  /** Undefined when there is none. Line ends are LF, control characters are gone. */
  text: string | undefined;
  /** The text was longer. */
  isCut: boolean;
  /** RFC 6121 §5.2.4: what the text is about; empty when it does not say so. */
  subject: string;
  nick: string | undefined;
  wantsReceipt: boolean;
  markable: boolean;
  /** Ids of ours that these tell about. */
  received: string | undefined;
  displayed: string | undefined;
  chatState: 'active' | 'composing' | 'paused' | 'inactive' | 'gone' | undefined;
}

/** In UTF-16 units: more than usual servers let through in one stanza, and as much as a window shows without pain. */
const MAXIMUM_BODY = 256 * 1024;
const MAXIMUM_SUBJECT = 1000;

const CHAT_STATES = ['active', 'composing', 'paused', 'inactive', 'gone'] as const;

const textOf = (stanza: Element, name: 'body' | 'subject'): string | undefined => {
  const found = stanza.getChildren(name, NS.client);
  // RFC 6121 §5.2.3, §5.2.4: one per language; the one without a language is for everybody
  const text = found.find((element) => element.attrs['xml:lang'] === undefined) ?? found[0];
  return text ? normaliseText(text.getText()) : undefined;
};

/** Reads a message stanza. `own` (bare) stands for an absent `from` or `to`. Undefined for one with a broken address. */
export const decodeMessage = (stanza: Element, own: string): DecodedMessage | undefined => {
  const from = parseJid(stanza.attrs.from ?? own);
  const to = parseJid(stanza.attrs.to ?? own);
  if (!from || !to) return undefined;
  const displayed = stanza.getChild('displayed', NS.markers) ?? stanza.getChild('acknowledged', NS.markers);
  const received = stanza.getChild('received', NS.receipts) ?? stanza.getChild('received', NS.markers);
  const body = textOf(stanza, 'body');
  const nick = stanza.getChildText('nick', NS.nick);
  return {
    from: from.bare,
    to: to.bare,
    fromResource: from.resource,
    type: stanza.attrs.type ?? 'normal',
    id: stanza.attrs.id ?? stanza.getChild('origin-id', NS.stanzaId)?.attrs.id ?? '',
    stanza,
    text: body && beginningOf(body, MAXIMUM_BODY),
    isCut: body !== undefined && body.length > MAXIMUM_BODY,
    subject: beginningOf(textOf(stanza, 'subject')?.trim() ?? '', MAXIMUM_SUBJECT),
    nick: normaliseLine(nick) || undefined,
    wantsReceipt: stanza.getChild('request', NS.receipts) !== undefined,
    markable: stanza.getChild('markable', NS.markers) !== undefined,
    received: received?.attrs.id,
    displayed: displayed?.attrs.id,
    chatState: CHAT_STATES.find((state) => stanza.getChild(state, NS.chatStates)),
  };
};

/** The archive's id of a live message: only the one our own account put there (XEP-0359 §6). */
export const archiveIdOf = (stanza: Element, own: string): string | undefined =>
  stanza.getChildren('stanza-id', NS.stanzaId).find((element) => parseJid(element.attrs.by)?.bare === own)?.attrs.id;
