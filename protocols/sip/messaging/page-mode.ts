import { randomUUID } from 'node:crypto';
import type { Core } from 'sip.js';
import {
  type Address,
  Emitter,
  type MessageDraft,
  type MessageMark,
  type MessageReceiver,
  type MessagingOperationSet,
  type OutgoingMessage,
  ProviderError,
  type ProviderStorage,
  type SendOutcome,
  type TypingState,
} from '../../contract/index.ts';
import { shownName, wellFormed } from '../header-text.ts';
import type { SipAnswer } from '../request.ts';
import { addressOfUri } from '../sip-address.ts';
import { requestError } from '../status-errors.ts';
import type { SipUserAgent } from '../user-agent.ts';
import { DestinationQueue } from './destination-queue.ts';
import type { Imdn } from './imdn.ts';
import { type IsComposing, REFRESH_SECONDS } from './is-composing.ts';
import {
  MESSAGE_TYPES,
  type MessageContent,
  notification,
  plainText,
  readContent,
  readStoredContent,
  type TypedBody,
  typingNotice,
  wrapText,
} from './message-content.ts';
import { ReadRequests } from './read-requests.ts';

export interface PageModeOptions {
  agent: SipUserAgent;
  storage: ProviderStorage;
  /** Whether texts can be sent now. */
  online: () => boolean;
  /** False when presence says the peer is away: typing notices would be stored and come hours late. */
  reachable: (peer: Address) => boolean;
  now: () => number;
}

/** A stored message is told by its Date header when it is older than this. */
const DELAYED_AFTER = 60_000;
/** Answers that refuse the wrapping and not the text. */
const REFUSES_TYPE = new Set([400, 406, 415, 420, 488, 501, 606]);

/**
 * Texts as MESSAGE requests (RFC 3428), wrapped in CPIM so that marks come back (RFC 5438); a peer that refuses the
 * wrapping gets plain text from then on. Typing is RFC 3994.
 */
export class PageMode implements MessagingOperationSet {
  receiver: MessageReceiver | undefined;
  /** Kamailio and others take 65 535 bytes on UDP to the last hop; what is left is for headers. */
  readonly maximumBytes = 60_000;
  readonly #options: PageModeOptions;
  readonly #queue = new DestinationQueue();
  readonly #readRequests: ReadRequests;
  readonly #refusesWrapping = new Set<Address>();
  readonly #refusesTyping = new Set<Address>();
  readonly #refusesNotifications = new Set<Address>();
  /** The server keeps messages for them: they are not there to see us type. */
  readonly #absent = new Set<Address>();
  readonly #typingSent = new Map<Address, { state: TypingState; at: number }>();
  readonly #typingTimers = new Map<Address, NodeJS.Timeout>();
  readonly #mark = new Emitter<MessageMark>();
  readonly #typing = new Emitter<{ peer: Address; state: TypingState }>();
  readonly onMark = this.#mark.on;
  readonly onTyping = this.#typing.on;

  constructor(options: PageModeOptions) {
    this.#options = options;
    this.#readRequests = new ReadRequests(options.storage);
    options.agent.onMessage = (request) => this.#receive(request);
  }

