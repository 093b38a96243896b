import fs from 'node:fs/promises';
import { type NativeImage, nativeImage } from 'electron';
import { type PictureLimits, pictureWithin, type Thumbnail } from '../contract/index.ts';

/** Pixels of the longer side, from the best to what always fits. */
const SIDES = [128, 96, 64, 32] as const;
/** It travels within a SIP message, and several may have to. */
const MAXIMUM_BYTES = 4_096;
const JPEG_QUALITY = 70;
/** Decoding blocks this process, and a file to send may have come from anywhere: of a larger one there is no picture. */
const SOURCE_LIMITS: PictureLimits = {
  types: new Set(['image/png', 'image/jpeg']),
  maximumBytes: 16 * 1024 * 1024,
  maximumSide: 16_384,
  maximumPixels: 50_000_000,
};

/** A small picture of an image file; undefined when it is none that can be decoded here. Never rejects. */
export async function thumbnailOf(path: string): Promise<Thumbnail | undefined> {
  try {
    const { size } = await fs.stat(path);
    const image = size > SOURCE_LIMITS.maximumBytes ? undefined : await decode(path);
    return image && !image.isEmpty() ? shrink(image) : undefined;
  } catch {
    return undefined;
  }
}

/** Where the system has a thumbnailer it works beside this process. Linux has none: Chromium decodes PNG and JPEG. */
async function decode(path: string): Promise<NativeImage | undefined> {
  const [side] = SIDES;
  if (process.platform === 'linux') {
    const data = await fs.readFile(path);
    return pictureWithin(data, SOURCE_LIMITS) ? nativeImage.createFromBuffer(data) : undefined;
  }
  return await nativeImage.createThumbnailFromPath(path, { width: side, height: side });
}

/** JPEG knows nothing of what is transparent and makes it black, which is how nobody sees the picture elsewhere. */
function onWhite(image: NativeImage): NativeImage {
  const { width, height } = image.getSize();
  // four bytes a pixel, the last one how opaque it is, by which the other three are multiplied already
  const pixels = image.toBitmap();
  if (pixels.length !== width * height * 4) return image;
  for (let at = 0; at < pixels.length; at += 4) {
    const missing = 255 - (pixels[at + 3] ?? 255);
    for (let colour = at; colour < at + 3; colour += 1) pixels[colour] = Math.min(255, (pixels[colour] ?? 0) + missing);
    pixels[at + 3] = 255;
  }
  return nativeImage.createFromBitmap(pixels, { width, height });
}

function shrink(image: NativeImage): Thumbnail | undefined {
  const { width, height } = image.getSize();
  for (const side of SIDES) {
    const longer = Math.min(side, Math.max(width, height));
    const small = image.resize({ ...(width >= height ? { width: longer } : { height: longer }), quality: 'good' });
    const data = onWhite(small).toJPEG(JPEG_QUALITY);
    if (data.length > 0 && data.length <= MAXIMUM_BYTES) return { type: 'image/jpeg', data: new Uint8Array(data) };
  }
  return undefined;
}
