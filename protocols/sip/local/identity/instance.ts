import { createHash } from 'node:crypto';
import { type Address, ProviderError } from '../../../contract/index.ts';

/** Lower-case letters and digits: fits a DNS label and the user part of an address without escapes. */
const INSTANCE = /^[a-z2-7]{20}$/;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

export const isInstanceId = (text: string): boolean => INSTANCE.test(text);

/**
 * The id of the holder of the private key of `publicKey` (DER, SubjectPublicKeyInfo): 100 bits of its SHA-256, so that another
 * key with the same id would take 2^100 tries.
 */
export const instanceOfKey = (publicKey: Uint8Array): string =>
  Array.from(createHash('sha256').update(publicKey).digest().subarray(0, 20), (byte) => ALPHABET[byte & 31]).join('');

/** `sip:<instance id>@local`: the same wherever the machine is, unlike host and port. */
export const addressOfInstance = (id: string): Address => `sip:${id}@local`;

/** The instance behind an address, undefined when it is none of this protocol. */
export function instanceOfAddress(address: Address): string | undefined {
  const id = /^sip:([^@]*)@local$/.exec(address)?.[1];
  return id !== undefined && isInstanceId(id) ? id : undefined;
}

/** A typed-in or stored text as an address of this protocol. */
export function parseLocalAddress(text: string): Address | ProviderError {
  const id = /^\s*(?:sip:)?([^@\s]+)@local\s*$/i.exec(text)?.[1]?.toLowerCase();
  return id !== undefined && isInstanceId(id) ? addressOfInstance(id) : new ProviderError('address-invalid');
}
