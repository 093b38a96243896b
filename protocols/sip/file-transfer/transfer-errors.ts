import { MsrpError, type MsrpErrorCode } from '../../../msrp/index.ts';
import { ProviderError, type ProviderErrorCode, type TransferPhase } from '../../contract/index.ts';
import type { Rejection } from '../sip-session.ts';
import { requestError } from '../status-errors.ts';

const MSRP_CODES: Partial<Record<MsrpErrorCode, ProviderErrorCode>> = {
  'connect-failed': 'network',
  'connect-timeout': 'timeout',
  'connection-lost': 'network',
  'connection-idle': 'network',
  'connection-stalled': 'network',
  'listen-failed': 'network',
  'bind-timeout': 'timeout',
  'bind-refused': 'network',
  'path-mismatch': 'malformed',
  'tls-untrusted': 'tls-untrusted',
  'fingerprint-mismatch': 'tls-untrusted',
  'session-closed': 'network',
  'transaction-timeout': 'timeout',
  'too-big': 'size-mismatch',
  'malformed-frame': 'malformed',
  'invalid-content': 'malformed',
  'source-shortened': 'source-changed',
  'source-lengthened': 'source-changed',
  'source-missing': 'source-missing',
  'source-denied': 'permission-denied',
  'source-failed': 'unreadable',
  'disk-full': 'no-space',
  'storage-denied': 'permission-denied',
};

/** What the MSRP library or the sink or source behind it ran into, as the provider layer says it. */
export function fromMsrp(error: unknown): ProviderError {
  if (!(error instanceof MsrpError)) return ProviderError.from(error);
  // sinks and sources give coded errors of their own, which the library carries as the cause
  if (error.cause instanceof ProviderError) return error.cause;
  return new ProviderError(MSRP_CODES[error.code] ?? 'internal', {
    protocolCode: error.status ?? error.code,
    retryable: error.retryable,
    cause: error,
  });
}

/** What a status of MSRP (RFC 4975 §10) says, in a response or a REPORT. */
export function fromStatus(protocolCode: number): ProviderError {
  switch (protocolCode) {
    case 408: // RFC 4976 §6.4.1: a relay could not pass it on, or had no answer
      return new ProviderError('timeout', { protocolCode, retryable: true });
    case 415:
      return new ProviderError('not-supported', { protocolCode });
    case 481: // a peer or relay that was started anew
    case 506:
      return new ProviderError('network', { protocolCode, retryable: true });
    default:
      return new ProviderError('internal', { protocolCode });
  }
}

/**
 * Words for a refusal that is nobody's no: in the Warning (RFC 3261 §20.43) of a 480, or as the title (RFC 8866 §5.4) of one
 * line with port 0. 480 and not 603: another device may still take it.
 */
const REFUSALS: Partial<Record<ProviderErrorCode, string>> = {
  'peer-cannot-keep': 'cannot be kept',
  'peer-busy': 'busy',
  'not-supported': 'not supported',
};

/** What keeps a receiver from keeping a file. Which of them it is stays with the receiver. */
const UNKEEPABLE: readonly ProviderErrorCode[] = [
  'no-space',
  'permission-denied',
  'name-refused',
  'unreadable',
  'internal',
];

/** Warning of a 603 from somebody who had accepted and thought better of it before the answer was out. */
export const CANCELLED = 'cancelled';

/**
 * Reason (RFC 3326) of the CANCEL by which a person takes an offer back. Without one, or with another, it is a server on the
 * way, or the program itself, that has not waited any longer.
 */
export const TAKEN_BACK = 'SIP;cause=487;text="cancelled"';

/** Whether a CANCEL with this Reason is a person's. */
export const isTakenBack = (reason: string | undefined): boolean => causeOf(reason) === 487;

/** The SIP status in a Reason; NaN without. */
export const causeOf = (reason: string | undefined): number =>
  Number(/^\s*SIP\s*;.*\bcause\s*=\s*(\d{3})\b/i.exec(reason ?? '')?.[1]);

/** Answers by which a device that rang, or a server for it, says that no person came. */
const NOBODY_CAME: readonly number[] = [408, 480, 487];

/** Whether a refused INVITE means that its offer is still undecided, although a device has rung. */
export function isUnanswered(rejection: Rejection, rung: { alike: boolean } | undefined): boolean {
  if (!rung || saysUnkeepable(rejection)) return false;
  // our own connection broke: the other side is left with an offer that no person has answered
  return rejection.local ? rung.alike : NOBODY_CAME.includes(rejection.status);
}

