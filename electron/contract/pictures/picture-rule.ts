import { type PictureSize, pictureSizeOf } from './picture-size.ts';

/** How much a picture may be at one place. */
export interface PictureLimits {
  readonly types: ReadonlySet<PictureSize['type']>;
  readonly maximumBytes: number;
  /** Pixels of the longer side. */
  readonly maximumSide: number;
  /** Width times height: decoded, each takes four bytes. */
  readonly maximumPixels: number;
}

/** The small picture of an offered file (RFC 5547 §8.8). Kept in the database, and given to each window with its transfer. */
export const ICON_LIMITS: PictureLimits = {
  types: new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif']),
  maximumBytes: 64 * 1024,
  maximumSide: 512,
  maximumPixels: 512 * 512,
};

/**
 * The rule for every picture that was not made by this program: nothing decodes it before its header has said that it
 * is small enough for its place. Undefined for a picture that is not to be shown.
 * SVG is never among the types: it can do more than be seen.
 *
 * @example pictureWithin(data, ICON_LIMITS)?.type // 'image/png'
 */
export function pictureWithin(data: Uint8Array, limits: PictureLimits): PictureSize | undefined {
  if (data.length > limits.maximumBytes) return undefined;
  const size = pictureSizeOf(data);
  if (!size || !limits.types.has(size.type)) return undefined;
  const { width, height } = size;
  const fits = Math.max(width, height) <= limits.maximumSide && width * height <= limits.maximumPixels;
  return fits ? size : undefined;
}
