import type { Address } from './address.ts';
import type { Subscribe } from './emitter.ts';

/**
 * How two people make sure that it is the other's own program they speak to, where no server vouches for it: both see the same
 * code, made of the keys of both, and compare it by voice or side by side.
 *
 * @example
 * const code = await verification.code('sip:abcdefghij234567klmn@local'); // '012345678901…'
 * await verification.confirm('sip:abcdefghij234567klmn@local', code); // when a person has said that they match
 */
export interface VerificationOperationSet {
  /** Whether a person at this computer has confirmed the key of this address. Kept. */
  isVerified(address: Address): boolean;
  /** 60 digits, the same in both programs. Rejects with `peer-offline` while the other's key is not known. */
  code(address: Address): Promise<string>;
  /** The code a person has compared is that of both keys. Rejects with `peer-offline`, or `policy` when it is another code. */
  confirm(address: Address, code: string): Promise<void>;
  /** Fires when an address was confirmed. */
  readonly onVerified: Subscribe<Address>;
}
