import { X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import type { Authority } from '../../contract/index.ts';
import { refuse } from '../../contract/index.ts';

/** A university has a handful; a file with more is a whole system's list, and not meant for this. */
const MOST = 32;

const PEM = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/**
 * PEM of every authority the operating system trusts beyond Node's own list. `getCACertificates` came with Node 22.15;
 * before it only Node's list is to be had.
 */
export const systemAuthorities = (): readonly string[] => {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'system') => string[] };
  return getCACertificates?.('system') ?? [];
};

/**
 * The certificates of authorities in a PEM text, each once; none for null. The one a server shows for itself does not count: that one
 * is trusted by its fingerprint. Throws `authority-invalid`.
 *
 * @example authoritiesIn(await readFile('campus-ca.pem', 'utf8'));
 */
export const authoritiesIn = (text: string | null): string[] => {
  if (text === null) return [];
  const blocks = text.match(PEM) ?? [];
  if (blocks.length === 0 || blocks.length > MOST) throw refuse('authority-invalid');
  const found = new Map<string, string>();
  for (const block of blocks) {
    const certificate = certificateOf(block);
    // RFC 5280 §4.2.1.9: only with `cA` in its basic constraints may it stand for others
    if (!certificate?.ca) throw refuse('authority-invalid');
    found.set(certificate.fingerprint256, certificate.toString());
  }
  return [...found.values()];
};

/** What a person is shown of an authority; undefined for a PEM that cannot be read. */
export const authorityFacts = (pem: string): Authority | undefined => {
  const certificate = certificateOf(pem);
  if (!certificate) return undefined;
  const { subject, fingerprint256, validTo } = certificate;
  return { subject: subject.split('\n').join(', '), fingerprint: fingerprint256, validTo: isoTime(validTo) };
};

const certificateOf = (pem: string): X509Certificate | undefined => {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
};

const isoTime = (text: string): string => {
  const time = Date.parse(text);
  return Number.isNaN(time) ? '' : new Date(time).toISOString();
};
