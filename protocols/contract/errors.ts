/**
 * Every expected fault a provider can report. Stable: the window has one sentence and one next action for each, in both
 * languages. `retryable` on the error says whether the same thing may succeed later without a person.
 */
export type ProviderErrorCode =
  // reaching the server
  | 'host-unknown'
  | 'unreachable'
  | 'not-this-protocol'
  | 'server-unavailable'
  | 'tls-required'
  | 'tls-untrusted'
  | 'network'
  | 'timeout'
  // who we are
  | 'address-invalid'
  | 'credentials-rejected'
  | 'credentials-missing'
  /** Less safe than before; `protocolCode` is the value of `ALLOWED_AUTHENTICATION` that allows it, absent where only an administrator can. */
  | 'authentication-weaker'
  /** In another name than before; `protocolCode` as above. */
  | 'authentication-changed'
  | 'account-conflict'
  | 'policy'
  // the other side
  | 'peer-offline'
  | 'peer-busy'
  | 'peer-declined'
  | 'peer-unknown'
  /** Has no room for the file, or no place for it; which of them is nobody's business here. */
  | 'peer-cannot-keep'
  /** Its program is older than what everybody else here speaks. */
  | 'peer-outdated'
  /** Did not take what would have been sent encrypted, perhaps because it would be. */
  | 'encryption-refused'
  /** The service that keeps files on the way to their receivers did not take one. */
  | 'store-failed'
  /** That service takes no file without content. */
  | 'empty-refused'
  | 'not-supported'
  | 'blocked'
  // content
  | 'too-big'
  | 'malformed'
  | 'unreadable'
  // files
  | 'no-space'
  | 'name-refused'
  | 'size-mismatch'
  | 'hash-mismatch'
  | 'source-changed'
  | 'source-missing'
  | 'permission-denied'
  // all else
  | 'cancelled'
  | 'internal';

/** Facts about a refused certificate, for a readable explanation before anybody trusts it. */
export interface CertificateFacts {
  /** SHA-256 of the DER certificate, upper-case hex pairs joined by colons. */
  fingerprint: string;
  subject: string;
  issuer: string;
  /** ISO 8601. */
  validFrom: string;
  validTo: string;
  /** OpenSSL's word, e.g. `DEPTH_ZERO_SELF_SIGNED_CERT`, `ERR_TLS_CERT_ALTNAME_INVALID`. */
  reason: string;
  host: string;
  /** The account trusts another certificate, which the server does not show (any more). */
  changed?: true;
}

/**
 * The one error class of the provider layer. Never carries a password, a hash or message text.
 *
 * @example throw new ProviderError('server-unavailable', { protocolCode: 503, retryAfter: 30, retryable: true });
 */
export class ProviderError extends Error {
  readonly code: ProviderErrorCode;
  /** The protocol's own number or condition: `503`, `not-authorized`. For the details, never for the sentence. */
  readonly protocolCode: string | undefined;
  readonly retryable: boolean;
  /** Seconds the other side asked us to wait (Retry-After). */
  readonly retryAfter: number | undefined;
  readonly certificate: CertificateFacts | undefined;
  /** Of `too-big`: the most that is taken, in bytes, where that is known. */
  readonly limit: number | undefined;

  constructor(
    code: ProviderErrorCode,
    options: {
      protocolCode?: string | number | undefined;
      retryable?: boolean | undefined;
      retryAfter?: number | undefined;
      certificate?: CertificateFacts | undefined;
      limit?: number | undefined;
      cause?: unknown;
      detail?: string | undefined;
    } = {},
  ) {
    super(options.detail ? `${code}: ${options.detail}` : code, { cause: options.cause });
    this.name = 'ProviderError';
    this.code = code;
    this.protocolCode = options.protocolCode === undefined ? undefined : String(options.protocolCode);
    this.retryable = options.retryable ?? false;
    this.retryAfter = options.retryAfter;
    this.certificate = options.certificate;
    this.limit = options.limit;
  }

  /** Any thrown thing as a ProviderError; what is not expected becomes `internal` with its cause kept. */
  static from(cause: unknown): ProviderError {
    return cause instanceof ProviderError ? cause : new ProviderError('internal', { cause });
  }
}
