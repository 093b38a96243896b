import { randomInt } from 'node:crypto';
import {
  type Clock,
  MsrpError,
  type OutgoingMessage,
  offererRole,
  type SessionState,
  type Timer,
} from '../../../../msrp/index.ts';
import { type Address, ProviderError } from '../../../contract/index.ts';
import {
  formatDescription,
  type OfferedMedia,
  parseDescription,
} from '../../file-transfer/description/session-description.ts';
import type { Media, MediaLine, MediaPlace } from '../../media/media.ts';
import { glarePause } from '../../offers/glare.ts';
import type { MsrpLine } from '../../offers/msrp-line.ts';
import { Reoffers } from '../../offers/reoffers.ts';
import type { SessionDescription } from '../../session-description-handler.ts';
import type { Rejection, SipSession, SipSessionState } from '../../sip-session.ts';
import type { TypedBody } from '../message-content.ts';
import {
  answerLines,
  type ChatForms,
  chatLine,
  faultOf,
  formsOf,
  hostOf,
  messageId,
  sessionIdOf,
} from './chat-description.ts';
import { acceptText, type SessionMessage } from './incoming-texts.ts';
import { confirmed, type Sent } from './sent.ts';

export interface ChatContext {
  media: Media;
  /** Where we are; undefined while not connected. */
  place: () => MediaPlace | undefined;
  /** A message came. Throws an MsrpError to have it refused. */
  take: (session: ChatSession, message: SessionMessage) => void;
  /** It opened, closed, or is being moved. */
  changed: (session: ChatSession) => void;
  clock: Clock;
}

/** Why a session ended, for what is learned of the peer. */
export type ChatEnd =
  | { cause: 'refused'; rejection: Rejection }
  /** No connection could be made, or it broke. */
  | { cause: 'media' }
  /** Ours or the peer's wish, or idleness. */
  | { cause: 'left' };

/**
 * ```
 * opening --connected and bound--> open --idle, BYE, connection lost, stop--> closed
 *  |   ^                            |
 *  |   +--address changed, ---------+
 *  |      connection to our relay lost
 *  +--refused, no connection, nobody answers--> closed
 * ```
 */
export type ChatState = { state: 'opening' } | { state: 'open' } | { state: 'closed'; end: ChatEnd };

/** From INVITE to a bound connection. */
const OPEN_TIMEOUT = 20_000;
const IDLE_TIMEOUT = 600_000;
/** Quiet after which a session that has become superfluous closes. */
const SUPERFLUOUS_TIMEOUT = 2_000;
/** Bytes after which a large text counts as moving on. */
const PROGRESS = 16_384;
/** How long what is on its way at a BYE may still arrive. */
const LINGER = 2_000;
const KEEP_ALIVE = 60_000;

/** The Reason of our BYE (RFC 3326) when it is not our wish, so that the peer does not invite us again at once. */
const MEDIA_LOST = 'SIP ;cause=503 ;text="Media connection lost"';
/** Blink 5.5 says `SIP ;cause=500 ;text="media stream failed to start"`. */
const FAULT = /^\s*SIP\s*;.*\bcause=[45]\d\d\b/i;

/** One MSRP chat session: an INVITE dialog and the connection it describes (RFC 4975 §5, §8). */
export class ChatSession {
  readonly peer: Address;
  readonly invitedBy: 'us' | 'peer';
  readonly #context: ChatContext;
  readonly #over = new AbortController();
  readonly #origin = { sessionId: randomInt(2 ** 47), version: 1 };
  #state: ChatState = { state: 'opening' };
  #sip: SipSession | undefined;
  /** False: the SIP session is a file transfer's, which ends it. */
  #owned = true;
  #line: MediaLine | undefined;
  /** The peer's side of `#line`. */
  #remote: MsrpLine | undefined;
  #forms: ChatForms | undefined;
  #offerId = '';
  #timer: Timer | undefined;
  #unsubscribe: () => void = () => {};
  #superfluous = false;
  #opened = false;
  readonly #reoffers: Reoffers;