/** What a refused INVITE says about the offer (RFC 3261 §21). `secure`: only encrypted media were offered. */
export function fromRejection(
  rejection: Rejection,
  direct: boolean,
  secure = false,
): ProviderError | 'declined' | 'cancelled' {
  if (rejection.status === 603) return rejection.warning?.includes(`"${CANCELLED}"`) ? 'cancelled' : 'declined';
  if (saysUnkeepable(rejection)) {
    return new ProviderError('peer-cannot-keep', { protocolCode: 480 });
  }
  if (direct && rejection.local) {
    return new ProviderError('peer-offline', { protocolCode: rejection.status, retryable: true });
  }
  // we did not cancel it: somebody on the way found that it rang for too long
  if (rejection.status === 487) return new ProviderError('timeout', { protocolCode: 487, retryable: true });
  if (secure && rejection.status === 488 && !rejection.local)
    return new ProviderError('encryption-refused', { protocolCode: 488 });
  return requestError(rejection);
}

const saysUnkeepable = ({ status, warning }: Rejection): boolean =>
  status === 480 && warning?.includes(`"${REFUSALS['peer-cannot-keep']}"`) === true;

/** Faults one side may tell the other about; everything else stays `internal`. */
const TOLD: readonly ProviderErrorCode[] = [
  'peer-cannot-keep',
  'size-mismatch',
  'hash-mismatch',
  'source-changed',
  'source-missing',
  'unreadable',
  'too-big',
  'malformed',
  'timeout',
  'network',
  'tls-untrusted',
  'internal',
];

/** What the other side of a receiver learns of its fault. */
export const toldBySink = ({ code }: ProviderError): ProviderErrorCode =>
  UNKEEPABLE.includes(code) ? 'peer-cannot-keep' : code;

/** The same of a sender: which of its rights to its own file are missing is nobody else's business. */
export const toldBySource = ({ code }: ProviderError): ProviderErrorCode =>
  code === 'permission-denied' ? 'unreadable' : code;

/** How a receiver's fault is told in a refusal; undefined where that has no words. */
export const wordsOf = (error: ProviderError): string | undefined => REFUSALS[toldBySink(error)];

/** What the title of a refused line says; undefined: a person's no. */
export function fromTitle(title: string | undefined): ProviderError | undefined {
  const said = Object.entries(REFUSALS).find(([, words]) => words === title) as [ProviderErrorCode, string] | undefined;
  return said && new ProviderError(said[0]);
}

/**
 * A Reason header value (RFC 3326) that tells the other side why a transfer ends early: BYE is the one message both
 * sides surely exchange, since the MSRP connection may be what failed.
 *
 * @example reasonOf('hash-mismatch') // 'SIP;cause=500;text="hash-mismatch"'
 */
export const reasonOf = (code: ProviderErrorCode): string =>
  `SIP;cause=500;text="${TOLD.includes(code) ? code : 'internal'}"`;

/**
 * What another device of this account did with an offer, by the Reason of the CANCEL that a forking proxy sends to the rest:
 * the answer that ended it (RFC 3326 §2), which is a 200, or a 6xx for all (RFC 3261 §16.7).
 */
export function answeredElsewhere(
  reason: string | undefined,
): Extract<TransferPhase, { state: 'cancelled' | 'declined' }> | undefined {
  const cause = causeOf(reason);
  if (cause === 200) return { state: 'cancelled', by: 'elsewhere' };
  return cause >= 600 ? { state: 'declined' } : undefined;
}

/** What the peer's Reason says: undefined for an ordinary end (none, or a cause below 400). */
export function fromReason(reason: string | undefined): ProviderError | undefined {
  const cause = Number(/;\s*cause\s*=\s*(\d{3})\b/i.exec(reason ?? '')?.[1] ?? 200);
  if (cause < 400 || cause === 487) return undefined;
  const text = /;\s*text\s*=\s*"([^"]*)"/i.exec(reason ?? '')?.[1];
  const code = TOLD.find((known) => known === text);
  // another client's words, such as Blink's "media stream failed to start"
  return new ProviderError(code ?? 'network', {
    protocolCode: cause,
    retryable: code === undefined || code === 'network' || code === 'timeout',
  });
}
