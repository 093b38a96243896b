import { uriText } from '../sip-address.ts';
import { childOf, escapeXml, parseXml } from '../xml-tree.ts';

/** Instant Message Disposition Notification (RFC 5438). */
export const IMDN_TYPE = 'message/imdn+xml';
export const IMDN_NAMESPACE = 'urn:ietf:params:imdn';
const XML_NAMESPACE = 'urn:ietf:params:xml:ns:imdn';

export type Disposition = 'delivered' | 'displayed' | 'failed';

export interface Imdn {
  /** imdn.Message-ID of the message it is about. */
  messageId: string;
  disposition: Disposition;
}

/** RFC 5438 §11.1. `dateTime` is the one of the message it is about. */
export const formatImdn = (imdn: {
  messageId: string;
  recipient: string;
  dateTime: Date;
  disposition: 'delivered' | 'displayed';
}): string => {
  const recipient = escapeXml(uriText(imdn.recipient));
  const kind = imdn.disposition === 'delivered' ? 'delivery' : 'display';
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\r\n<imdn xmlns="${XML_NAMESPACE}">` +
    `<message-id>${escapeXml(imdn.messageId)}</message-id><datetime>${imdn.dateTime.toISOString()}</datetime>` +
    // RFC 5438 §11.1.9: both or neither; a parser that keeps to the schema refuses the whole document otherwise
    `<recipient-uri>${recipient}</recipient-uri>` +
    `<original-recipient-uri>${recipient}</original-recipient-uri>` +
    `<${kind}-notification><status><${imdn.disposition}/></status></${kind}-notification></imdn>`
  );
};

/** Undefined when it is none, or says something we have no mark for (`processed`, `forbidden`, `stored`). */
export const parseImdn = (text: string): Imdn | undefined => {
  const root = parseXml(text);
  if (root?.name !== 'imdn' || root.namespace !== XML_NAMESPACE) return undefined;
  const messageId = childOf(root, 'message-id')?.text;
  if (!messageId) return undefined;
  const delivery = childOf(childOf(root, 'delivery-notification'), 'status');
  const display = childOf(childOf(root, 'display-notification'), 'status');
  if (childOf(display, 'displayed')) return { messageId, disposition: 'displayed' };
  if (childOf(delivery, 'delivered')) return { messageId, disposition: 'delivered' };
  if (childOf(delivery, 'failed')) return { messageId, disposition: 'failed' };
  return undefined;
};
