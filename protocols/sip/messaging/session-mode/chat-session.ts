import { offererRole, type SessionState, type Timer } from '../../../../msrp/index.ts';
import { type Address, ProviderError } from '../../../contract/index.ts';
import { unawaited } from '../../../contract/unawaited.ts';
import { parseDescription } from '../../file-transfer/description/session-description.ts';
import type { MediaLine } from '../../media/media.ts';
import { glarePause } from '../../offers/glare.ts';
import { ANSWERED_DIRECTION, isHeld, type MsrpLine } from '../../offers/msrp-line.ts';
import { Reoffers } from '../../offers/reoffers.ts';
import type { SessionDescription } from '../../session-description-handler.ts';
import type { SipSession, SipSessionState } from '../../sip-session.ts';
import type { TypedBody } from '../message-content.ts';
import { type ChatForms, chatLineOf, faultOf, hostOf } from './chat-description.ts';
import { ChatMedia } from './chat-media.ts';
import type { ChatContext, ChatEnd, ChatState } from './chat-state.ts';
import type { Sent } from './sent.ts';

/** From INVITE to a bound connection. */
const OPEN_TIMEOUT = 20_000;
const IDLE_TIMEOUT = 600_000;
/** Quiet after which a session that has become superfluous closes. */
const SUPERFLUOUS_TIMEOUT = 2_000;

/** The Reason of our BYE (RFC 3326) when it is not our wish, so that the peer does not invite us again at once. */
const MEDIA_LOST = 'SIP ;cause=503 ;text="Media connection lost"';
/** Blink 5.5 says `SIP ;cause=500 ;text="media stream failed to start"`. */
const FAULT = /^\s*SIP\s*;.*\bcause=[45]\d\d\b/i;

/** One MSRP chat session: an INVITE dialog and the connection it describes (RFC 4975 §5, §8). */
export class ChatSession {
  readonly peer: Address;
  readonly invitedBy: 'us' | 'peer';
  readonly #context: ChatContext;
  readonly #media: ChatMedia;
  readonly #reoffers: Reoffers;
  #state: ChatState = { state: 'opening' };
  #sip: SipSession | undefined;
  /** False: the SIP session is a file transfer's, which ends it. */
  #owned = true;
  #timer: Timer | undefined;
  #unsubscribe: () => void = () => {};
  /** Waits for the answer to our next offer, in place of the line there is. */
  #asked: ((answer: MsrpLine | undefined) => void) | undefined;
  #superfluous = false;
  #opened = false;
  /** RFC 3264 §8.4: the peer takes no texts here for now. */
  #held = false;

