/** Every expected fault of this library, by a stable code. Texts may change, codes do not. */
export type MsrpErrorCode =
  // what the caller or the peer wrote
  | 'invalid-uri'
  | 'invalid-header'
  | 'invalid-option'
  // framing: the connection cannot go on
  | 'malformed-frame'
  | 'start-line-too-long'
  | 'header-line-too-long'
  | 'headers-too-long'
  | 'too-many-headers'
  | 'invalid-transaction-id'
  | 'body-too-long'
  // connections and sessions
  | 'connect-failed'
  | 'connect-timeout'
  | 'listen-failed'
  | 'tls-untrusted'
  | 'fingerprint-mismatch'
  | 'connection-lost'
  | 'connection-idle'
  | 'connection-stalled'
  | 'bind-refused'
  | 'bind-timeout'
  | 'path-mismatch'
  | 'session-closed'
  | 'relay-denied'
  | 'relay-failed'
  // messages
  | 'transaction-timeout'
  | 'refused'
  | 'aborted'
  | 'too-big'
  | 'invalid-content'
  | 'cpim-malformed'
  | 'cpim-too-many-headers'
  | 'too-many-messages'
  | 'too-many-gaps'
  // sources and sinks
  | 'source-failed'
  | 'source-shortened'
  | 'source-lengthened'
  | 'source-missing'
  | 'source-denied'
  | 'storage-failed'
  | 'disk-full'
  | 'storage-denied';

const RETRYABLE: ReadonlySet<MsrpErrorCode> = new Set([
  'connect-failed',
  'connect-timeout',
  'connection-lost',
  'connection-idle',
  'connection-stalled',
  'bind-timeout',
  'transaction-timeout',
  'disk-full',
]);

/**
 * The one error class of this library.
 *
 * `code` says what happened, `status` is the MSRP status code where the peer (or this side) answered with one
 * (RFC 4975 §10), `retryable` whether trying the same again later can help.
 *
 * @example if (outcome.state === 'failed' && outcome.error.retryable) offerAgain(outcome.confirmed);
 */
export class MsrpError extends Error {
  override readonly name = 'MsrpError';
  readonly code: MsrpErrorCode;
  readonly status: number | undefined;
  readonly retryable: boolean;

  constructor(code: MsrpErrorCode, message: string, detail: { status?: number; cause?: unknown } = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.status = detail.status;
    this.retryable = RETRYABLE.has(code);
  }
}

function systemCode(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

/** What reading the bytes to send ran into. */
export function sourceError(cause: unknown): MsrpError {
  if (cause instanceof MsrpError) return cause;
  const code = systemCode(cause);
  if (code === 'ENOENT') return new MsrpError('source-missing', 'The file to send is not there', { cause });
  if (code === 'EACCES' || code === 'EPERM') {
    return new MsrpError('source-denied', 'The file to send may not be read', { cause });
  }
  return new MsrpError('source-failed', 'The bytes to send could not be read', { cause });
}

/** What storing received bytes ran into. */
export function storageError(cause: unknown): MsrpError {
  if (cause instanceof MsrpError) return cause;
  const code = systemCode(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new MsrpError('disk-full', 'There is no room left', { cause });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new MsrpError('storage-denied', 'The file may not be written', { cause });
  }
  return new MsrpError('storage-failed', 'The received bytes could not be stored', { cause });
}
