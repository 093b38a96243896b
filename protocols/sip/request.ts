import { createHash } from 'node:crypto';
import type { Core, URI } from 'sip.js';
import type { ConsentNeeded } from './authentication/account-binding.ts';
import { preemptCredentials, undecidedBy } from './authentication/credentials.ts';
import { headerText } from './header-text.ts';
import { toSipUri } from './sip-address.ts';
import { LOCAL_ANSWER_HEADER } from './transport/sip-transport.ts';

export interface OutgoingRequest {
  method: string;
  /** Request-URI: an address, or a URI. */
  to: string | URI;
  /** To header where it differs (REGISTER). */
  toHeader?: URI;
  /** Whole header lines, values already made safe. */
  headers?: readonly string[];
  body?: { contentType: string; content: string } | undefined;
  /** Kept over requests that belong together (REGISTER). */
  callId?: string;
  /** First is 1. After a challenge it counts up: go on after `SipAnswer.cseq`. */
  cseq?: number;
  /** Supported, where it differs from the usual. */
  optionTags?: readonly string[];
}

/** The final answer to a request. */
export interface SipAnswer {
  status: number;
  reason: string;
  /** True when no answer came over the network: 408 nobody answered, 503 the connection broke. */
  local: boolean;
  header(name: string): string | undefined;
  headers(name: string): readonly string[];
  body: string;
  /** Seconds (Retry-After), never negative, a day at most. */
  retryAfter: number | undefined;
  /** A 401 or 407 that says nothing about the password, with what has to be allowed before it is answered. */
  undecided?: true | ConsentNeeded;
  /** CSeq of the request that got this answer. */
  cseq: number;
}

/**
 * Sends one request outside dialogs through sip.js's transactions and resolves to its final answer. Rejects with
 * `address-invalid` alone.
 */
export const sendRequest = (core: Core.UserAgentCore, request: OutgoingRequest): Promise<SipAnswer> =>
  new Promise((resolve) => {
    const uri = typeof request.to === 'string' ? toSipUri(request.to) : request.to;
    const message = core.makeOutgoingRequestMessage(
      request.method,
      uri,
      core.configuration.aor,
      request.toHeader ?? uri,
      {
        ...(request.callId ? { callId: safeCallId(request.callId) } : {}),
        ...(request.cseq ? { cseq: request.cseq } : {}),
        optionTags: [...(request.optionTags ?? core.configuration.supportedOptionTags)],
      },
      // sip.js writes them as they are: a line end would begin a header of its own
      (request.headers ?? []).map((line) => line.replace(/[\r\n]+/g, ' ')),
      request.body
        ? { contentDisposition: 'render', contentType: request.body.contentType, content: request.body.content }
        : undefined,
    );
    preemptCredentials(core, message);
    const answered = ({ message: response }: { message: Core.IncomingResponseMessage }): void =>
      resolve(answerOf(response, message.cseq));
    core.request(message, { onAccept: answered, onRedirect: answered, onReject: answered });
  });

/** RFC 3261 §25.1 `word`, without what looks odd in logs; anything else becomes a hash of itself, the same every time. */
const safeCallId = (callId: string): string =>
  /^[A-Za-z0-9\-.!%*_+`'~@]{1,200}$/.test(callId) ? callId : createHash('sha256').update(callId).digest('hex');

const DAY_SECONDS = 86_400;

/**
 * RFC 3261 §20.33: whole seconds, maybe with a comment and parameters; anything else is as if it were not there. A day at most:
 * what waits longer than Node's timers can count would not wait at all.
 */
export const retryAfterOf = (response: Core.IncomingResponseMessage): number | undefined => {
  const seconds = /^\s*(\d+)\s*(?:[;(]|$)/.exec(response.getHeader('retry-after') ?? '')?.[1];
  return seconds === undefined ? undefined : Math.min(Number(seconds), DAY_SECONDS);
};

/** What a response says; also for answers within dialogs. */
export const answerOf = (response: Core.IncomingResponseMessage, cseq: number): SipAnswer => ({
  status: response.statusCode ?? 500,
  reason: headerText(response.reasonPhrase ?? ''),
  // answers sip.js makes up itself (408, 503) have no headers at all
  local: !response.hasHeader('via') || response.hasHeader(LOCAL_ANSWER_HEADER),
  header: (name) => response.getHeader(name),
  headers: (name) => response.getHeaders(name),
  body: response.body ?? '',
  retryAfter: retryAfterOf(response),
  ...undecidedBy(response),
  cseq,
});