  private constructor(peer: Address, invitedBy: 'us' | 'peer', context: ChatContext) {
    this.peer = peer;
    this.invitedBy = invitedBy;
    this.#context = context;
    this.#media = new ChatMedia(peer, context, (message) => {
      if (this.open) this.#touch();
      context.take(this, message);
    });
    this.#reoffers = new Reoffers(
      () => this.#tellWhere(),
      () => new Promise((resolve) => context.clock.after(this.#sip ? glarePause(this.#sip) : 0, resolve)),
    );
    this.#timer = context.clock.after(OPEN_TIMEOUT, () => this.#end({ cause: 'media' }));
  }

  /** Invites a peer. `invite` may throw. */
  static invite(peer: Address, context: ChatContext, invite: (offer: SessionDescription) => SipSession): ChatSession {
    const session = new ChatSession(peer, 'us', context);
    unawaited(session.#guarded(() => session.#invite(invite)));
    return session;
  }

  /** Answers an INVITE whose chat line has been looked at with `faultOf`. */
  static answer(sip: SipSession, offered: MsrpLine, context: ChatContext): ChatSession {
    const session = new ChatSession(sip.peer, 'peer', context);
    unawaited(session.#guarded(() => session.#answer(sip, offered)));
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
      const answer = await session.#media.answer(offered);
      session.#unsubscribe = sip.onState((state) => session.#onSip(state));
      return { session, answer, start: () => unawaited(session.#guarded(() => session.#start(offered))) };
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

  /** Texts can go by it now. */
  get takesTexts(): boolean {
    return this.open && !this.#held;
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
    return this.#media.forms;
  }

  /**
   * The session id in the offer: known to both sides and, unlike the Call-ID, the same behind every server in between. Of
   * two sessions both sides keep the one where it sorts lower.
   */
  get offerId(): string {
    return this.#media.offerId;
  }

  /** Sends one message and waits until it is clear what became of it. Never rejects. */
  async send(body: TypedBody, options: { id?: string; report?: boolean }): Promise<Sent> {
    if (!this.open) return { state: 'broken' };
    this.#touch();
    return await this.#media.send(body, options, (line) => this.#fail(line));
  }

  /** Sends something nobody waits for: a typing notice. */
  tell(body: TypedBody): void {
    if (this.open) this.#media.tell(body);
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
    const { line } = this.#media;
    if (!this.#owned || !place || this.#sip?.state.state !== 'established' || !line) return;
    await this.#guarded(async () => {
      if (hostOf(line.address) !== place.host) {
        this.#media.leave();
        this.#opening();
        await this.#media.offer(place);
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
    await this.#media.offer(place);
    this.#adopt(invite(this.#media.describe(place.host)));
  }

  async #answer(sip: SipSession, offered: MsrpLine): Promise<void> {
    const host = this.#context.place()?.host;
    this.#adopt(sip);
    if (host === undefined) throw new ProviderError('network', { retryable: true });
    const lines = parseDescription(sip.remote?.sdp ?? '') ?? [];
    const answer = await this.#media.answer(offered);
    sip.accept(this.#media.describeAnswer(host, lines, answer));
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
        if (this.invitedBy === 'us') unawaited(this.#guarded(() => this.#start(answerIn(state.remote))));
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

  /** RFC 3264 §8: the peer offers anew, because it moved, or for no reason we have to know. */
  async #reoffered({ sdp }: SessionDescription): Promise<SessionDescription> {
    const lines = parseDescription(sdp);
    const host = this.#context.place()?.host;
    if (!lines || host === undefined) throw new ProviderError('malformed');
    const offered = chatLineOf(sdp);
    if (!offered || faultOf(offered, true)) {
      // our answer goes out first
      setImmediate(() => this.close());
      return this.#media.describeAnswer(host, lines, undefined);
    }
    this.#hold(offered);
    const direction = ANSWERED_DIRECTION[offered.direction];
    const kept = this.#media.keep(offered);
    if (kept) {
      // what we are now is in the answer, and what the peer is we know: one of the two connects
      this.#reoffers.said();
      this.#answerAsked({ ...offered, setup: kept.setup === 'active' ? 'passive' : 'active' });
      return this.#media.describeAnswer(host, lines, { ...kept, direction });
    }
    this.#media.leave();
    this.#answerAsked(undefined);
    this.#opening();
    const own = await this.#media.answer(offered);
    unawaited(this.#guarded(() => this.#start(offered)));
    return this.#media.describeAnswer(host, lines, { ...own, direction });
  }

  /** What the peer says of its own side. */
  #hold(line: MsrpLine): void {
    const held = isHeld(line);
    if (held === this.#held) return;
    this.#held = held;
    this.#context.changed(this);
  }

  /** Both sides know each other's paths. */
  async #start(remote: MsrpLine): Promise<void> {
    const begun = this.#context.clock.now();
    const line = await this.#media
      .start(remote, {
        timeout: OPEN_TIMEOUT,
        pathChanged: () => this.#owned && this.#tellLater(),
        again: () => this.#offerAgain(),
      })
      .catch(async (error: unknown) => {
        // this side did not want the connection: the peer that did learns nothing from how soon it failed
        if (this.invitedBy === 'peer' && this.#media.line?.connects) await this.#until(begun + OPEN_TIMEOUT);
        throw error;
      });
    if (!line) return;
    line.session.onStateChange((state) => this.#onLine(line, state));
    this.#opened = true;
    this.#move({ state: 'open' });
    this.#touch();
  }

  #until(at: number): Promise<void> {
    const { clock } = this.#context;
    return new Promise((resolve) => {
      clock.after(Math.max(0, at - clock.now()), resolve);
    });
  }

  #onLine(line: MediaLine, state: SessionState): void {
    // whose SIP session it is does not know how to tell the peer
    if (state.name === 'closed' || (state.name === 'moved' && !this.#owned)) this.#fail(line);
    if (line !== this.#media.line) return;
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

  /** The line there is cannot be used by the answer to our offer: another answer is asked for, and is its to start with. */
  #offerAgain(): Promise<MsrpLine | undefined> {
    return new Promise((resolve) => {
      this.#asked = resolve;
      this.#reoffers.make().catch(() => this.#answerAsked(undefined));
    });
  }

  #answerAsked(answer: MsrpLine | undefined): boolean {
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.(answer);
    return asked !== undefined;
  }

  /** Offers anew what we are now. */
  async #tellWhere(): Promise<void> {
    const sip = this.#sip;
    const { line } = this.#media;
    const place = this.#context.place();
    // after the reconnect it is told, see `renew`
    if (sip?.state.state !== 'established' || !line || !place) throw new ProviderError('network', { retryable: true });
    const answer = answerIn(await sip.reoffer(this.#media.describe(place.host)), true);
    this.#hold(answer);
    if (line !== this.#media.line || this.#answerAsked(answer)) return;
    if (line.session.state.name === 'idle') await this.#start(answer);
    else if (!this.#media.follow(answer, offererRole('actpass', answer.setup))) throw new ProviderError('malformed');
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
    if (line === this.#media.line) this.#end({ cause: 'media' }, 'now');
    line.end();
  }

  #end(end: ChatEnd, way: 'lingering' | 'now' = 'lingering'): void {
    if (this.#state.state === 'closed') {
      if (way === 'now') this.#media.end('now');
      return;
    }
    this.#timer?.cancel();
    if (end.cause === 'media' && !this.#opened) this.#media.unreached();
    this.#move({ state: 'closed', end });
    this.#unsubscribe();
    this.#answerAsked(undefined);
    if (this.#owned) this.#sip?.end(end.cause === 'media' ? MEDIA_LOST : undefined);
    this.#media.end(way);
  }

  #move(state: ChatState): void {
    if (this.#state.state === 'closed') return;
    this.#state = state;
    this.#context.changed(this);
  }
}

/** The chat line of an answer. Throws a ProviderError when it is of no use. */
const answerIn = ({ sdp }: SessionDescription, within = false): MsrpLine => {
  const answer = chatLineOf(sdp);
  if (!answer || faultOf(answer, within)) throw new ProviderError('malformed');
  return answer;
};
