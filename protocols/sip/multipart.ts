import { randomUUID } from 'node:crypto';

/** One part of a multipart body, its transfer encoding undone. */
export interface BodyPart {
  contentType: string;
  content: Uint8Array;
  /** Content-ID without its angle brackets (RFC 2392). */
  contentId?: string | undefined;
  /** Content-Disposition as it came: `icon`, `render`… */
  disposition?: string | undefined;
}

const PARTS_USUAL = 20;

/** The `boundary` parameter of a multipart Content-Type. */
const boundaryOf = (contentType: string): string | undefined => {
  const match = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))/i.exec(contentType);
  return match?.[1]?.replace(/\\(.)/g, '$1') ?? match?.[2];
};

/**
 * Splits a multipart body (RFC 2046 §5.1). Undefined when it is none or has more than `maximum` parts; nested multiparts
 * stay one part.
 */
export const parseMultipart = (
  contentType: string,
  body: Buffer,
  maximum: number = PARTS_USUAL,
): BodyPart[] | undefined => {
  const boundary = boundaryOf(contentType);
  if (!/^\s*multipart\//i.test(contentType) || !boundary) return undefined;
  const text = `\r\n${body.toString('latin1')}`;
  const sections = text.split(`\r\n--${boundary}`);
  if (sections.length < 2 || sections.length > maximum + 2) return undefined;
  const parts: BodyPart[] = [];
  for (const section of sections.slice(1)) {
    if (section.startsWith('--')) return parts;
    const start = section.indexOf('\r\n');
    // a part without headers begins with the empty line
    const headEnd = section.indexOf('\r\n\r\n', Math.max(0, start));
    if (start === -1 || headEnd === -1) return undefined;
    const head = section.slice(start + 2, headEnd).replace(/\r\n[ \t]+/g, ' ');
    const header = (name: string): string | undefined =>
      new RegExp(`^${name}[ \\t]*:(.*)$`, 'im').exec(head.replaceAll('\r\n', '\n'))?.[1]?.trim();
    parts.push({
      contentType: header('content-type') ?? 'text/plain',
      content: decodeTransfer(section.slice(headEnd + 4), header('content-transfer-encoding')),
      contentId: header('content-id')?.replace(/^<|>$/g, ''),
      disposition: header('content-disposition'),
    });
  }
  // the closing delimiter is missing: cut short on the way
  return undefined;
};

/** Undoes a Content-Transfer-Encoding (RFC 2045 §6); `content` has a character for each byte. */
export const decodeTransfer = (content: string, encoding: string | undefined): Buffer => {
  switch (encoding?.trim().toLowerCase()) {
    case 'base64':
      return Buffer.from(content, 'base64');
    case 'quoted-printable':
      return Buffer.from(
        content
          // RFC 2045 §6.7: blanks at the end of a line were added on the way, those before a soft line break were not
          // looked at from its beginning only: a megabyte of blanks must not cost its square
          .replace(/(?<![ \t])[ \t]+(?=\r\n|$)/g, '')
          .replace(/=\r\n/g, '')
          .replace(/=([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
        'latin1',
      );
    default:
      return Buffer.from(content, 'latin1');
  }
};

/**
 * A `multipart/related` body (RFC 2387) whose root is the SDP; other parts go as base64, since sip.js keeps bodies as text.
 *
 * @example formatRelated('v=0\r\n…', [{ contentType: 'image/png', content: png, contentId: 'icon@host' }])
 */
export const formatRelated = (sdp: string, parts: readonly BodyPart[]): { contentType: string; body: string } => {
  const boundary = `part-${randomUUID()}`;
  const sections = [
    `Content-Type: application/sdp\r\n\r\n${sdp}`,
    ...parts.map((part) =>
      [
        `Content-Type: ${part.contentType}`,
        'Content-Transfer-Encoding: base64',
        ...(part.contentId ? [`Content-ID: <${part.contentId}>`] : []),
        ...(part.disposition ? [`Content-Disposition: ${part.disposition}`] : []),
        '',
        Buffer.from(part.content)
          .toString('base64')
          .replace(/.{76}(?=.)/g, '$&\r\n'),
      ].join('\r\n'),
    ),
  ];
  return {
    contentType: `multipart/related;type="application/sdp";boundary="${boundary}"`,
    body: `${sections.map((section) => `--${boundary}\r\n${section}\r\n`).join('')}--${boundary}--\r\n`,
  };
};
