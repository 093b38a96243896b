import type { VerificationOperationSet } from '../../../protocols/contract/index.ts';
import { type PersonAddress, type Route, refuse } from '../../contract/index.ts';
import type { LiveAddress } from './person-view.ts';

/**
 * What is known of the key behind an address, beside `all` of its account; undefined where addresses have none. `other`: this is
 * not the key of somebody of that name, or of that person, who was verified.
 */
export function keyState(
  verification: VerificationOperationSet | undefined,
  { address, claimedName, personId, presence }: LiveAddress,
  all: Iterable<LiveAddress>,
): PersonAddress['key'] {
  if (!verification) return undefined;
  if (verification.isVerified(address)) return 'verified';
  for (const known of all) {
    if (known.address === address || !verification.isVerified(known.address)) continue;
    // one from before, which a person has joined with that one, is never there again
    if (known.personId === personId ? isThere(presence) : sameName(known.claimedName, claimedName)) return 'other';
  }
  return 'unverified';
}

const isThere = ({ state }: LiveAddress['presence']): boolean => state !== 'unknown' && state !== 'offline';
const plain = (name: string): string => name.normalize('NFKC').trim().toLowerCase();
const sameName = (one: string, other: string): boolean => one !== '' && plain(one) === plain(other);

/** The codes that two people compare, account by account. */
export class Codes {
  readonly #verificationOf: (accountId: string) => VerificationOperationSet | undefined;

  constructor(verificationOf: (accountId: string) => VerificationOperationSet | undefined) {
    this.#verificationOf = verificationOf;
  }

  /** The code of both keys. */
  async of({ accountId, address }: Route): Promise<string> {
    return await this.#must(accountId).code(address);
  }

  /** A person says that it is the code the other sees. */
  async confirm({ accountId, address }: Route, code: string): Promise<void> {
    await this.#must(accountId).confirm(address, code);
  }

  #must(accountId: string): VerificationOperationSet {
    const verification = this.#verificationOf(accountId);
    if (!verification) throw refuse('not-available-here');
    return verification;
  }
}
