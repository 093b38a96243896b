/** A stretch of a message: plain words, or a link that may be opened after it was shown. */
export type Piece = { kind: 'text'; text: string } | { kind: 'link'; text: string; uri: string };

const SCHEMES = new Set(['http:', 'https:', 'mailto:', 'sip:', 'xmpp:']);
const CANDIDATE = /\b(?:https?:\/\/|mailto:|sip:|xmpp:)[^\s<>"'`\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gi;

/** Punctuation after a link belongs to the sentence, and so does a bracket that was opened before it. */
function trimmed(candidate: string): string {
  let text = candidate;
  for (;;) {
    const last = text.at(-1) ?? '';
    if ('.,;:!?…'.includes(last)) text = text.slice(0, -1);
    else if (last === ')' && text.split('(').length < text.split(')').length) text = text.slice(0, -1);
    else if (last === ']' && text.split('[').length < text.split(']').length) text = text.slice(0, -1);
    else return text;
  }
}

function safeUri(text: string): string | undefined {
  try {
    const url = new URL(text);
    if (!SCHEMES.has(url.protocol)) return undefined;
    if (url.protocol.startsWith('http') ? url.host === '' : url.pathname === '') return undefined;
    return url.href;
  } catch {
    return undefined;
  }
}

/** @example linkify('see https://tecnico.pt.') // text, link, text */
export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  const plain = (to: number) => {
    if (to > from) pieces.push({ kind: 'text', text: text.slice(from, to) });
  };
  for (const match of text.matchAll(CANDIDATE)) {
    const shown = trimmed(match[0]);
    const uri = safeUri(shown);
    if (!uri) continue;
    plain(match.index);
    pieces.push({ kind: 'link', text: shown, uri });
    from = match.index + shown.length;
  }
  plain(text.length);
  return pieces;
}

/** Where a link leads, as the machine reads it: the host, or the address. */
export function destinationOf(uri: string): string {
  const url = new URL(uri);
  return url.protocol.startsWith('http') ? url.host : decodeURIComponent(url.pathname);
}

/** One to three emoji and nothing else: shown large. */
export const isOnlyEmoji = (text: string): boolean =>
  text.length <= 40 &&
  /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\ufe0f|\u200d\p{Extended_Pictographic})*\s*){1,3}$/u.test(
    text.trim(),
  );
