import { ProviderError, type ProviderErrorCode } from '../../contract/index.ts';

/** Nothing of these is said by the service or about it. */
const OTHERS: ReadonlySet<ProviderErrorCode> = new Set([
  'too-big',
  'store-failed',
  'cancelled',
  'source-changed',
  'source-missing',
  'unreadable',
  'permission-denied',
  'internal',
]);

/**
 * What went wrong between us and the upload service, as a fault of that service: while the account is online it is neither
 * our network nor the person at the other side.
 */
export const storeFault = (cause: unknown): ProviderError => {
  const error = ProviderError.from(cause);
  if (OTHERS.has(error.code)) return error;
  const { retryable, protocolCode = error.code } = error;
  return new ProviderError('store-failed', { retryable, protocolCode, cause: error });
};
