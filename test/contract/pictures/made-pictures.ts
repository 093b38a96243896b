import { deflateSync } from 'node:zlib';

// Pictures of any size on paper, as small as their formats allow.

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
const bytes = (...values: number[]): Buffer => Buffer.from(values);
const u16 = (value: number): Buffer => bytes(value >> 8, value & 255);
const u32 = (value: number): Buffer => bytes(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
const reversed = (number: Buffer): Buffer => Buffer.from(number).reverse();
const le16 = (value: number): Buffer => reversed(u16(value));
const le24 = (value: number): Buffer => reversed(u32(value)).subarray(0, 3);
const le32 = (value: number): Buffer => reversed(u32(value));

function crc32(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A whole black PNG of one bit a pixel: 20,000 by 20,000 are 48 kB, and every decoder takes it. */
export function png(width: number, height: number): Buffer {
  const chunk = (name: string, data: Buffer): Buffer => {
    const named = Buffer.concat([ascii(name), data]);
    return Buffer.concat([u32(data.length), named, u32(crc32(named))]);
  };
  return Buffer.concat([
    bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', Buffer.concat([u32(width), u32(height), bytes(1, 0, 0, 0, 0)])),
    chunk('IDAT', deflateSync(Buffer.alloc(height * (1 + Math.ceil(width / 8))), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The header of a JPEG; `thumbnail` stands in its Exif part, `after` behind it as cameras append further pictures. */
export function jpeg(
  width: number,
  height: number,
  { thumbnail, after }: { thumbnail?: Buffer; after?: Buffer } = {},
): Buffer {
  const segment = (marker: number, data: Buffer): Buffer =>
    Buffer.concat([bytes(255, marker), u16(data.length + 2), data]);
  return Buffer.concat([
    bytes(255, 0xd8),
    segment(0xe1, Buffer.concat([ascii('Exif\0\0'), thumbnail ?? Buffer.alloc(0)])),
    segment(0xc4, Buffer.alloc(17)),
    bytes(255, 255), // a fill byte and the beginning of the next marker
    segment(0xc2, Buffer.concat([bytes(8), u16(height), u16(width), bytes(1, 1, 0x11, 0)])).subarray(1),
    segment(0xda, bytes(1, 1, 0, 0, 63, 0)),
    bytes(1, 255, 0, 2, 255, 0xd9),
    after ?? Buffer.alloc(0),
  ]);
}

/** A GIF whose picture may be larger than its screen. */
export function gif(width: number, height: number, picture = { left: 0, top: 0, width, height }): Buffer {
  const { left, top } = picture;
  return Buffer.concat([
    ascii('GIF89a'),
    le16(width),
    le16(height),
    bytes(0x80, 0, 0, 0, 0, 0, 255, 255, 255),
    bytes(0x21, 0xf9, 4, 0, 0, 0, 0, 0),
    bytes(0x2c),
    ...[left, top, picture.width, picture.height].map(le16),
    bytes(0, 2, 2, 0x44, 1, 0, 0x3b),
  ]);
}

const riff = (...chunks: Buffer[]): Buffer => {
  const all = Buffer.concat([ascii('WEBP'), ...chunks]);
  return Buffer.concat([ascii('RIFF'), le32(all.length), all]);
};
const riffChunk = (name: string, data: Buffer): Buffer =>
  Buffer.concat([ascii(name), le32(data.length), data, Buffer.alloc(data.length % 2)]);

export const lossyWebp = (width: number, height: number): Buffer =>
  riff(riffChunk('VP8 ', Buffer.concat([bytes(0x30, 1, 0, 0x9d, 1, 0x2a), le16(width), le16(height), bytes(0)])));
const lossless = (width: number, height: number): Buffer =>
  riffChunk('VP8L', Buffer.concat([bytes(0x2f), le32(((width - 1) | ((height - 1) << 14)) >>> 0)]));
export const losslessWebp = (width: number, height: number): Buffer => riff(lossless(width, height));
/** An extended WebP: a canvas, and a picture that need not keep to it. */
export const extendedWebp = (width: number, height: number, picture = { width, height }): Buffer =>
  riff(
    riffChunk('VP8X', Buffer.concat([bytes(0, 0, 0, 0), le24(width - 1), le24(height - 1)])),
    lossless(picture.width, picture.height),
  );

/** The boxes of an AVIF that tell the size of each picture in it. */
export function avif(...pictures: { width: number; height: number }[]): Buffer {
  const box = (name: string, ...parts: Buffer[]): Buffer => {
    const data = Buffer.concat(parts);
    return Buffer.concat([u32(8 + data.length), ascii(name), data]);
  };
  const extents = pictures.map(({ width, height }) => box('ispe', u32(0), u32(width), u32(height)));
  return Buffer.concat([
    box('ftyp', ascii('mif1'), u32(0), ascii('mif1avif')),
    box('meta', u32(0), box('hdlr', Buffer.alloc(24)), box('iprp', box('ipco', ...extents))),
  ]);
}
