import { isIP, type Socket } from 'node:net';
import * as tls from 'node:tls';
import { domainToASCII } from 'node:url';
import { type CertificateFacts, ProviderError } from '../../contract/index.ts';

/** Whom to trust: the system's roots, a campus authority, and single certificates a person has looked at. */
export interface Trust {
  /** PEM, beside the roots Node has. */
  authorities: readonly string[];
  /** SHA-256 of the DER certificate, upper-case hex pairs joined by colons. */
  fingerprints: readonly string[];
}

export interface SecureOptions {
  trust: Trust;
  /** The name the certificate must show, and the name asked for (SNI). */
  host: string;
  /** ALPN, e.g. `xmpp-client` (XEP-0368 §3). */
  protocol?: string;
  /** Milliseconds for the whole handshake. */
  timeout: number;
}

const sameFingerprint = (a: string, b: string): boolean =>
  a.replaceAll(':', '').toUpperCase() === b.replaceAll(':', '').toUpperCase();

const oneLine = (name: tls.Certificate | undefined): string =>
  Object.entries(name ?? {})
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(', ');

const isoDate = (text: string): string => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toISOString();
};

const factsOf = (certificate: tls.PeerCertificate, reason: string, host: string): CertificateFacts => ({
  fingerprint: certificate.fingerprint256 ?? '',
  subject: oneLine(certificate.subject),
  issuer: oneLine(certificate.issuer),
  validFrom: isoDate(certificate.valid_from),
  validTo: isoDate(certificate.valid_to),
  reason,
  host,
});

/** Undefined when the certificate is good enough; nothing has been written to the socket by then. */
const judge = (socket: tls.TLSSocket, { trust, host }: SecureOptions): ProviderError | undefined => {
  if (socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  const shown = certificate.fingerprint256;
  // A pinned leaf cannot be given as `ca` (Node completes no chain with it), so the fingerprint is compared here.
  if (shown && trust.fingerprints.some((known) => sameFingerprint(known, shown))) return undefined;
  const reason = String(socket.authorizationError ?? 'no certificate');
  const facts = factsOf(certificate, reason, host);
  if (trust.fingerprints.length > 0) facts.changed = true;
  return new ProviderError('tls-untrusted', { protocolCode: reason, certificate: facts });
};

const handshakeFault = (cause: Error & { code?: string }): ProviderError =>
  /^(ERR_SSL|ERR_TLS|EPROTO)/.test(cause.code ?? '')
    ? new ProviderError('not-this-protocol', { retryable: true, protocolCode: cause.code, cause })
    : new ProviderError('network', { retryable: true, protocolCode: cause.code, cause });

/**
 * Puts TLS on a connected socket and checks the certificate before a single byte of ours is sent (RFC 7590 §3.4). On any
 * fault the socket is destroyed and the promise rejects with `tls-untrusted`, `not-this-protocol`, `timeout` or `network`.
 *
 * @example const socket = await secure(plain, { trust, host: 'campus.test', protocol: 'xmpp-client', timeout: 15_000 });
 */
export const secure = (plain: Socket, options: SecureOptions): Promise<tls.TLSSocket> =>
  new Promise((resolve, reject) => {
    const { trust, host, protocol, timeout } = options;
    const name = domainToASCII(host) || host;
    const socket = tls.connect({
      socket: plain,
      // RFC 6066 §3: no literal address in SNI
      ...(isIP(host) ? {} : { servername: name }),
      ...(protocol ? { ALPNProtocols: [protocol] } : {}),
      ...(trust.authorities.length > 0 ? { ca: [...tls.rootCertificates, ...trust.authorities] } : {}),
      minVersion: 'TLSv1.2',
      checkServerIdentity: (_asked, certificate) => tls.checkServerIdentity(name, certificate),
      // judged below, because a certificate trusted by fingerprint is to pass
      rejectUnauthorized: false,
    });
    const settle = (error?: ProviderError): void => {
      clearTimeout(timer);
      socket.off('secureConnect', onSecure).off('error', onError).off('close', onClose);
      if (error) {
        // a late error of a socket nobody listens to must not end the program
        socket.on('error', () => {});
        socket.destroy();
        plain.destroy();
        reject(error);
      } else resolve(socket);
    };
    const onSecure = (): void => settle(judge(socket, options));
    const onError = (cause: Error): void => settle(handshakeFault(cause));
    const onClose = (): void =>
      settle(new ProviderError('network', { retryable: true, detail: 'closed in handshake' }));
    const timer = setTimeout(() => settle(new ProviderError('timeout', { retryable: true, detail: 'tls' })), timeout);
    socket.once('secureConnect', onSecure).once('error', onError).once('close', onClose);
  });
