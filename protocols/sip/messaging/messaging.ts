import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../../msrp/clock.ts';
import type { DeliveryOutcome } from '../../../msrp/index.ts';
import {
  type Address,
  Emitter,
  type MessageDraft,
  type MessageReceiver,
  type MessageReport,
  type MessagingOperationSet,
  type OutgoingMessage,
  ProviderError,
  type ProviderStorage,
  type SendOutcome,
  type TypingState,
} from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import { wellFormed } from '../header-text.ts';
import type { Media, MediaPlace } from '../media/media.ts';
import type { SipUserAgent } from '../user-agent.ts';
import { DestinationQueue } from './destination-queue.ts';
import { REFRESH_SECONDS } from './is-composing.ts';
import { notification, plainText, readContent, type TypedBody, typingNotice, wrapText } from './message-content.ts';
import { MessageIntake } from './message-intake.ts';
import { PAGE_MAXIMUM, PageMode } from './page-mode.ts';
import { ReadRequests } from './read-requests.ts';
import { ChatSessions } from './session-mode/chat-sessions.ts';
import { notKept, notUnderstood } from './session-mode/incoming-texts.ts';
import type { Sent as SessionSent } from './session-mode/sent.ts';

export interface SipMessagingOptions {
  agent: SipUserAgent;
  storage: ProviderStorage;
  media: Media;
  /** Where MSRP peers can connect to, and whether our signalling is encrypted. Undefined while not connected. */
  place: () => MediaPlace | undefined;
  /** Whether texts can be sent now. */
  online: () => boolean;
  /** False when presence says the peer is away: typing notices would be stored and come hours late. */
  reachable: (peer: Address) => boolean;
  /** False while other devices are logged in to this account: a session would leave them out. */
  alone: () => boolean;
  /** Finds out whether it still is so. */
  lookAround: () => void;
  /** Whether an invitation may make us connect to these hosts. Absent: it may. */
  mayConnect?: (peer: Address, hosts: readonly string[]) => boolean;
  now: () => number;
  /** Of sessions and typing; the machine's unless a test has another. */
  clock?: Clock;
}

/** Blink 5.5 begins every session with a question whether we would encrypt, of which no person should hear. */
const OTR_QUERY = /^\?OTR(?:\?|v\w*\?)/;

/** What became of a text, and what the far end may still say of it. */
interface Sent {
  outcome: SendOutcome;
  delivered?: Promise<DeliveryOutcome>;
}

/**
 * Texts over SIP: in an MSRP session where there is one, else by MESSAGE. To whoever uses it both are one talk.
 *
 * Everything for one peer stands in one queue, and the next thing begins when it is clear what became of the one before.
 * So whatever way a text goes, none overtakes another; and a text whose session broke before it was confirmed goes by
 * MESSAGE with its id unchanged, by which the receiving side knows it if it came after all.
 */
export class SipMessaging implements MessagingOperationSet {
  /** What a session carries; above `PAGE_MAXIMUM` a text needs one. */
  readonly maximumBytes = 262_144;
  readonly #options: SipMessagingOptions;
  readonly #queue = new DestinationQueue();
  readonly #readRequests: ReadRequests;
  readonly #intake: MessageIntake;
  readonly #page: PageMode;
  /** For INVITEs with a chat in them. */
  readonly chats: ChatSessions;
  readonly #writtenTo = new Set<Address>();
  readonly #typingSent = new Map<Address, { state: TypingState; at: number }>();
  /** Reports on their way. */
  readonly #reporting = new Set<string>();
  /** Of each peer those that wait together: when one of them finds the peer away, the others need not try. */
  readonly #reports = new Map<Address, { isLost: boolean }>();
  readonly #reported = new Emitter<MessageReport>();
  readonly onReported = this.#reported.on;
  readonly #mode = new Emitter<Address>();
  /** Another way than before is taken to this peer. */
  readonly onMode = this.#mode.on;
  readonly onMark: MessagingOperationSet['onMark'];
  readonly onTyping: MessagingOperationSet['onTyping'];

