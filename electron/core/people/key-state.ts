import type { VerificationOperationSet } from '../../../protocols/contract/index.ts';
import type { PersonAddress } from '../../contract/index.ts';
import type { LiveAddress } from './person-view.ts';

/**
 * What is known of the key behind an address, beside `all` of its account; undefined where addresses have none. `other`: this is
 * not the key of somebody of that name, or of that person, who was verified.
 */
export function keyState(
  verification: VerificationOperationSet | undefined,
  { address, claimedName, personId }: LiveAddress,
  all: Iterable<LiveAddress>,
): PersonAddress['key'] {
  if (!verification) return undefined;
  if (verification.isVerified(address)) return 'verified';
  for (const known of all) {
    if (known.address === address || !verification.isVerified(known.address)) continue;
    if (known.personId === personId || sameName(known.claimedName, claimedName)) return 'other';
  }
  return 'unverified';
}

const plain = (name: string): string => name.normalize('NFKC').trim().toLowerCase();
const sameName = (one: string, other: string): boolean => one !== '' && plain(one) === plain(other);