  send(to: Address, draft: MessageDraft): OutgoingMessage {
    this.#typingSent.delete(to);
    return { id: draft.id, outcome: this.#queue.add(to, () => this.#sendText(to, draft)) };
  }

  sendTyping(to: Address, state: TypingState): void {
    const { online, reachable, now } = this.#options;
    const last = this.#typingSent.get(to);
    const old = last !== undefined && now() - last.at > (REFRESH_SECONDS / 2) * 1000;
    if (last ? last.state === state && !(state === 'composing' && old) : state === 'paused') return;
    if (!online() || !reachable(to) || this.#absent.has(to) || this.#refusesTyping.has(to)) return;
    const notice = { state, at: now() };
    this.#typingSent.set(to, notice);
    void this.#queue.add(to, async () => {
      // a text or a newer notice came after it
      if (this.#typingSent.get(to) !== notice) return;
      const answer = await this.#request(to, typingNotice(state), randomUUID(), ['Expires: 30']);
      if (answer.status === 202) this.#absent.add(to);
      // whatever the reason, a peer or server that refuses them is not asked again
      else if (!answer.local && answer.status >= 400 && answer.status < 500) this.#refusesTyping.add(to);
    });
  }

  sendRead(to: Address, messageId: string): void {
    if (!this.#options.online()) {
      this.#readRequests.markRead(to, messageId);
      return;
    }
    const request = this.#readRequests.take(to, messageId);
    if (request) this.#notify(to, messageId, 'displayed', new Date(request.writtenAt));
  }

  /** We are online again: tell what was read meanwhile. */
  restore(): void {
    this.#absent.clear();
    for (const { peer, id } of this.#readRequests.unsent) this.sendRead(peer, id);
  }

  /** Resolves when what is on its way now, texts and notifications, has been answered. */
  settled(): Promise<void> {
    return this.#queue.settled();
  }

  /** Lets go of timers. */
  stop(): void {
    for (const timer of this.#typingTimers.values()) clearTimeout(timer);
    this.#typingTimers.clear();
    this.#typingSent.clear();
  }

  async #sendText(to: Address, draft: MessageDraft): Promise<SendOutcome> {
    const { online, agent } = this.#options;
    if (!online()) return { state: 'failed', error: new ProviderError('network', { retryable: true }) };
    const text = wellFormed(draft.text);
    if (Buffer.byteLength(text, 'utf8') > this.maximumBytes)
      return { state: 'failed', error: new ProviderError('too-big') };
    try {
      let answer: SipAnswer | undefined;
      if (!this.#refusesWrapping.has(to)) {
        answer = await this.#request(to, wrapText({ ...draft, text }, agent.address, to), draft.id);
      }
      if (!answer || (!answer.local && REFUSES_TYPE.has(answer.status))) {
        const cseq = (answer?.cseq ?? 0) + 1;
        const plain = await this.#request(to, plainText(text), draft.id, [], cseq);
        if (answer && plain.status < 300) this.#refusesWrapping.add(to);
        answer = plain;
      }
      return this.#outcome(to, answer);
    } catch (error) {
      return { state: 'failed', error: ProviderError.from(error) };
    }
  }

  #outcome(to: Address, answer: SipAnswer): SendOutcome {
    if (answer.status === 202) {
      this.#absent.add(to);
      return { state: 'waiting' };
    }
    this.#absent.delete(to);
    return answer.status >= 200 && answer.status < 300
      ? { state: 'sent' }
      : { state: 'failed', error: requestError(answer) };
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

  #notify(to: Address, messageId: string, disposition: 'delivered' | 'displayed', dateTime: Date): void {
    if (this.#refusesNotifications.has(to)) return;
    const ownId = randomUUID();
    const body = notification({ messageId, disposition, dateTime, from: this.#options.agent.address, to, ownId });
    void this.#queue.add(to, async () => {
      try {
        const answer = await this.#request(to, body, ownId);
        if (!answer.local && REFUSES_TYPE.has(answer.status)) this.#refusesNotifications.add(to);
      } catch {
        // an address we can't write to gets no notification
      }
    });
  }

  #receive(request: Core.IncomingMessageRequest): void {
    const { message } = request;
    const contentType = message.getHeader('content-type') ?? 'text/plain';
    const encoded = message.getHeader('content-encoding');
    const read = this.#delay(message) ? readStoredContent : readContent;
    const content: MessageContent =
      encoded && encoded.toLowerCase() !== 'identity'
        ? { kind: 'unsupported' }
        : read(contentType, Buffer.from(message.body ?? '', 'utf8'));
    const peer = addressOfUri(message.from.uri);
    switch (content.kind) {
      case 'unsupported':
        request.reject({ statusCode: 415, extraHeaders: [`Accept: ${MESSAGE_TYPES.join(', ')}`] });
        return;
      case 'text':
        this.#receiveText(request, peer, content);
        return;
      case 'imdn':
        request.accept();
        this.#receiveImdn(peer, content.imdn);
        return;
      case 'typing':
        request.accept();
        this.#receiveTyping(peer, content.typing);
        return;
      case 'nothing':
        request.accept();
        return;
      default:
        content satisfies never;
    }
  }

  #receiveText(
    request: Core.IncomingMessageRequest,
    peer: Address,
    content: Extract<MessageContent, { kind: 'text' }>,
  ): void {
    const { message } = request;
    const { now } = this.#options;
    const delayed = this.#delay(message);
    const peerName = shownName(message.from.displayName);
    const writtenAt = content.writtenAt ?? delayed ?? new Date(now());
    try {
      if (!this.receiver) throw new Error('nobody keeps messages');
      this.receiver({
        id: content.id ?? `${message.callId} ${message.cseq}`,
        direction: 'incoming',
        peer,
        ...(peerName ? { peerName } : {}),
        text: content.text,
        sentAt: delayed ? Math.min(writtenAt.getTime(), now()) : now(),
        delayed: delayed !== undefined,
      });
    } catch {
      // not on disk, so not confirmed: the sender tries again
      request.reject({ statusCode: 500 });
      return;
    }
    request.accept();
    this.#absent.delete(peer);
    this.#stopTyping(peer);
    if (content.id === undefined) return;
    if (content.wants.display) this.#readRequests.add({ id: content.id, peer, writtenAt: writtenAt.getTime() });
    if (content.wants.delivery) this.#notify(peer, content.id, 'delivered', writtenAt);
  }

  #receiveImdn(peer: Address, { messageId, disposition }: Imdn): void {
    const at = this.#options.now();
    if (disposition === 'failed')
      this.#mark.emit({ peer, id: messageId, mark: 'failed', at, error: new ProviderError('peer-offline') });
    else this.#mark.emit({ peer, id: messageId, mark: disposition === 'displayed' ? 'read' : 'delivered', at });
  }

  #receiveTyping(peer: Address, typing: IsComposing): void {
    clearTimeout(this.#typingTimers.get(peer));
    if (typing.state === 'paused') {
      this.#stopTyping(peer);
      return;
    }
    const timer = setTimeout(() => this.#stopTyping(peer), typing.refresh * 1000);
    this.#typingTimers.set(peer, timer);
    this.#typing.emit({ peer, state: 'composing' });
  }

  #stopTyping(peer: Address): void {
    const timer = this.#typingTimers.get(peer);
    if (!timer) return;
    clearTimeout(timer);
    this.#typingTimers.delete(peer);
    this.#typing.emit({ peer, state: 'paused' });
  }

  /** When a server kept the message: the time it says (RFC 3428 §6), with msilo's sign in the Contact. */
  #delay(message: Core.IncomingRequestMessage): Date | undefined {
    const time = Date.parse(message.getHeader('date') ?? '');
    if (Number.isNaN(time)) return undefined;
    const stored = /[;?&]msilo=yes/i.test(message.getHeader('contact') ?? '');
    return stored || this.#options.now() - time > DELAYED_AFTER ? new Date(time) : undefined;
  }
}
