import {
  CPIM_NAMESPACE,
  type CpimMessage,
  type CpimRequirement,
  cpimHeader,
  formatCpim,
  parseCpim,
} from '../../../msrp/wrapping/cpim.ts';
import type { Address, MessageDraft, TypingState } from '../../contract/index.ts';
import { decodeTransfer, parseMultipart } from '../multipart.ts';
import { uriText } from '../sip-address.ts';
import { looksLikeHtml, textOfHtml } from './html-text.ts';
import { formatImdn, IMDN_NAMESPACE, IMDN_TYPE, type Imdn, parseImdn } from './imdn.ts';
import { formatIsComposing, IS_COMPOSING_TYPE, type IsComposing, parseIsComposing } from './is-composing.ts';

export const TEXT_TYPE = 'text/plain;charset=utf-8';
export const CPIM_TYPE = 'message/cpim';
/** For Accept. */
export const MESSAGE_TYPES = [
  'text/plain',
  'text/html',
  CPIM_TYPE,
  IS_COMPOSING_TYPE,
  IMDN_TYPE,
  'multipart/mixed',
  'multipart/alternative',
] as const;

/** A body with its type, ready for a MESSAGE. */
export interface TypedBody {
  contentType: string;
  content: string;
}

/** What a MESSAGE body says. */
export type MessageContent =
  | {
      kind: 'text';
      text: string;
      /** imdn.Message-ID. */
      id?: string;
      /** When it was written, as the sender says. */
      writtenAt?: Date;
      /** Notifications the sender asks for (RFC 5438 §6.2). */
      wants: { delivery: boolean; display: boolean };
    }
  /** Several when somebody in between gathered them (RFC 5438 §8.3). */
  | { kind: 'imdn'; imdns: readonly Imdn[] }
  | { kind: 'typing'; typing: IsComposing }
  /** Understood, but nothing to tell: a notification we have no mark for. */
  | { kind: 'nothing' }
  | { kind: 'unsupported' };

/** A text wrapped so that the peer can tell us what became of it, as far as we want to know (RFC 5438 §6.2). */
export const wrapText = (
  draft: MessageDraft,
  { from, to, wants }: { from: Address; to: Address; wants: readonly ('positive-delivery' | 'display')[] },
): TypedBody =>
  asBody({
    from: { uri: uriText(from) },
    to: [{ uri: uriText(to) }],
    dateTime: new Date(draft.composedAt),
    headers: [
      { namespace: IMDN_NAMESPACE, name: 'Message-ID', value: draft.id },
      { namespace: IMDN_NAMESPACE, name: 'Disposition-Notification', value: wants.join(', ') },
    ],
    contentType: TEXT_TYPE,
    body: Buffer.from(draft.text, 'utf8'),
  });

export const plainText = (text: string): TypedBody => ({ contentType: TEXT_TYPE, content: text });

/** RFC 5438 §7.2.1: a notification is a CPIM message itself, and never asks for one. */
export const notification = (facts: {
  messageId: string;
  disposition: 'delivered' | 'displayed';
  dateTime: Date;
  from: Address;
  to: Address;
  ownId: string;
}): TypedBody =>
  asBody({
    from: { uri: uriText(facts.from) },
    to: [{ uri: uriText(facts.to) }],
    headers: [{ namespace: IMDN_NAMESPACE, name: 'Message-ID', value: facts.ownId }],
    contentType: IMDN_TYPE,
    contentHeaders: [{ name: 'Content-Disposition', value: 'notification' }],
    body: Buffer.from(formatImdn({ ...facts, recipient: facts.from }), 'utf8'),
  });

export const typingNotice = (state: TypingState): TypedBody => ({
  contentType: IS_COMPOSING_TYPE,
  content: formatIsComposing(state),
});

const asBody = (message: CpimMessage): TypedBody => ({
  contentType: CPIM_TYPE,
  content: formatCpim(message).toString('utf8'),
});

/** Reads a MESSAGE body. Never throws. */
export const readContent = (contentType: string, body: Buffer): MessageContent => {
  const type = typeOf(contentType);
  if (type.startsWith('multipart/')) return readMultipart(contentType, body, readCpim);
  return type === CPIM_TYPE ? readCpim(body) : readPart(contentType, body);
};

const UNSUPPORTED: MessageContent = { kind: 'unsupported' };

/**
 * RFC 3261 §7.4: multipart bodies are understood. Of alternatives the last one we can show is the best (RFC 2046 §5.1.4); of
 * other kinds all texts count, or all notifications, and parts we cannot show are passed over. A multipart within a multipart
 * is such a part. `wrapped` reads parts in CPIM.
 */
