import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { MsrpError } from '../../errors.ts';

/** A certificate and its private key, both PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** RFC 8122 §5: hash functions of the SDP attribute `fingerprint`, the best first; MD2 and MD5 must not be used. */
const HASHES = ['sha-512', 'sha-384', 'sha-256', 'sha-224', 'sha-1'] as const;

/** A hash function by its name in SDP. */
export type FingerprintHash = (typeof HASHES)[number];

/**
 * The fingerprint of a PEM certificate as the SDP attribute `fingerprint` has it (RFC 8122 §5).
 *
 * @param hash RFC 8122 §5.1 wants `sha-256`, and that of the signature on the certificate beside it
 * @example fingerprintOf(identity.cert) // 'sha-256 4A:AD:B9:…'
 */
export function fingerprintOf(cert: string, hash: FingerprintHash = 'sha-256'): string {
  const digits = digest(hash, new X509Certificate(cert).raw).toString('hex').toUpperCase();
  return `${hash} ${digits.replace(/..(?!$)/g, '$&:')}`;
}

function digest(hash: FingerprintHash, raw: Uint8Array): Buffer {
  return createHash(hash.replace('-', '')).update(raw).digest();
}

/**
 * RFC 4975 §14.4: the certificate of the peer has to be the one whose fingerprint came with the session description.
 *
 * @param fingerprints of one or more certificates, by one or more hash functions: any by the best of these will do
 * @throws MsrpError `fingerprint-mismatch`
 */
export function checkFingerprint(socket: Socket, fingerprints: readonly string[]): void {
  const raw = socket instanceof TLSSocket ? socket.getPeerCertificate().raw : undefined;
  const given = fingerprints.map((fingerprint) => {
    const [name = '', value = ''] = fingerprint.trim().split(/ +/);
    return { name: name.toLowerCase(), wanted: Buffer.from(value.replaceAll(':', ''), 'hex') };
  });
  // RFC 8122 §5.1: only the set by the most preferred hash function counts, so nobody gains by adding a weak one
  const best = HASHES.find((hash) => given.some(({ name }) => name === hash));
  const found = best !== undefined && raw !== undefined ? digest(best, raw) : undefined;
  const fits = given.some(
    ({ name, wanted }) =>
      found !== undefined && name === best && wanted.length === found.length && timingSafeEqual(wanted, found),
  );
  if (!fits) throw new MsrpError('fingerprint-mismatch', 'The certificate is not the one the peer announced');
}
