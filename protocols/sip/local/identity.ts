import { randomBytes } from 'node:crypto';
import { type Address, ProviderError, type ProviderStorage } from '../../contract/index.ts';

const KEY = 'local.instance';
/** Lower-case letters and digits: fits a DNS label and the user part of an address without escapes. */
const INSTANCE = /^[a-z2-7]{20}$/;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

export const isInstanceId = (text: string): boolean => INSTANCE.test(text);

/** What this account is known by on every network, for as long as it lives: 100 random bits. */
export function storedInstanceId(storage: ProviderStorage): string {
  const stored = storage.get(KEY);
  if (stored !== undefined && isInstanceId(stored)) return stored;
  const id = Array.from(randomBytes(20), (byte) => ALPHABET[byte & 31]).join('');
  storage.put(KEY, id);
  return id;
}

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
