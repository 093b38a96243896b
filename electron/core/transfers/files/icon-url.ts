import type { FileFacts } from '../../../../protocols/contract/index.ts';

const TYPES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif']);
/** It is kept in the database and goes to each window with every change of its transfer. */
const MAXIMUM_BYTES = 64 * 1024;

/** The picture in a `data:` URL made by `iconUrl`. */
export function iconOf(url: string | null): FileFacts['icon'] {
  const [, type, base64] = /^data:([^;]+);base64,(.*)$/s.exec(url ?? '') ?? [];
  return type === undefined || base64 === undefined ? undefined : { type, data: Buffer.from(base64, 'base64') };
}

/** The icon of an offer as a `data:` URL; null when it is none, too big, or of a type that can do more than be seen (SVG). */
export function iconUrl(icon: FileFacts['icon']): string | null {
  if (!icon || !TYPES.has(icon.type) || icon.data.length === 0 || icon.data.length > MAXIMUM_BYTES) return null;
  return `data:${icon.type};base64,${Buffer.from(icon.data).toString('base64')}`;
}
