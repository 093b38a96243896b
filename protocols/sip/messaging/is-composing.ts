import type { TypingState } from '../../contract/index.ts';
import { childOf, parseXml } from '../xml-tree.ts';

/** Indication of message composition (RFC 3994). */
export const IS_COMPOSING_TYPE = 'application/im-iscomposing+xml';
const NAMESPACE = 'urn:ietf:params:xml:ns:im-iscomposing';
/** Seconds without news after which the other side counts as idle again (RFC 3994 §3.3). */
export const REFRESH_SECONDS = 60;

export const formatIsComposing = (state: TypingState): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\r\n<isComposing xmlns="${NAMESPACE}"><state>${
    state === 'composing' ? 'active' : 'idle'
  }</state><contenttype>text/plain</contenttype>${
    state === 'composing' ? `<refresh>${REFRESH_SECONDS}</refresh>` : ''
  }</isComposing>`;

export interface IsComposing {
  state: TypingState;
  /** Seconds until it counts as idle. */
  refresh: number;
}

/** Undefined when it is none. Without a refresh it holds for 120 s (RFC 3994 §3.3). */
export const parseIsComposing = (text: string): IsComposing | undefined => {
  const root = parseXml(text);
  const state = childOf(root, 'state')?.text;
  if (root?.name !== 'isComposing' || root.namespace !== NAMESPACE || !state) return undefined;
  const refresh = Number(childOf(root, 'refresh')?.text ?? 120);
  return {
    state: state === 'active' ? 'composing' : 'paused',
    refresh: refresh > 0 ? Math.min(refresh, 600) : 120,
  };
};
