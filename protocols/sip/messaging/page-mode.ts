import type { Core } from 'sip.js';
import type { Clock } from '../../../msrp/index.ts';
import { type Address, type MessageDraft, ProviderError, type SendOutcome } from '../../contract/index.ts';
import { shownName } from '../header-text.ts';
import { isEncoded, unsupportedContent } from '../inspection/request-inspection.ts';
import type { SipAnswer } from '../request.ts';
import type { IncomingText } from '../sip-session.ts';
import { requestError } from '../status-errors.ts';
import type { SipUserAgent } from '../user-agent.ts';
import { KeptTexts } from './kept-texts.ts';
import {
  MESSAGE_TYPES,
  type MessageContent,
  plainText,
  readContent,
  readStoredContent,
  type TypedBody,
  wrapText,
} from './message-content.ts';
import { type MessageIntake, type Taken, writtenBefore } from './message-intake.ts';

export interface PageModeOptions {
  agent: SipUserAgent;
  intake: MessageIntake;
  now: () => number;
  clock: Clock;
}

/** A stored message is told by its Date header when it is older than this, */
const DELAYED_AFTER = 60_000;
/** and comes soon after we do: later, a date long ago is only that of a clock that is wrong, theirs or ours. */
const HANDED_OUT_WITHIN = 120_000;
/** Answers that refuse the wrapping and not the text. */
const REFUSES_TYPE = new Set([400, 406, 415, 420, 488, 501, 606]);
/** RFC 3261 §8.2.1: it takes no MESSAGE at all, as a conference server that has sessions only. */
const REFUSES_METHOD = new Set([405, 501]);
/** Kamailio and others take 65 535 bytes on UDP to the last hop; what is left is for headers. */
export const PAGE_MAXIMUM = 60_000;

/**
 * Texts, notifications and typing as MESSAGE requests (RFC 3428): texts wrapped in CPIM so that marks come back
 * (RFC 5438). What a peer refuses is not sent to it again: the wrapping, notifications, typing. Callers send one at a time
 * to a destination (§8).
 */
export class PageMode {
  readonly #options: PageModeOptions;
  readonly #refusesWrapping = new Set<Address>();
  readonly #refusesTyping = new Set<Address>();
  readonly #refusesNotifications = new Set<Address>();
  /** They take sessions only. */
  readonly #refusesMessages = new Set<Address>();
  /** They are not there to see us type, or have blocked us: the server keeps or refuses what we send. */
  readonly #absent = new Set<Address>();
  readonly #kept: KeptTexts;
  #onlineSince = Number.NEGATIVE_INFINITY;

  constructor(options: PageModeOptions) {
    this.#options = options;
    this.#kept = new KeptTexts(options.clock);
  }

  /** Never rejects. */
  async sendText(to: Address, draft: MessageDraft): Promise<SendOutcome> {
    const { agent } = this.#options;
    try {
      let answer: SipAnswer | undefined;
      if (!this.#refusesWrapping.has(to)) {
        const body = wrapText(draft, { from: agent.address, to, wants: ['positive-delivery', 'display'] });
        answer = await this.#request(to, body, draft.id);
      }
      if (!answer || (!answer.local && REFUSES_TYPE.has(answer.status))) {
        const cseq = (answer?.cseq ?? 0) + 1;
        const plain = await this.#request(to, plainText(draft.text), draft.id, [], cseq);
        if (answer && plain.status < 300) this.#refusesWrapping.add(to);
        answer = plain;
      }
      return this.#outcome(to, answer);
    } catch (error) {
      return { state: 'failed', error: ProviderError.from(error) };
    }
  }

  /** Whether a MESSAGE would be of any use, as far as is known. A peer that writes one takes one; and after a new login it is tried anew. */
  takesTexts(to: Address): boolean {
    return !this.#refusesMessages.has(to);
  }

  /** Whether a typing notice would be of any use: a peer or server that refused one is not sent another. */
  takesTyping(to: Address): boolean {
    return !this.#absent.has(to) && !this.#refusesTyping.has(to) && this.takesTexts(to);
  }

  /** Never rejects. */
  async sendTyping(to: Address, notice: TypedBody, id: string): Promise<void> {
    try {
      const answer = await this.#request(to, notice, id, ['Expires: 30']);
      // our own connection broke
      if (answer.local && answer.status !== 408) return;
      // RFC 3994 §4: not again to who refuses them
      if (REFUSES_TYPE.has(answer.status)) this.#refusesTyping.add(to);
      else if (answer.status === 202 || answer.status >= 400) this.#absent.add(to);
    } catch {
      // an address we can't write to gets no notice
    }
  }

