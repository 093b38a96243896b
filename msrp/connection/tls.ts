import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { MsrpError } from '../errors.ts';

/** A certificate and its private key, both PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** RFC 8122 §5: hash functions of the SDP attribute `fingerprint`; MD2 and MD5 must not be used. */
const HASHES: ReadonlyMap<string, string> = new Map([
  ['sha-1', 'sha1'],
  ['sha-224', 'sha224'],
  ['sha-256', 'sha256'],
  ['sha-384', 'sha384'],
  ['sha-512', 'sha512'],
]);

/**
 * The fingerprint of a PEM certificate as the SDP attribute `fingerprint` has it (RFC 8122 §5).
 *
 * @example fingerprintOf(identity.cert) // 'sha-256 4A:AD:B9:…'
 */
export function fingerprintOf(cert: string): string {
  return `sha-256 ${new X509Certificate(cert).fingerprint256}`;
}

/**
 * RFC 4975 §14.4: the certificate of the peer has to be the one whose fingerprint came with the session description.
 *
 * @param fingerprints any of them will do
 * @throws MsrpError `fingerprint-mismatch`
 */
export function checkFingerprint(socket: Socket, fingerprints: readonly string[]): void {
  const raw = socket instanceof TLSSocket ? socket.getPeerCertificate().raw : undefined;
  const fits = (fingerprint: string) => {
    const [name = '', value = ''] = fingerprint.trim().split(/ +/);
    const hash = HASHES.get(name.toLowerCase());
    if (hash === undefined || raw === undefined) return false;
    const wanted = Buffer.from(value.replaceAll(':', ''), 'hex');
    const found = createHash(hash).update(raw).digest();
    return wanted.length === found.length && timingSafeEqual(wanted, found);
  };
  if (!fingerprints.some(fits)) {
    throw new MsrpError('fingerprint-mismatch', 'The certificate is not the one the peer announced');
  }
}
