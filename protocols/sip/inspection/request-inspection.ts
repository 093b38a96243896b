import type { Core } from 'sip.js';

/** A final answer to a request that nothing else looks at. */
export interface Refusal {
  statusCode: number;
  extraHeaders: string[];
}

/** The methods of RFC 3261, 3262, 3311, 3428, 3515, 3903, 6086 and 6665: what SIP programs know, whatever they support. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'ACK',
  'BYE',
  'CANCEL',
  'INFO',
  'INVITE',
  'MESSAGE',
  'NOTIFY',
  'OPTIONS',
  'PRACK',
  'PUBLISH',
  'REFER',
  'REGISTER',
  'SUBSCRIBE',
  'UPDATE',
]);

/**
 * RFC 3261 §8.2.1: whether the method is one we serve. 405 always names those that are.
 *
 * @example refusalOfMethod('REFER', ['INVITE', 'BYE']) // { statusCode: 405, extraHeaders: ['Allow: INVITE, BYE'] }
 */
export const refusalOfMethod = (method: string, allow: readonly string[]): Refusal | undefined => {
  if (allow.includes(method)) return undefined;
  // RFC 3262 §3: it matches no reliable provisional answer, since none of ours is reliable
  if (method === 'PRACK') return { statusCode: 481, extraHeaders: [] };
  // RFC 3261 §21.5.2: a method that is not recognised
  return { statusCode: KNOWN_METHODS.has(method) ? 405 : 501, extraHeaders: [`Allow: ${allow.join(', ')}`] };
};

/**
 * RFC 3261 §8.2.2.3: 420 names what is required and not understood. Not for ACK and CANCEL, which must not require anything.
 */
export const refusalOfRequire = (
  message: Core.IncomingRequestMessage,
  supported: readonly string[],
): Refusal | undefined => {
  if (message.method === 'ACK' || message.method === 'CANCEL') return undefined;
  const required = message.getHeaders('require').flatMap((value) => value.split(/\s*,\s*/));
  const unknown = required.filter((tag) => tag !== '' && !supported.includes(tag.toLowerCase()));
  return unknown.length > 0 ? { statusCode: 420, extraHeaders: [`Unsupported: ${unknown.join(', ')}`] } : undefined;
};

/** RFC 3261 §8.2.3: 415 names the types we take and, when the coding was the reason, the codings. */
export const unsupportedContent = (accept: readonly string[], coding: string | undefined): Refusal => ({
  statusCode: 415,
  extraHeaders: [`Accept: ${accept.join(', ')}`, ...(isEncoded(coding) ? ['Accept-Encoding: identity'] : [])],
});

/** Whether a Content-Encoding says that the body is not as it was written. */
export const isEncoded = (coding: string | undefined): boolean => !/^\s*(?:identity\s*)?$/i.test(coding ?? '');

/** Whether the body is a session description in clear. */
export const isDescription = (message: Core.IncomingRequestMessage): boolean =>
  /^\s*application\/sdp\s*(?:;|$)/i.test(message.getHeader('content-type') ?? '') &&
  !isEncoded(message.getHeader('content-encoding'));

/**
 * RFC 3261 §8.2.3: whether the body of an INVITE is one that cannot be passed over and is no session description in clear. A multipart
 * body was unpacked before.
 */
export const refusalOfDescription = (message: Core.IncomingRequestMessage): Refusal | undefined => {
  if (!message.body || isDescription(message)) return undefined;
  // RFC 3261 §20.11: a body its writer calls optional may be passed over
  if (/;\s*handling\s*=\s*"?optional\b/i.test(message.getHeader('content-disposition') ?? '')) return undefined;
  return unsupportedContent(['application/sdp'], message.getHeader('content-encoding'));
};
