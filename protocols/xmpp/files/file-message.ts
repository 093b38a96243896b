import type { FileFacts, FileHash } from '../../contract/index.ts';
import { type DecodedMessage, requests } from '../messaging/message-codec.ts';
import { NS } from '../namespaces.ts';
import { type Element, normaliseText, parseDateTime, xml } from '../stream/xml.ts';

const HASHES = { 'sha-256': 32, 'sha-1': 20 } as const;

/** A link to an uploaded file, with what is known of it: XEP-0447 for those who read it, XEP-0066 and the body for all. */
export const fileMessage = (to: string, id: string, url: string, file: FileFacts): Element =>
  xml(
    'message',
    { type: 'chat', to, id },
    xml('body', {}, url),
    xml('x', NS.outOfBand, xml('url', {}, url)),
    xml(
      'file-sharing',
      { xmlns: NS.fileSharing, disposition: 'attachment', id },
      xml(
        'file',
        NS.fileMetadata,
        xml('media-type', {}, file.type),
        xml('name', {}, file.name),
        file.size === undefined ? undefined : xml('size', {}, file.size),
        file.modifiedAt === undefined ? undefined : xml('date', {}, new Date(file.modifiedAt).toISOString()),
        (file.hashes ?? []).map(({ algorithm, value }) =>
          xml('hash', { xmlns: NS.hashes, algo: algorithm }, Buffer.from(value, 'hex').toString('base64')),
        ),
      ),
      xml('sources', {}, xml('url-data', { xmlns: NS.urlData, target: url })),
    ),
    // XEP-0447 §3.1: the whole body is only for those who read nothing else
    xml('fallback', { xmlns: NS.fallback, for: NS.fileSharing }, xml('body')),
    xml('active', NS.chatStates),
    ...requests(id),
  );

export interface SharedFile {
  url: string;
  facts: FileFacts;
  /** True when the text of the message is nothing but the link. */
  isOnlyLink: boolean;
}

/** A file name out of somebody else's hands: the last part of whatever it is, never empty, never a path. */
export const safeName = (text: string): string => {
  const name = normaliseText(text)
    .split(/[\\/]/)
    .at(-1)
    ?.replace(/[\n\t\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
  return name === undefined || /^\.{0,2}$/.test(name) ? 'file' : name;
};

const nameFromUrl = (url: string): string => {
  try {
    return safeName(decodeURIComponent(new URL(url).pathname));
  } catch {
    return 'file';
  }
};

/** Strongest first; those of another length than their name says are nobody's. */
const hashesOf = (file: Element | undefined): FileHash[] =>
  (['sha-256', 'sha-1'] as const).flatMap((algorithm) => {
    const text = file
      ?.getChildren('hash', NS.hashes)
      .find((hash) => hash.attrs.algo === algorithm)
      ?.getText();
    const bytes = Buffer.from(text ?? '', 'base64');
    return bytes.length === HASHES[algorithm] ? [{ algorithm, value: bytes.toString('hex') }] : [];
  });

const factsOf = (file: Element | undefined, url: string): FileFacts => {
  const size = Number(file?.getChildText('size', NS.fileMetadata) || Number.NaN);
  const type = file?.getChildText('media-type', NS.fileMetadata) ?? '';
  const modifiedAt = parseDateTime(file?.getChildText('date', NS.fileMetadata) ?? undefined);
  const hashes = hashesOf(file);
  const name = file?.getChildText('name', NS.fileMetadata);
  return {
    name: name ? safeName(name) : nameFromUrl(url),
    type: /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : 'application/octet-stream',
    size: Number.isSafeInteger(size) && size >= 0 ? size : undefined,
    ...(hashes.length > 0 ? { hashes } : {}),
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
  };
};

/** The file that a message shares; undefined when it shares none by a link. */
export const parseFileMessage = ({ stanza, text }: DecodedMessage): SharedFile | undefined => {
  const sharing = stanza.getChild('file-sharing', NS.fileSharing);
  const source = sharing?.getChild('sources', NS.fileSharing)?.getChild('url-data', NS.urlData)?.attrs.target;
  const url = (source ?? stanza.getChild('x', NS.outOfBand)?.getChildText('url', NS.outOfBand) ?? '').trim();
  if (!url) return undefined;
  const body = text?.trim() ?? '';
  return {
    url,
    facts: factsOf(sharing?.getChild('file', NS.fileMetadata), url),
    isOnlyLink: body === '' || body === url,
  };
};
