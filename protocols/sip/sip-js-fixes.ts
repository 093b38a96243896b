/**
 * The changes to sip.js 0.21.2 itself (those to its timers: sip-js-timers.ts), each with the defect it mends and a test in test/sip/sip-js-fixes.test.ts that
 * fails without it. The library's files stay as published; what is changed are its exported objects, once per process.
 */
import { randomUUID } from 'node:crypto';
import { Core, Grammar, type Session, type SessionDescriptionHandler } from 'sip.js';
import { challengedTransaction, keepNextNonce } from './authentication/credentials.ts';
import { refusalOfMethod, refusalOfRequire } from './inspection/request-inspection.ts';
import './inspection/within-sessions.ts';
import { type BodyPart, parseMultipart } from './multipart.ts';
import { repairExpires } from './sip-js-timers.ts';
import { readUsual } from './transport/wire/usual-values.ts';

/**
 * Defect: timers D, I, J and K are 0, as if every transport were reliable. On UDP a repeated request then meets no
 * transaction any more and is handled twice: a MESSAGE is shown twice. RFC 3261 table 4; harmless on TCP.
 */
Object.assign(Core.Timers, { TIMER_D: 32_000, TIMER_I: 5_000, TIMER_J: 32_000, TIMER_K: 5_000 });

/**
 * Defect: a branch is one of 10^7 values without a look at those in use; two open requests can get the same one, and each
 * other's answers. RFC 3261 §8.1.1.7 wants it unique.
 */
Object.assign(Core.ClientTransaction, {
  makeId: (request: Core.OutgoingRequestMessage): string =>
    request.method === 'CANCEL' && request.branch ? request.branch : `z9hG4bK${randomUUID()}`,
});

const grammar = Grammar.parse;
/** Defect: the grammar unpacks all its tables for each single value, 0.4 ms: 20 ms for a text with its answers and its mark. */
Grammar.parse = (value, rule) => readUsual(value, rule) ?? grammar(value, rule);

let parsed = true;
const parseMessage = Core.Parser.parseMessage;
/** Defect: a message whose headers don't fit the grammar is dropped without an answer and without a sign of it. */
Core.Parser.parseMessage = (data, logger) => {
  const message = parseMessage(data, logger);
  parsed = message !== undefined;
  return message;
};

/** Hands a message to sip.js and tells whether it could be read. Throws what sip.js throws. */
export const deliverToCore = (
  onMessage: ((text: string) => void) | undefined,
  text: string,
): 'taken' | 'unparsable' => {
  parsed = true;
  onMessage?.(text);
  return parsed ? 'taken' : 'unparsable';
};

const parts = new WeakMap<Core.IncomingMessage, readonly BodyPart[]>();

/** The body parts that came beside a session description; undefined when the message was not multipart. */
export const partsOf = (message: Core.IncomingMessage): readonly BodyPart[] | undefined => parts.get(message);

/**
 * Defect: a multipart INVITE or answer is taken for one without a description. Its SDP part becomes the body sip.js sees
 * (RFC 5547 §7 sends file icons this way), the others are kept for `partsOf`. The transport gives multipart bodies with
 * one character per byte.
 */