const readMultipart = (
  contentType: string,
  body: Buffer,
  wrapped: (body: Buffer) => MessageContent,
): MessageContent => {
  const parts = parseMultipart(contentType, body) ?? [];
  // HTML is shown as its text only, so a plain alternative is the better one
  const plain = parts.some((part) => typeOf(part.contentType) === 'text/plain');
  const best = typeOf(contentType) === 'multipart/alternative' && plain ? parts.filter(isNotHtml) : parts;
  const contents = best
    .map((part) => {
      const content = Buffer.from(part.content);
      return typeOf(part.contentType) === CPIM_TYPE ? wrapped(content) : readPart(part.contentType, content);
    })
    .filter(({ kind }) => kind !== 'unsupported');
  const texts = contents.filter((content) => content.kind === 'text');
  const [first] = texts;
  const imdns = contents.flatMap((content) => (content.kind === 'imdn' ? content.imdns : []));
  if (!first) return imdns.length > 0 ? { kind: 'imdn', imdns } : (contents.at(-1) ?? UNSUPPORTED);
  if (typeOf(contentType) === 'multipart/alternative') return texts.at(-1) ?? first;
  return { ...first, text: texts.map(({ text }) => text).join('\n') };
};

const isNotHtml = (part: { contentType: string }): boolean => typeOf(part.contentType) !== 'text/html';

const readCpim = (body: Buffer): MessageContent => {
  let message: CpimMessage;
  try {
    message = parseCpim(body);
  } catch {
    return UNSUPPORTED;
  }
  if (message.require?.some((required) => !isUnderstood(required))) return UNSUPPORTED;
  const encoding = message.contentHeaders?.find(({ name }) => name.toLowerCase() === 'content-transfer-encoding');
  const inner = decodeTransfer(Buffer.from(message.body).toString('latin1'), encoding?.value);
  const content = typeOf(message.contentType).startsWith('multipart/')
    ? readMultipart(message.contentType, inner, () => UNSUPPORTED)
    : readPart(message.contentType, inner);
  if (content.kind !== 'text') return content;
  const id = cpimHeader(message, IMDN_NAMESPACE, 'Message-ID');
  const wanted =
    cpimHeader(message, IMDN_NAMESPACE, 'Disposition-Notification')
      ?.toLowerCase()
      .split(/[\s,]+/) ?? [];
  return {
    ...content,
    ...(id ? { id } : {}),
    ...(message.dateTime ? { writtenAt: message.dateTime } : {}),
    wants: {
      delivery: id !== undefined && wanted.includes('positive-delivery'),
      display: id !== undefined && wanted.includes('display'),
    },
  };
};

const BASE_HEADERS = new Set(['From', 'To', 'cc', 'DateTime', 'Subject', 'NS', 'Require']);
/** Original-To and IMDN-Route are for intermediaries that gather notifications (RFC 5438 §8): nothing here obeys them. */
const IMDN_HEADERS = new Set(['Message-ID', 'Disposition-Notification']);

/** RFC 3862 §3.5: a message that requires what its reader does not know must not be shown, nor confirmed. */
const isUnderstood = ({ namespace, name }: CpimRequirement): boolean =>
  (namespace === CPIM_NAMESPACE && BASE_HEADERS.has(name)) || (namespace === IMDN_NAMESPACE && IMDN_HEADERS.has(name));

/**
 * Kamailio's msilo gives every message it kept out as `text/plain`, whatever it was. So for a kept message its first line
 * tells, and HTML is known by its tags; a typing notice that comes so late says nothing any more.
 */
export const readStoredContent = (contentType: string, body: Buffer): MessageContent => {
  const start = body.toString('utf8', 0, 500);
  const type = typeOf(contentType);
  if (type === 'text/plain' && /^From: [^\r\n]*\r\n[\s\S]*^(?:NS: imdn |Content-Type: )/m.test(start)) {
    const wrapped = readContent(CPIM_TYPE, body);
    if (wrapped.kind !== 'unsupported') return wrapped;
  }
  if (type === 'text/plain' && start.startsWith('<?xml') && parseIsComposing(body.toString('utf8')))
    return { kind: 'nothing' };
  const isHtml = type === 'text/plain' && looksLikeHtml(body.toString('utf8'));
  const content = readContent(isHtml ? 'text/html' : contentType, body);
  return content.kind === 'typing' ? { kind: 'nothing' } : content;
};

const readPart = (contentType: string, body: Buffer): MessageContent => {
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8';
  if (!['utf-8', 'utf8', 'us-ascii'].includes(charset)) return UNSUPPORTED;
  const text = body.toString('utf8');
  switch (typeOf(contentType)) {
    case 'text/plain':
      // nobody wrote that
      if (text === '') return { kind: 'nothing' };
      return { kind: 'text', text, wants: { delivery: false, display: false } };
    case 'text/html': {
      const shown = textOfHtml(text);
      return shown === ''
        ? { kind: 'nothing' }
        : { kind: 'text', text: shown, wants: { delivery: false, display: false } };
    }
    case IMDN_TYPE: {
      const imdn = parseImdn(text);
      return imdn ? { kind: 'imdn', imdns: [imdn] } : { kind: 'nothing' };
    }
    case IS_COMPOSING_TYPE: {
      const typing = parseIsComposing(text);
      return typing ? { kind: 'typing', typing } : { kind: 'nothing' };
    }
    default:
      return UNSUPPORTED;
  }
};

const typeOf = (contentType: string): string => (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
