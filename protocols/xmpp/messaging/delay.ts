import { parseJid } from '../address.ts';
import { NS } from '../namespaces.ts';
import { type Element, parseDateTime } from '../stream/xml.ts';

/**
 * The original times that an element of ours states (XEP-0203), in milliseconds, the one said last first: what each hop adds
 * stands behind what was there before. A delay says who delayed; one that says nothing is the word of the stanza's sender.
 */
const stampsBy = (element: Element | undefined, isBelieved: (by: string | undefined) => boolean): number[] =>
  (element?.getChildren('delay', NS.delay) ?? [])
    .filter(({ attrs }) => isBelieved(attrs.from))
    .flatMap(({ attrs }) => parseDateTime(attrs.stamp) ?? [])
    .reverse();

/**
 * When a message was sent first, in milliseconds, where the delay is the word of our own account or of our server: a peer
 * would otherwise date live texts as it likes (XEP-0203 §5). Undefined for a live text.
 *
 * @param own our bare JID
 */
export const delayOf = (stanza: Element, own: string): number | undefined => {
  const isBelieved = (by: string | undefined): boolean => {
    const author = parseJid(by ?? stanza.attrs.from ?? own)?.bare;
    return author === own || author === parseJid(own)?.domain;
  };
  return stampsBy(stanza, isBelieved)[0];
};

/**
 * The same for a message within another that only our own account can have made: a carbon (XEP-0280) or a result of the
 * archive (XEP-0313). Whatever delay the account put around the message is believed (XEP-0297 §3), and the one on the
 * envelope, which was kept for a resumed stream. A text of ours that another device sent late knows best.
 */
export const forwardedDelayOf = (
  { envelope, forwarded, message }: { envelope: Element; forwarded: Element; message: Element },
  own: string,
): number | undefined => {
  const inner = delayOf(message, own);
  const isOurs = parseJid(message.attrs.from ?? own)?.bare === own;
  const around = stampsBy(forwarded, () => true)[0] ?? stampsBy(envelope, () => true)[0];
  return isOurs ? (inner ?? around) : (around ?? inner);
};
