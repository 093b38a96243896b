import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { TlsIdentity } from '../../../../msrp/index.ts';
import type { ProviderStorage } from '../../../contract/index.ts';
import { createCertificate, createKey } from '../../media/certificate.ts';
import { instanceOfKey } from './instance.ts';

const KEY = 'local.key';

/** Who this account is on every network, for as long as it lives: a key pair, and the id that is its hash. */
export interface OwnKey {
  readonly id: string;
  /** DER, SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  /** A certificate of this key for TLS, valid for a month; peers look at nothing but the key in it. */
  certificate(now: number): TlsIdentity;
}

/**
 * The key of this account, made at its first start and kept in its storage, which is encrypted. One that cannot be read
 * any more is replaced: to others that is another person.
 */
export function storedKey(storage: ProviderStorage): OwnKey {
  const privateKey = readKey(storage.get(KEY)) ?? newKey(storage);
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { id: instanceOfKey(publicKey), publicKey, certificate: (now) => createCertificate(now, privateKey) };
}

function readKey(stored: string | undefined): KeyObject | undefined {
  if (stored === undefined) return undefined;
  try {
    const key = createPrivateKey({ key: Buffer.from(stored, 'base64'), type: 'pkcs8', format: 'der' });
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined;
  } catch {
    return undefined;
  }
}

function newKey(storage: ProviderStorage): KeyObject {
  const key = createKey();
  storage.put(KEY, key.export({ type: 'pkcs8', format: 'der' }).toString('base64'));
  return key;
}
