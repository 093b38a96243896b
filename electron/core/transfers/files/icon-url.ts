import type { FileFacts } from '../../../../protocols/contract/index.ts';
import { ICON_LIMITS, pictureWithin } from '../../../contract/index.ts';

/** The picture in a `data:` URL made by `iconUrl`. */
export function iconOf(url: string | null): FileFacts['icon'] {
  const [, type, base64] = /^data:([^;]+);base64,(.*)$/s.exec(url ?? '') ?? [];
  return type === undefined || base64 === undefined ? undefined : { type, data: Buffer.from(base64, 'base64') };
}

/** The icon of an offer as a `data:` URL; null when it is none, or too large in bytes or pixels to be shown. */
export function iconUrl(icon: FileFacts['icon']): string | null {
  if (!icon?.type.startsWith('image/')) return null;
  const found = pictureWithin(icon.data, ICON_LIMITS);
  // as the bytes say: what was claimed of them is nothing to give to a window
  return found ? `data:${found.type};base64,${Buffer.from(icon.data).toString('base64')}` : null;
}
