/** One part of a MIME multipart body. Header names in lower case. */
export interface MimePart {
  headers: ReadonlyMap<string, string>;
  body: string;
}

/** More parts than an offer of many files with icons needs are not read. */
const MAXIMUM_PARTS = 64;

/** A parameter of a Content-Type value: `mimeParameter('multipart/related; boundary="b"', 'boundary')`. */
export function mimeParameter(contentType: string, name: string): string | undefined {
  for (const [, found = '', quoted, plain] of contentType.matchAll(
    /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g,
  )) {
    if (found.toLowerCase() === name) return quoted?.replace(/\\(.)/g, '$1') ?? plain;
  }
  return undefined;
}

/** Type and subtype in lower case, without parameters. */
export const mimeEssence = (contentType: string): string => (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();

const parsePart = (text: string): MimePart => {
  // RFC 2046 §5.1: a part may have no headers at all and then begins with the empty line
  const end = /^\r?\n|\r?\n\r?\n/.exec(text);
  const head = end ? text.slice(0, end.index) : '';
  const headers = new Map<string, string>();
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return { headers, body: end ? text.slice(end.index + end[0].length) : text };
};

/** The parts of a multipart body (RFC 2046 §5.1), undefined when the boundary or the parts are missing. */
export function parseMultipart(contentType: string, body: string): MimePart[] | undefined {
  const boundary = mimeParameter(contentType, 'boundary');
  if (!boundary || boundary.length > 70) return undefined;
  const delimiter = `--${boundary}`;
  const text = `\r\n${body}`;
  const parts: MimePart[] = [];
  let from = -1;
  for (let at = text.indexOf(`\n${delimiter}`); at >= 0; at = text.indexOf(`\n${delimiter}`, at + 1)) {
    const after = text.slice(at + 1 + delimiter.length);
    // a longer boundary that begins like ours is no delimiter
    const line = /^(--)?[ \t]*(?:\r?\n|$)/.exec(after);
    if (!line) continue;
    if (from >= 0) parts.push(parsePart(text.slice(from, text[at - 1] === '\r' ? at - 1 : at)));
    if (line[1]) return parts.length > 0 ? parts : undefined;
    if (parts.length === MAXIMUM_PARTS) return undefined;
    from = at + 1 + delimiter.length + line[0].length;
  }
  return undefined; // no closing delimiter: the body is cut
}

/** The root of a multipart/related body: the part named by `start`, else the first (RFC 2387 §3.2). */
export function rootPart(contentType: string, parts: readonly MimePart[]): MimePart | undefined {
  const start = mimeParameter(contentType, 'start');
  return start === undefined ? parts[0] : parts.find((part) => part.headers.get('content-id') === start);
}

/** Bytes of a part whatever its transfer encoding; undefined when they did not survive as text. */
export function partBytes(part: MimePart): Uint8Array | undefined {
  if (part.headers.get('content-transfer-encoding')?.toLowerCase() === 'base64') {
    return Buffer.from(part.body, 'base64');
  }
  // the signalling carries text: bytes that are no UTF-8 are gone by now
  return part.body.includes('\uFFFD') ? undefined : Buffer.from(part.body, 'utf8');
}

/**
 * A multipart/related body with the SDP as its root and the pictures beside it (RFC 5547 §8.8). The pictures go as base64
 * because the signalling carries text only.
 *
 * @example formatMultipartRelated(sdp, [{ contentId: 'i@a', type: 'image/png', data }], 'boundary')
 */
export function formatMultipartRelated(
  sdp: string,
  icons: readonly { contentId: string; type: string; data: Uint8Array }[],
  boundary: string,
): { contentType: string; body: string } {
  const lines = [`--${boundary}`, 'Content-Type: application/sdp', '', sdp];
  for (const icon of icons) {
    lines.push(
      `--${boundary}`,
      `Content-Type: ${icon.type}`,
      'Content-Transfer-Encoding: base64',
      `Content-ID: <${icon.contentId}>`,
      'Content-Disposition: icon',
      '',
      Buffer.from(icon.data)
        .toString('base64')
        .replace(/.{76}(?=.)/g, '$&\r\n'),
    );
  }
  lines.push(`--${boundary}--`, '');
  // RFC 2387 §3.1: the type parameter is required and names the root's type
  return { contentType: `multipart/related; type="application/sdp"; boundary="${boundary}"`, body: lines.join('\r\n') };
}