  constructor(options: SipMessagingOptions) {
    const { agent, now, clock = systemClock } = options;
    this.#options = options;
    this.#readRequests = new ReadRequests(options.storage);
    this.#intake = new MessageIntake({
      readRequests: this.#readRequests,
      confirm: (peer, id, writtenAt) => this.#report({ peer, id, report: 'delivered' }, writtenAt),
      heard: (peer) => {
        this.#page.present(peer);
        this.chats.heard(peer);
      },
      now,
      clock,
    });
    this.onMark = this.#intake.onMark;
    this.onTyping = this.#intake.onTyping;
    this.#page = new PageMode({ agent, intake: this.#intake, now, clock });
    this.chats = new ChatSessions({
      media: options.media,
      place: options.place,
      online: options.online,
      invite: (to, offer) => agent.invite(to, offer),
      ask: (to) => agent.request({ method: 'OPTIONS', to }),
      reachable: options.reachable,
      alone: options.alone,
      lookAround: options.lookAround,
      mayConnect: options.mayConnect,
      take: (session, { contentType, body, messageId }) => {
        const { peer, peerName, offerId } = session;
        if (agent.excess?.(peer, body.length) !== undefined) throw notKept();
        const origin = { peer, peerName, fallbackId: `${offerId} ${messageId}` };
        const content = readContent(contentType, body);
        if (content.kind === 'text' && OTR_QUERY.test(content.text)) return;
        if (content.kind === 'text') this.#page.handKept(peer);
        const result = this.#intake.take(content, origin);
        if (result === 'not-kept' || result === 'full') throw notKept();
        if (result === 'unsupported') throw notUnderstood();
      },
      modeChanged: (peer) => this.#mode.emit(peer),
      now,
      clock,
    });
    agent.onMessage = (request) => this.#page.receive(request);
  }

  get receiver(): MessageReceiver | undefined {
    return this.#intake.receiver;
  }

  set receiver(receiver: MessageReceiver | undefined) {
    this.#intake.receiver = receiver;
  }

  /** Since the program began. */
  hasWrittenTo(peer: Address): boolean {
    return this.#writtenTo.has(peer);
  }

  /** What the next text to this peer uses. */
  modeOf(peer: Address): 'page' | 'session' {
    return this.chats.current(peer) ? 'session' : 'page';
  }

  send(to: Address, draft: MessageDraft): OutgoingMessage {
    this.#typingSent.delete(to);
    this.#writtenTo.add(to);
    const sent = this.#queue.add(to, () => this.#sendText(to, { ...draft, text: wellFormed(draft.text) }));
    const outcome = sent.then((each) => each.outcome);
    // told after the outcome, which its reader learns first
    unawaited(
      outcome.then(async () => {
        const word = await (await sent).delivered;
        if (word?.state === 'delivered') this.#intake.confirmed(to, draft.id, 'delivered');
        else if (word?.state === 'refused') this.#refusedLate(to, draft);
      }),
    );
    return { id: draft.id, outcome };
  }

  sendTyping(to: Address, state: TypingState): void {
    const { online, reachable, now } = this.#options;
    const last = this.#typingSent.get(to);
    const old = last !== undefined && now() - last.at > (REFRESH_SECONDS / 2) * 1000;
    if (last ? last.state === state && !(state === 'composing' && old) : state === 'paused') return;
    if (!online()) return;
    if (!this.chats.current(to) && (!reachable(to) || !this.#page.takesTyping(to))) return;
    const notice = { state, at: now() };
    this.#typingSent.set(to, notice);
    unawaited(
      this.#queue.add(to, async () => {
        // a text or a newer notice came after it
        if (this.#typingSent.get(to) !== notice) return;
        const chat = this.chats.current(to);
        if (!chat) await this.#page.sendTyping(to, typingNotice(state), randomUUID());
        else if (chat.forms?.typing) chat.tell(typingNotice(state));
      }),
    );
  }

  sendRead(to: Address, messageId: string): void {
    if (!this.#options.online()) {
      this.#readRequests.markRead(to, messageId);
      return;
    }
    const report: MessageReport = { peer: to, id: messageId, report: 'read' };
    const request = this.#readRequests.find(to, messageId);
    if (request) this.#report(report, new Date(request.writtenAt));
    else this.#reported.emit(report);
  }

  sendDelivered(to: Address, messageId: string, writtenAt: number): void {
    if (this.#options.online()) this.#report({ peer: to, id: messageId, report: 'delivered' }, new Date(writtenAt));
  }

  /**
   * We are online again: tell what was read meanwhile, and where we are. Sessions wait for what has to be restored `before` them; when
   * that comes to false, they do not go on.
   */
  restore(before?: Promise<boolean>): void {
    this.#page.present();
    this.chats.returned();
    for (const { peer, id } of this.#readRequests.unsent) this.sendRead(peer, id);
    if (before) unawaited(before.then((isDone) => isDone && this.chats.renew()));
    else this.chats.renew();
  }

  /** Resolves when what is on its way now, texts and notifications, has been answered. */
  settled(): Promise<void> {
    return this.#queue.settled();
  }

  /** Ends sessions and lets go of timers. */
  stop(): void {
    this.#page.handKept();
    this.chats.stop();
    this.#intake.stop();
    this.#typingSent.clear();
  }

  async #sendText(to: Address, draft: MessageDraft): Promise<Sent> {
    const size = Buffer.byteLength(draft.text, 'utf8');
    const failed = (error: ProviderError): Sent => ({ outcome: { state: 'failed', error } });
    if (!this.#options.online()) return failed(new ProviderError('network', { retryable: true }));
    if (size > this.maximumBytes) return failed(new ProviderError('too-big'));
    this.chats.spoke(to);
    if (size > PAGE_MAXIMUM) {
      const fault = await this.chats.open(to);
      if (fault) return failed(fault);
    }
    const sent = await this.#sendInSession(to, draft);
    if (sent?.state === 'taken') return { outcome: { state: 'sent' }, delivered: sent.delivered };
    if (size > PAGE_MAXIMUM) {
      return failed(
        sent?.state === 'refused' ? new ProviderError('too-big') : new ProviderError('network', { retryable: true }),
      );
    }
    return (!this.#page.takesTexts(to) && (await this.#openForText(to, draft))) || (await this.#sendPage(to, draft));
  }

  /** By MESSAGE, or, where it turns out that the peer takes none, in a session. */
  async #sendPage(to: Address, draft: MessageDraft): Promise<Sent> {
    const outcome = await this.#page.sendText(to, draft);
    const inSession = outcome.state === 'failed' && !this.#page.takesTexts(to);
    return (inSession && (await this.#openForText(to, draft))) || { outcome };
  }

  /** Undefined: there is no session, or none that took the text. */
  async #openForText(to: Address, draft: MessageDraft): Promise<Sent | undefined> {
    if (await this.chats.open(to)) return undefined;
    const sent = await this.#sendInSession(to, draft);
    return sent?.state === 'taken' ? { outcome: { state: 'sent' }, delivered: sent.delivered } : undefined;
  }

  /** In the session there is; undefined without one. */
  async #sendInSession(to: Address, draft: MessageDraft): Promise<SessionSent | undefined> {
    const chat = this.chats.current(to);
    if (!chat) return undefined;
    const { address } = this.#options.agent;
    // RFC 5438 §13: MSRP tells by itself that a text arrived; but nothing answers its report, which is lost with either program
    const body = chat.forms?.wraps
      ? wrapText(draft, { from: address, to, wants: ['positive-delivery', 'display'] })
      : plainText(draft.text);
    const sent = await chat.send(body, { id: draft.id, report: true });
    // what the peer says in it our other devices would miss
    if (!this.#options.alone()) chat.close();
    return sent;
  }

  /** The peer's word after it had confirmed the text: it cannot read it as it came. */
  #refusedLate(to: Address, draft: MessageDraft): void {
    unawaited(
      this.#queue.add(to, async () => {
        const { outcome } = await this.#sendPage(to, draft);
        if (outcome.state === 'failed') this.#intake.failed(to, draft.id, outcome.error);
      }),
    );
  }

  #report(report: MessageReport, dateTime: Date): void {
    const { peer, id } = report;
    const name = `${report.report} ${id} ${peer}`;
    if (this.#reporting.has(name)) return;
    this.#reporting.add(name);
    const together = this.#reports.get(peer) ?? { isLost: false };
    this.#reports.set(peer, together);
    unawaited(
      this.#queue.add(peer, async () => {
        const hasLeft = !together.isLost && (await this.#notify(report, dateTime));
        this.#reporting.delete(name);
        if (hasLeft) {
          if (report.report === 'read') this.#readRequests.take(peer, id);
          this.#reported.emit(report);
        } else {
          together.isLost = true;
          if (this.#reports.get(peer) === together) this.#reports.delete(peer);
        }
      }),
    );
  }

  /** Whether nothing more can be done about it. */
  async #notify({ peer: to, id: messageId, report }: MessageReport, dateTime: Date): Promise<boolean> {
    const ownId = randomUUID();
    const { address: from } = this.#options.agent;
    const disposition = report === 'read' ? 'displayed' : 'delivered';
    const body: TypedBody = notification({ messageId, disposition, dateTime, from, to, ownId });
    const chat = this.chats.current(to);
    const sent = chat?.forms?.notifications ? await chat.send(body, { id: ownId }) : undefined;
    return sent?.state === 'taken' || (await this.#page.notify(to, body, ownId));
  }
}
