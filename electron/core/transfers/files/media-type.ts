import path from 'node:path';

const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'text/plain': 'txt log md ini conf',
    'text/csv': 'csv',
    'text/html': 'html htm',
    'text/calendar': 'ics',
    'text/vcard': 'vcf',
    'application/json': 'json',
    'application/xml': 'xml',
    'application/pdf': 'pdf',
    'application/rtf': 'rtf',
    'application/epub+zip': 'epub',
    'application/zip': 'zip',
    'application/gzip': 'gz tgz',
    'application/x-7z-compressed': '7z',
    'application/x-tar': 'tar',
    'application/msword': 'doc',
    'application/vnd.ms-excel': 'xls',
    'application/vnd.ms-powerpoint': 'ppt',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
    'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
    'application/vnd.oasis.opendocument.text': 'odt',
    'application/vnd.oasis.opendocument.spreadsheet': 'ods',
    'application/vnd.oasis.opendocument.presentation': 'odp',
    'image/png': 'png',
    'image/jpeg': 'jpg jpeg',
    'image/gif': 'gif',
    'image/webp': 'webp',
    'image/avif': 'avif',
    'image/heic': 'heic',
    'image/bmp': 'bmp',
    'image/tiff': 'tif tiff',
    'image/svg+xml': 'svg',
    'audio/mpeg': 'mp3',
    'audio/mp4': 'm4a',
    'audio/ogg': 'ogg oga opus',
    'audio/wav': 'wav',
    'audio/flac': 'flac',
    'video/mp4': 'mp4 m4v',
    'video/webm': 'webm',
    'video/quicktime': 'mov',
    'video/x-matroska': 'mkv',
  }).flatMap(([type, extensions]) => extensions.split(' ').map((extension) => [`.${extension}`, type] as const)),
);

/** The MIME type that goes with a name; only a hint for the peer's icon. */
export const mediaTypeOf = (name: string): string =>
  TYPES.get(path.extname(name).toLowerCase()) ?? 'application/octet-stream';

/** Whether a text is a type and a subtype, without parameters. */
export const isMediaType = (text: string): boolean => /^[\w.+-]{1,127}\/[\w.+-]{1,127}$/.test(text);
