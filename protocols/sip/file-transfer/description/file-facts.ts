import type { FileFacts, FileHash } from '../../../contract/index.ts';
import type { ReadOffer } from './offer-check.ts';
import type { FileMedia } from './session-description.ts';

const strength = ({ algorithm }: FileHash): number => (algorithm === 'sha-256' ? 2 : 1);

/** What is offered, as a person and the transfer engine want to know it. */
export function factsOf(media: FileMedia, offer: ReadOffer): FileFacts {
  const { name, type, size, hashes } = media.selector ?? { hashes: [] };
  const icon = media.iconId === undefined ? undefined : offer.icons.get(media.iconId);
  return {
    name: bareName(name),
    type: type ?? 'application/octet-stream',
    size,
    ...(hashes.length > 0 ? { hashes: hashes.toSorted((a, b) => strength(b) - strength(a)) } : {}),
    ...(media.dates.modifiedAt !== undefined ? { modifiedAt: media.dates.modifiedAt } : {}),
    ...(icon ? { icon } : {}),
  };
}

/** RFC 5547 §6: a name may still hold what is a directory here. Only its last part is a name. */
function bareName(name: string | undefined): string {
  const last = (name ?? '')
    .split(/[/\\]/)
    .at(-1)
    // control characters, and marks that make a name read backwards
    ?.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim();
  return last === undefined || last === '' || last === '.' || last === '..' ? 'file' : last;
}