const unpackMultipart = (message: Core.IncomingMessage): void => {
  const contentType = message.getHeader('content-type') ?? '';
  if (!/^multipart\//i.test(contentType) || !message.body) return;
  const all = parseMultipart(contentType, Buffer.from(message.body, 'latin1'));
  const description = all?.find((part) => /^application\/sdp\b/i.test(part.contentType));
  if (!all || !description) return;
  parts.set(
    message,
    all.filter((part) => part !== description),
  );
  message.body = Buffer.from(description.content).toString('utf8');
  message.setHeader('content-type', 'application/sdp');
  message.parseHeader('content-type');
  delete message.headers['Content-Disposition'];
};

/** What a user agent tells about itself. */
export interface CoreFacts {
  /** Methods in Allow. */
  allow: readonly string[];
  /** Body types in Accept. */
  accept: readonly string[];
  /** Option tags in Supported. */
  supported: readonly string[];
  contact(): string;
  /** Session description of what we can (RFC 3264 §9). */
  description(): string | undefined;
  /** Somebody asked what we can (OPTIONS). */
  asked(from: Core.IncomingRequestMessage['from']['uri']): void;
  /** A MESSAGE or INVITE with a body of so many bytes: seconds after which it may come again, undefined when it is taken. */
  excess(from: Core.IncomingRequestMessage['from']['uri'], bytes: number): number | undefined;
  /** Whether a request is from its From, as far as the connection it came by proves that. */
  isGenuine(message: Core.IncomingRequestMessage): boolean;
  /** A MESSAGE came within a dialog that is not established. */
  early(request: Core.IncomingMessageRequest, from: Core.IncomingRequestMessage['from']['uri']): void;
}

const sessionBody = (content: string): Core.Body => ({
  contentDisposition: 'session',
  contentType: 'application/sdp',
  content,
});

type Origin = Pick<Core.IncomingRequestMessage, 'fromTag' | 'callId' | 'cseq'>;
const originOf = ({ fromTag, callId, cseq }: Origin): string => `${callId} ${cseq} ${fromTag}`;

/**
 * Defect: each request is compared with every other of the last half minute (timer J) to see whether it came another way before
 * (RFC 3261 §8.2.2.2). In a flood the processor does nothing else. Here that is one look, and sip.js is told of none.
 */
class ServerTransactions extends Map<string, Core.UserAgentServer> {
  readonly #origins = new Map<string, string>();

  override set(id: string, server: Core.UserAgentServer): this {
    this.#origins.set(originOf(server.message), id);
    return super.set(id, server);
  }

  override delete(id: string): boolean {
    const server = this.get(id);
    const origin = server && originOf(server.message);
    if (origin !== undefined && this.#origins.get(origin) === id) this.#origins.delete(origin);
    return super.delete(id);
  }

  override clear(): void {
    this.#origins.clear();
    super.clear();
  }

  override values(): MapIterator<Core.UserAgentServer> {
    return new Map<string, Core.UserAgentServer>().values();
  }

  /** The same request, which came before with another branch. */
  mergedWith(request: Core.IncomingRequestMessage): Core.UserAgentServer | undefined {
    if (request.toTag || this.has(request.viaBranch)) return undefined;
    return this.get(this.#origins.get(originOf(request)) ?? '');
  }
}

/**
 * Defect: a text that comes once more with another branch is answered 482, as an INVITE that was forked to us is. But a proxy that
 * has forgotten it takes a late repetition of its sender's for a new one, and the 482 would tell of a text that is here that it is
 * not. It gets the answer it had; RFC 3261 §8.2.2.2 would have 482, and leaves the choice (SHOULD).
 */
const mergedStatus = ({ method }: Core.IncomingRequestMessage, { transaction }: Core.UserAgentServer): number => {
  const { lastResponse = '' } = transaction as unknown as { lastResponse?: string };
  const status = Number(/^SIP\/2\.0 ([2-6]\d\d) /.exec(lastResponse)?.[1] ?? 482);
  return method === 'MESSAGE' ? status : 482;
};

const dialogOf = (
  core: Core.UserAgentCore,
  { callId, toTag, fromTag }: Core.IncomingRequestMessage,
): Core.Dialog | undefined => core.dialogs.get(`${callId}${toTag}${fromTag}`);

const isForUs = (core: Core.UserAgentCore, message: Core.IncomingRequestMessage): boolean => {
  const { aor, contact } = core.configuration;
  const user = message.ruri?.user;
  const isOurs = user === aor.user || user === contact.uri.user;
  return isOurs && (!message.toTag || dialogOf(core, message) !== undefined);
};

/** Puts our own handling before sip.js's for what comes in. One call per user agent. */
export const adaptCore = (core: Core.UserAgentCore, facts: CoreFacts): void => {
  const transactions = new ServerTransactions();
  core.userAgentServers = transactions;
  const receiveRequest = core.receiveIncomingRequestFromTransport.bind(core);
  const receiveResponse = core.receiveIncomingResponseFromTransport.bind(core);
  core.receiveIncomingRequestFromTransport = (message) => {
    const { method } = message;
    if (!facts.isGenuine(message)) {
      if (method !== 'ACK') core.replyStateless(message, { statusCode: 403 });
      return;
    }
    // Defects: an unknown method gets 405, 405 names methods that are none of ours, and `Require` is not looked at
    const refusal = refusalOfMethod(method, facts.allow) ?? refusalOfRequire(message, facts.supported);
    if (refusal) {
      core.replyStateless(message, refusal);
      return;
    }
    const before = method === 'ACK' || method === 'CANCEL' ? undefined : transactions.mergedWith(message);
    if (before) {
      core.replyStateless(message, { statusCode: mergedStatus(message, before) });
      return;
    }
    const counts = method === 'MESSAGE' || (method === 'INVITE' && !message.toTag);
    if (counts && !transactions.has(message.viaBranch)) {
      // RFC 3261 §21.4.24. Not 503 or 480, for which servers keep a text and bring it later. Within a dialog no server looks at the From
      const seconds = facts.excess(
        (message.toTag && dialogOf(core, message)?.remoteURI) || message.from.uri,
        Buffer.byteLength(message.body ?? ''),
      );
      if (seconds !== undefined) {
        core.replyStateless(message, { statusCode: 486, extraHeaders: [`Retry-After: ${seconds}`] });
        return;
      }
    }
    // Defect: OPTIONS gets a fixed answer without Contact that names neither our methods nor our body types.
    // RFC 3261 §11.2: it is answered as an INVITE would be, so that another user's is left to sip.js, which refuses it.
    if (method === 'OPTIONS' && isForUs(core, message)) {
      facts.asked(message.from.uri);
      const content = facts.description();
      core.replyStateless(message, {
        statusCode: 200,
        ...(content === undefined ? {} : { body: sessionBody(content) }),
        extraHeaders: [
          `Contact: ${facts.contact()}`,
          `Allow: ${facts.allow.join(', ')}`,
          `Accept: ${facts.accept.join(', ')}`,
        ],
      });
      return;
    }
    if (method === 'INVITE') {
      unpackMultipart(message);
      repairExpires(message);
    }
    // Defect: within a dialog that is not established a text is confirmed and thrown away
    const dialog = method === 'MESSAGE' && message.toTag ? dialogOf(core, message) : undefined;
    if (dialog instanceof Core.SessionDialog)
      dialog.delegate ??= { onMessage: (request) => facts.early(request, dialog.remoteURI) };
    receiveRequest(message);
    // Defect: the whole of it is kept for the half minute of timer J, which is 30 MB for each megabyte a second of texts
    if (method === 'MESSAGE') Object.assign(message, { data: '', body: '' });
  };
  core.receiveIncomingResponseFromTransport = (message) => {
    // Defect: a challenge that is repeated (on UDP the request was) counts as the answer to the request with credentials, which
    // then reads as a refused password. It belongs to the transaction it has the branch of, which absorbs it (RFC 3261 §17.1.3).
    const former = challengedTransaction(core, message.viaBranch);
    if (former) {
      if (former.state !== Core.TransactionState.Terminated) former.receiveResponse(message);
      return;
    }
    if (message.method === 'INVITE') unpackMultipart(message);
    keepNextNonce(core, message);
    receiveResponse(message);
  };
};

/**
 * Defect: a session keeps the Contact of its beginning, so that after a reconnect a re-INVITE still names the old port and
 * the other side's next request goes nowhere.
 */
export const renewContact = (session: Session, contact: string): void => {
  Object.assign(session, { _contact: contact });
};

/** Defect: the description handler is made when sip.js first needs it, which is too late to give it our offer. */
export const presetDescriptions = (session: Session, handler: SessionDescriptionHandler): void => {
  Object.assign(session, { _sessionDescriptionHandler: handler });
};

/**
 * Defect: the dialog of a subscription does not keep the number of the NOTIFY that made it, so that one from before it, as UDP
 * delivers them, is taken for the next: a subscription that is active becomes pending, or ends. RFC 3261 §12.2.2: 500.
 */
export const keepSequence = (subscription: Core.Subscription, { cseq }: Core.IncomingRequestMessage): void => {
  const { dialogState } = subscription as unknown as { dialogState: { remoteSequenceNumber: number | undefined } };
  dialogState.remoteSequenceNumber = cseq;
};

/**
 * Defect: the timer for the NOTIFY that follows a refresh goes on when the refresh was refused, and ends a subscription that
 * lives on (RFC 6665 §4.1.2.2).
 */
export const stopWaitingForNotify = (subscription: Core.Subscription): void => {
  const dialog = subscription as unknown as { N: NodeJS.Timeout | undefined };
  clearTimeout(dialog.N);
  dialog.N = undefined;
};