  private constructor(peer: Address, invitedBy: 'us' | 'peer', context: ChatContext) {
    this.peer = peer;
    this.invitedBy = invitedBy;
    this.#context = context;
    this.#reoffers = new Reoffers(
      () => this.#tellWhere(),
      () => new Promise((resolve) => context.clock.after(this.#sip ? glarePause(this.#sip) : 0, resolve)),
    );
    this.#timer = context.clock.after(OPEN_TIMEOUT, () => this.#end({ cause: 'media' }));
  }

  /** Invites a peer. `invite` may throw. */
  static invite(peer: Address, context: ChatContext, invite: (offer: SessionDescription) => SipSession): ChatSession {
    const session = new ChatSession(peer, 'us', context);
    void session.#guarded(() => session.#invite(invite));
    return session;
  }

  /** Answers an INVITE whose chat line has been looked at with `faultOf`. */
  static answer(sip: SipSession, offered: MsrpLine, context: ChatContext): ChatSession {
    const session = new ChatSession(sip.peer, 'peer', context);
    void session.#guarded(() => session.#answer(sip, offered));
    return session;
  }

  /** Takes on the chat line of a session that is somebody else's; `start` when the answer has been sent. */
  static async join(
    sip: SipSession,
    offered: MsrpLine,
    context: ChatContext,
  ): Promise<{ session: ChatSession; answer: MsrpLine; start(): void }> {
    const session = new ChatSession(sip.peer, 'peer', context);
    session.#owned = false;
    session.#sip = sip;
    try {
      const answer = await session.#answerLine(offered);
      session.#unsubscribe = sip.onState((state) => session.#onSip(state));
      return { session, answer, start: () => void session.#guarded(() => session.#start(offered)) };
    } catch (error) {
      session.stop();
      throw error;
    }
  }

  get state(): ChatState {
    return this.#state;
  }

  get open(): boolean {
    return this.#state.state === 'open';
  }

  /** It was open once. */
  get opened(): boolean {
    return this.#opened;
  }

  /** The name the peer gave for itself; unverified. */
  get peerName(): string | undefined {
    return this.#sip?.peerName;
  }

  /** How to write to the peer; of use while `open`. */
  get forms(): ChatForms | undefined {
    return this.#forms;
  }

  /**
   * The session id in the offer: known to both sides and, unlike the Call-ID, the same behind every server in between. Of
   * two sessions both sides keep the one where it sorts lower.
   */
  get offerId(): string {
    return this.#offerId;
  }

  /** Sends one message and waits until it is clear what became of it. Never rejects. */
  async send({ contentType, content }: TypedBody, options: { id?: string; report?: boolean }): Promise<Sent> {
    const line = this.#line;
    if (!this.open || !line) return { state: 'broken' };
    if (Buffer.byteLength(content) > (this.#forms?.maximum ?? 0)) return { state: 'refused' };
    this.#touch();
    let message: OutgoingMessage;
    try {
      message = line.session.send({
        contentType,
        body: content,
        ...messageId(options.id),
        successReport: options.report === true,
        progressEvery: PROGRESS,
        // relays lose large frames without a word
        ...(line.relayed ? { chunking: 'relay' as const } : {}),
      });
    } catch {
      return { state: 'broken' };
    }
    const remote = this.#remote;
    return confirmed(message, {
      clock: this.#context.clock,
      relayed: line.relayed && options.report === true,
      // it may have gone to where the peer was before
      silent: () => this.#remote === remote && this.#fail(line),
    });
  }

  /** Sends something nobody waits for: a typing notice. */
  tell({ contentType, content }: TypedBody): void {
    if (!this.open) return;
    try {
      this.#line?.session.send({ contentType, body: content, failureReport: 'no', priority: 'low' });
    } catch {
      // the session is ending
    }
  }

  /** There is a better session with this peer: closes as soon as nothing goes on here. */
  retire(): void {
    if (this.#superfluous || this.#state.state === 'closed') return;
    this.#superfluous = true;
    if (this.open) this.#touch();
  }

  /** After a reconnect: tells the peer where we are now, by re-INVITE (RFC 3261 §14, RFC 4975 §8). */
  async renew(): Promise<void> {
    const place = this.#context.place();
    const line = this.#line;
    if (!this.#owned || !place || this.#sip?.state.state !== 'established' || !line) return;
    await this.#guarded(async () => {
      if (hostOf(line.address) !== place.host) {
        this.#leaveLine();
        this.#opening();
        await this.#makeLine(() => this.#context.media.offer(place, this.#options()));
      }
      await this.#reoffers.make();
    });
  }

  /** Says goodbye; what is on its way may still arrive. */
  close(): void {
    this.#end({ cause: 'left' });
  }

  /** Says goodbye and waits for nothing. */
  stop(): void {
    this.#end({ cause: 'left' }, 'now');
  }

  async #invite(invite: (offer: SessionDescription) => SipSession): Promise<void> {
    const place = this.#context.place();
    if (!place) throw new ProviderError('network', { retryable: true });
    const line = await this.#makeLine(() => this.#context.media.offer(place, this.#options()));
    this.#offerId = sessionIdOf(line.address);
    this.#adopt(invite(this.#describe(place.host)));
  }

  async #answer(sip: SipSession, offered: MsrpLine): Promise<void> {
    const host = this.#context.place()?.host;
    this.#adopt(sip);
    if (host === undefined) throw new ProviderError('network', { retryable: true });
    const lines = parseDescription(sip.remote?.sdp ?? '') ?? [];
    const answer = await this.#answerLine(offered);
    sip.accept({ sdp: formatDescription({ ...this.#origin, host }, answerLines(lines, answer)) });
    await this.#start(offered);
  }

  #adopt(sip: SipSession): void {
    this.#sip = sip;
    sip.answerReoffer = (offer) => this.#reoffered(offer);
    this.#unsubscribe = sip.onState((state) => this.#onSip(state));
  }

  #onSip(state: SipSessionState): void {
    if (this.#state.state === 'closed') return;
    switch (state.state) {
      case 'established':
        if (this.invitedBy === 'us') void this.#guarded(() => this.#answered(state.remote));
        else if (this.#reoffers.due) this.#tellLater();
        break;
      case 'rejected':
        this.#end({ cause: 'refused', rejection: state.rejection });
        break;
      case 'ended':
        // the connection stands by itself, but without the dialog nobody could tell us of a change
        this.#end({ cause: state.by === 'network' || FAULT.test(state.reason ?? '') ? 'media' : 'left' });
        break;
    }
  }

  async #answered({ sdp }: SessionDescription): Promise<void> {
    const answer = chatLineOf(sdp);
    if (!answer || faultOf(answer)) throw new ProviderError('malformed');
    await this.#start(answer);
  }

  /** RFC 3264 §8: the peer offers anew, because it moved, or for no reason we have to know. */
  async #reoffered({ sdp }: SessionDescription): Promise<SessionDescription> {
    const lines = parseDescription(sdp);
    const host = this.#context.place()?.host;
    if (!lines || host === undefined) throw new ProviderError('malformed');
    const offered = chatLineOf(sdp);
    this.#origin.version++;
    const answer = (own?: MsrpLine): SessionDescription => ({
      sdp: formatDescription({ ...this.#origin, host }, answerLines(lines, own)),
    });
    if (!offered || faultOf(offered)) {
      // our answer goes out first
      setImmediate(() => this.close());
      return answer();
    }
    const line = this.#line;
    if (line && this.#keeps(offered)) {
      // RFC 4145 §4.1: an answer is active or passive; the connection there is stays
      const ours = this.#remote?.setup === 'active' ? 'passive' : 'active';
      const { setup = ours } = line.address;
      const role = setup === 'actpass' ? ours : setup;
      if (this.#follow(line, offered, role)) {
        // what we are now is in the answer
        this.#reoffers.said();
        return answer(chatLine({ ...line.address, setup: role }));
      }
    }
    this.#leaveLine();
    this.#opening();
    const own = await this.#answerLine(offered);
    void this.#guarded(() => this.#start(offered));
    return answer(own);
  }

  async #answerLine(offered: MsrpLine): Promise<MsrpLine> {
    const host = this.#context.place()?.host;
    if (host === undefined) throw new ProviderError('network', { retryable: true });
    if (this.#offerId === '') this.#offerId = sessionIdOf(offered);
    const line = await this.#makeLine(() => this.#context.media.answer(host, offered, this.#options()));
    return chatLine(line.address);
  }

  async #makeLine(make: () => Promise<MediaLine>): Promise<MediaLine> {
    const line = await make();
    if (this.#state.state === 'closed') {
      line.end();
      throw new MsrpError('session-closed', 'The session was closed meanwhile');
    }
    this.#line = line;
    return line;
  }

  /** Both sides know each other's paths: connects, or waits for the connection. */
  async #start(remote: MsrpLine): Promise<void> {
    const line = this.#line;
    if (!line) return;
    this.#remote = remote;
    this.#forms = formsOf(remote);
    line.session.onPathChange(() => this.#owned && this.#tellLater());
    await line.start(remote, { timeout: OPEN_TIMEOUT, signal: this.#over.signal, survives: true });
    if (line !== this.#line) return;
    line.session.onStateChange((state) => this.#onLine(line, state));
    this.#opened = true;
    this.#move({ state: 'open' });
    this.#touch();
  }

  #onLine(line: MediaLine, state: SessionState): void {
    // whose SIP session it is does not know how to tell the peer
    if (state.name === 'closed' || (state.name === 'moved' && !this.#owned)) this.#fail(line);
    if (line !== this.#line) return;
    if (state.name === 'reconnecting' && this.open) this.#opening();
    if (state.name === 'bound') {
      this.#move({ state: 'open' });
      this.#touch();
    }
  }

  /** Until the connection is bound again texts go another way. */
  #opening(): void {
    this.#move({ state: 'opening' });
    this.#arm(OPEN_TIMEOUT, { cause: 'media' });
  }

  /** The session ends when it has not been bound again in time, whatever the reason. */
  #tellLater(): void {
    this.#reoffers.make().catch(() => {});
  }

  /** Offers anew what we are now. */
  async #tellWhere(): Promise<void> {
    const sip = this.#sip;
    const line = this.#line;
    const place = this.#context.place();
    // after the reconnect it is told, see `renew`
    if (sip?.state.state !== 'established' || !line || !place) throw new ProviderError('network', { retryable: true });
    const { sdp } = await sip.reoffer(this.#describe(place.host));
    const answer = chatLineOf(sdp);
    if (!answer || faultOf(answer)) throw new ProviderError('malformed');
    if (line !== this.#line) return;
    if (line.session.state.name === 'idle') await this.#start(answer);
    else if (!this.#follow(line, answer, offererRole('actpass', answer.setup))) throw new ProviderError('malformed');
  }

  /** The same MSRP session of the peer's as before, whatever relays lead to it. */
  #keeps({ path }: MsrpLine): boolean {
    return path.at(-1) === this.#remote?.path.at(-1);
  }

  /** Takes another path of the peer's, and lets it have ours. False: that takes another connection. */
  #follow(line: MediaLine, remote: MsrpLine, role: 'active' | 'passive'): boolean {
    const same = remote.path.join(' ') === this.#remote?.path.join(' ');
    if (same && line.session.state.name !== 'moved') return true;
    try {
      line.update(remote, role);
    } catch {
      return false;
    }
    this.#remote = remote;
    return true;
  }

  #options() {
    return {
      keepAlive: KEEP_ALIVE,
      accept: (offer: Parameters<typeof acceptText>[0]) =>
        acceptText(offer, (message) => {
          if (this.open) this.#touch();
          this.#context.take(this, message);
        }),
    };
  }

  #describe(host: string): SessionDescription {
    const line = this.#line;
    if (!line) throw new ProviderError('internal');
    // RFC 6135 §4.2.2: never passive in an offer
    const lines: OfferedMedia[] = [{ kind: 'chat', chat: { ...chatLine(line.address), setup: 'actpass' } }];
    return { sdp: formatDescription({ ...this.#origin, version: this.#origin.version++, host }, lines) };
  }

  /** Something goes on here. */
  #touch(): void {
    this.#arm(this.#superfluous ? SUPERFLUOUS_TIMEOUT : IDLE_TIMEOUT, { cause: 'left' });
  }

  #arm(milliseconds: number, end: ChatEnd): void {
    this.#timer?.cancel();
    this.#timer = this.#context.clock.after(milliseconds, () => this.#end(end));
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // RFC 6714 §4.3
      const impossible = error instanceof ProviderError && error.protocolCode === '488';
      if (impossible && this.#sip?.state.state === 'invited') this.#sip.reject(488);
      this.#end({ cause: 'media' }, 'now');
    }
  }

  /** The connection is gone, or of no use. */
  #fail(line: MediaLine): void {
    if (line === this.#line) this.#end({ cause: 'media' }, 'now');
    line.end();
  }

  #leaveLine(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.end();
  }

  /** `lingering`: the connection stays a moment for what the peer sent before it knew, and its answer to what we sent. */
  #end(end: ChatEnd, way: 'lingering' | 'now' = 'lingering'): void {
    const line = this.#line;
    if (this.#state.state === 'closed') {
      if (way === 'now') line?.end();
      return;
    }
    this.#timer?.cancel();
    const lingers = way === 'lingering' && line?.session.state.name === 'bound';
    if (!lingers) this.#over.abort();
    this.#move({ state: 'closed', end });
    this.#unsubscribe();
    if (this.#owned) this.#sip?.end(end.cause === 'media' ? MEDIA_LOST : undefined);
    if (lingers) this.#context.clock.after(LINGER, () => line.end());
    else line?.end();
  }

  #move(state: ChatState): void {
    if (this.#state.state === 'closed') return;
    this.#state = state;
    this.#context.changed(this);
  }
}

/** The first chat in a description. */
export const chatLineOf = (sdp: string): MsrpLine | undefined => {
  for (const line of parseDescription(sdp) ?? []) if (line.kind === 'chat') return line.chat;
  return undefined;
};
