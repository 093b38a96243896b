import { ProviderError, type ProviderErrorCode } from '../contract/index.ts';
import type { ConsentNeeded } from './authentication/account-binding.ts';

/** What the error depends on; `SipAnswer` and a session's `Rejection` both fit. */
export interface FinalStatus {
  status: number;
  /** No answer came over the network. */
  local?: boolean;
  retryAfter?: number | undefined;
  /** A 401 or 407 that says nothing about the password, with what has to be allowed before it is answered. */
  undecided?: true | ConsentNeeded;
}

const REQUEST_CODES: Readonly<Record<number, ProviderErrorCode>> = {
  400: 'malformed',
  401: 'credentials-rejected',
  403: 'blocked',
  404: 'peer-unknown',
  407: 'credentials-rejected',
  408: 'peer-offline',
  410: 'peer-unknown',
  413: 'too-big',
  // RFC 5626 §11.5: the flow to the peer failed; Kamailio says 477 for it
  430: 'peer-offline',
  477: 'peer-offline',
  480: 'peer-offline',
  486: 'peer-busy',
  487: 'cancelled',
  // RFC 3329 §2.2: it does not speak without TLS, or we do not speak so to it
  494: 'peer-outdated',
  513: 'too-big',
  600: 'peer-busy',
  603: 'peer-declined',
  604: 'peer-unknown',
  606: 'not-supported',
};

/** A refused request to another person, as the window's error (RFC 3261 §21). */
export const requestError = (answer: FinalStatus): ProviderError => {
  const { status, retryAfter } = answer;
  const facts = { protocolCode: status, retryAfter };
  if (answer.local) return new ProviderError(status === 408 ? 'timeout' : 'network', { ...facts, retryable: true });
  if (answer.undecided) return new ProviderError('server-unavailable', { ...facts, retryable: true });
  const code = REQUEST_CODES[status] ?? (status >= 500 && status < 600 ? 'server-unavailable' : 'not-supported');
  const retryable = ['peer-offline', 'peer-busy'].includes(code) || [500, 502, 503, 504].includes(status);
  return new ProviderError(code, { ...facts, retryable });
};

/** A refused REGISTER. Not retryable: a person must act. A directory that is away is a 503 and is tried again. */
export const registrationError = (answer: FinalStatus): ProviderError => {
  const { status, retryAfter } = answer;
  const facts = { protocolCode: status, retryAfter };
  if (answer.local) return new ProviderError(status === 408 ? 'timeout' : 'network', { ...facts, retryable: true });
  if ((status === 401 || status === 407) && !answer.undecided) return new ProviderError('credentials-rejected', facts);
  if (answer.undecided && answer.undecided !== true)
    return new ProviderError(answer.undecided.code, { protocolCode: answer.undecided.allow });
  if (status === 403) return new ProviderError('policy', facts);
  if (status === 404 || status === 604) return new ProviderError('address-invalid', facts);
  return new ProviderError('server-unavailable', { ...facts, retryable: true });
};
