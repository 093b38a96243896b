import tls, { type PeerCertificate, type TLSSocket } from 'node:tls';
import { type CertificateFacts, ProviderError } from '../../contract/index.ts';

/** Whom to believe. */
export interface TlsTrust {
  /** PEM, beside Node's own list. */
  certificateAuthorities: readonly string[];
  /** SHA-256 of certificates a person has trusted, upper-case hex pairs with colons. */
  trustedFingerprints: readonly string[];
  /** Names of which the certificate must carry one: the SIP domain (RFC 5922 §7.1), and the host a person typed. */
  names: readonly string[];
}

/** Options for `tls.connect`; the verdict is `refusalOf` after `secureConnect`, nothing may be sent before. */
export const tlsOptions = (trust: TlsTrust): tls.ConnectionOptions => ({
  ca: [...tls.rootCertificates, ...trust.certificateAuthorities],
  minVersion: 'TLSv1.2',
  // the verdict is ours, since a fingerprint may be trusted that no authority stands for
  rejectUnauthorized: false,
  checkServerIdentity: (_host, certificate) => {
    const errors = trust.names.map((name) => tls.checkServerIdentity(name, certificate));
    return errors.includes(undefined) ? undefined : errors[0];
  },
});

/** Undefined when the certificate is to be believed; else `tls-untrusted` with its facts. */
export const refusalOf = (socket: TLSSocket, trust: TlsTrust, host: string): ProviderError | undefined => {
  if (socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  if (certificate.fingerprint256 && trust.trustedFingerprints.includes(certificate.fingerprint256)) return undefined;
  const error: unknown = socket.authorizationError;
  const reason = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return new ProviderError('tls-untrusted', { certificate: factsOf(certificate, reason, host) });
};

const factsOf = (certificate: PeerCertificate, reason: string, host: string): CertificateFacts => ({
  fingerprint: certificate.fingerprint256 ?? '',
  subject: nameText(certificate.subject),
  issuer: nameText(certificate.issuer),
  validFrom: isoTime(certificate.valid_from),
  validTo: isoTime(certificate.valid_to),
  reason,
  host,
});

const nameText = (name: unknown): string =>
  Object.entries((name ?? {}) as Record<string, string | string[]>)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(', ');

const isoTime = (text: string): string => {
  const time = Date.parse(text);
  return Number.isNaN(time) ? '' : new Date(time).toISOString();
};