  /** False when it was lost on the way, or the peer was away, and may be told later. Never rejects. */
  async notify(to: Address, body: TypedBody, id: string): Promise<boolean> {
    if (this.#refusesNotifications.has(to)) return true;
    try {
      const answer = await this.#request(to, body, id);
      if (answer.status < 300) return true;
      if (!answer.local && REFUSES_TYPE.has(answer.status)) this.#refusesNotifications.add(to);
      return !requestError(answer).retryable;
    } catch (error) {
      // an address we can't write to gets no notification
      return !ProviderError.from(error).retryable;
    }
  }

  /** Somebody wrote; or we have come online, and everybody may have come meanwhile. */
  present(peer?: Address): void {
    if (peer !== undefined) this.#absent.delete(peer);
    else {
      this.#absent.clear();
      this.#refusesMessages.clear();
      this.#onlineSince = this.#options.now();
    }
  }

  /** Takes a MESSAGE and answers it. */
  receive(request: IncomingText): void {
    const { message, from: peer } = request;
    const contentType = message.getHeader('content-type') ?? 'text/plain';
    const encoded = message.getHeader('content-encoding');
    const keptSince = this.#keptSince(message);
    const read = keptSince ? readStoredContent : readContent;
    const content: MessageContent = isEncoded(encoded)
      ? { kind: 'unsupported' }
      : read(contentType, Buffer.from(message.body ?? '', 'utf8'));
    const peerName = shownName(message.from.displayName);
    const origin = { peer, peerName, fallbackId: this.#idOf(message), keptSince };
    const hand = (): void => this.#answer(request, this.#options.intake.take(content, origin));
    if (content.kind === 'text' && keptSince) {
      this.#kept.add({ peer, writtenAt: writtenBefore(keptSince, content.writtenAt), hand });
      return;
    }
    if (content.kind === 'text') this.handKept(peer);
    this.#refusesMessages.delete(peer);
    hand();
  }

  /** Something newer has come than what a server kept: of this peer, or we are leaving. */
  handKept(peer?: Address): void {
    this.#kept.hand(peer);
  }

  #answer(request: IncomingText, result: Taken): void {
    if (result === 'unsupported')
      request.reject(unsupportedContent(MESSAGE_TYPES, request.message.getHeader('content-encoding')));
    // not on disk, so not confirmed: the sender tries again
    else if (result === 'not-kept') request.reject({ statusCode: 500 });
    else if (result === 'full') request.reject({ statusCode: 486, extraHeaders: ['Retry-After: 600'] });
    else request.accept();
  }

  #outcome(to: Address, answer: SipAnswer): SendOutcome {
    if (answer.status === 202) {
      this.#absent.add(to);
      return { state: 'waiting' };
    }
    if (!answer.local && REFUSES_METHOD.has(answer.status)) this.#refusesMessages.add(to);
    if (answer.status >= 300) return { state: 'failed', error: requestError(answer) };
    this.#absent.delete(to);
    return { state: 'sent' };
  }

  /** The Call-ID is the draft's id: sent again after a lost answer, even a plain text is known as the same one. */
  #request(
    to: Address,
    body: TypedBody,
    callId: string,
    headers: readonly string[] = [],
    cseq = 1,
  ): Promise<SipAnswer> {
    const { agent, now } = this.#options;
    const date = `Date: ${new Date(now()).toUTCString()}`;
    return agent.request({ method: 'MESSAGE', to, body, callId, cseq, headers: [date, ...headers] });
  }

  /**
   * Of a text that brings none of its own. Our own program has a Call-ID for each text, which is the id the text has in CPIM,
   * too; others may use one again, with another CSeq.
   */
  #idOf(message: Core.IncomingRequestMessage): string {
    const ours = message.getHeader('user-agent') === this.#options.agent.core.configuration.userAgentHeaderFieldValue;
    return ours ? message.callId : `${message.callId} ${message.cseq}`;
  }

  /** When a server kept the message: the time it says (RFC 3428 §6), with msilo's sign in the Contact. */
  #keptSince(message: Core.IncomingRequestMessage): Date | undefined {
    const time = Date.parse(message.getHeader('date') ?? '');
    if (Number.isNaN(time)) return undefined;
    const stored = /[;?&]msilo=yes/i.test(message.getHeader('contact') ?? '');
    const now = this.#options.now();
    const old = now - time > DELAYED_AFTER && now - this.#onlineSince < HANDED_OUT_WITHIN;
    return stored || old ? new Date(time) : undefined;
  }
}
