import { isIP } from 'node:net';
import tls, { type PeerCertificate, type TLSSocket } from 'node:tls';
import { type CertificateFacts, ProviderError } from '../../contract/index.ts';

/** Whom to believe. */
export interface TlsTrust {
  /** PEM, beside Node's own list. */
  certificateAuthorities: readonly string[];
  /** SHA-256 of certificates a person has trusted, upper-case hex pairs with colons. */
  trustedFingerprints: readonly string[];
  /** The SIP domain: the certificate must be for it (RFC 5922 §7), or for one of the names. */
  domain?: string;
  /** Hosts by the usual rules of TLS: what a person typed. */
  names: readonly string[];
}

/** Options for `tls.connect`; the verdict is `refusalOf` after `secureConnect`, nothing may be sent before. */
export const tlsOptions = (trust: TlsTrust): tls.ConnectionOptions => ({
  ca: [...tls.rootCertificates, ...trust.certificateAuthorities],
  minVersion: 'TLSv1.2',
  // the verdict is ours, since a fingerprint may be trusted that no authority stands for
  rejectUnauthorized: false,
  checkServerIdentity: (host, certificate) => {
    const { domain } = trust;
    if (domain !== undefined && isForDomain(certificate, domain)) return undefined;
    if (trust.names.length === 0) return mismatch(domain ?? host);
    const errors = trust.names.map((name) => tls.checkServerIdentity(name, certificate));
    return errors.includes(undefined) ? undefined : errors[0];
  },
});

const mismatch = (name: string): Error =>
  Object.assign(new Error(`not for ${name}`), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });

/** RFC 5922 §7.1: the identities of a certificate for SIP; §7.2: compared whole, and a wildcard stands for nothing. */
const isForDomain = (certificate: PeerCertificate, domain: string): boolean => {
  if (isIP(domain)) return tls.checkServerIdentity(domain, certificate) === undefined;
  const { subjectaltname } = certificate;
  const named = [...(subjectaltname ?? '').matchAll(/(?:^|, )(DNS|URI):("(?:[^"\\]|\\.)*"|[^,]*)/g)];
  const of = (kind: string): string[] => named.filter((each) => each[1] === kind).map((each) => each[2] ?? '');
  const uris = of('URI').flatMap((uri) => /^sip:([^@;?:]+)(?:[:;?].*)?$/i.exec(uri)?.[1] ?? []);
  const { CN = [] } = certificate.subject as { CN?: string | string[] };
  const names = uris.length > 0 ? uris : subjectaltname === undefined ? [CN].flat() : of('DNS');
  return names.some((name) => name.toLowerCase() === domain.toLowerCase());
};

/** Undefined when the certificate is to be believed; else `tls-untrusted` with its facts. */
export const refusalOf = (socket: TLSSocket, trust: TlsTrust, host: string): ProviderError | undefined => {
  if (socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  if (certificate.fingerprint256 && trust.trustedFingerprints.includes(certificate.fingerprint256)) return undefined;
  const error: unknown = socket.authorizationError;
  const reason = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  const facts = factsOf(certificate, reason, host);
  if (trust.trustedFingerprints.length > 0) facts.changed = true;
  return new ProviderError('tls-untrusted', { certificate: facts });
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
