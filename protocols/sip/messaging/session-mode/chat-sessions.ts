import type { Clock } from '../../../../msrp/index.ts';
import { type Address, ProviderError } from '../../../contract/index.ts';
import { unawaited } from '../../../contract/unawaited.ts';
import type { Media, MediaPlace } from '../../media/media.ts';
import { hostsOf } from '../../media/unasked-connections.ts';
import type { ChatLine, ChatLines, InvitationTaker } from '../../offers/invitations.ts';
import type { MsrpLine } from '../../offers/msrp-line.ts';
import type { SipAnswer } from '../../request.ts';
import type { SessionDescription } from '../../session-description-handler.ts';
import type { SipSession } from '../../sip-session.ts';
import { chatLineOf, faultOf } from './chat-description.ts';
import { ChatSession } from './chat-session.ts';
import type { ChatContext } from './chat-state.ts';
import type { SessionMessage } from './incoming-texts.ts';
import { LearnedPeers, type Verdict } from './learned-peers.ts';
import { LostSessions } from './lost-sessions.ts';

export interface ChatSessionsContext {
  media: Media;
  /** Where we are; undefined while not connected. */
  place: () => MediaPlace | undefined;
  /** Whether the account is registered: what breaks while it is not broke with its connection. */
  online: () => boolean;
  /** Sends an INVITE. Throws a ProviderError. */
  invite: (to: Address, offer: SessionDescription) => SipSession;
  /** Asks a peer what it can (OPTIONS). Never rejects. */
  ask: (to: Address) => Promise<SipAnswer>;
  /** False when presence says the peer is away. */
  reachable: (peer: Address) => boolean;
  /** False while other devices are logged in to this account. */
  alone: () => boolean;
  /** Finds out whether it still is so; `leave` is called when it is not. */
  lookAround: () => void;
  /** Whether an invitation may make us connect to these hosts. Absent: it may. */
  mayConnect?: ((peer: Address, hosts: readonly string[]) => boolean) | undefined;
  /** A message came in a session. Throws an MsrpError to have it refused. */
  take: (session: ChatSession, message: SessionMessage) => void;
  /** From now on the next text to this peer goes another way than before. */
  modeChanged: (peer: Address) => void;
  now: () => number;
  clock: Clock;
}

/** So many texts, ours and theirs, within so long are a talk that is worth a session. */
const LIVELY_TEXTS = 2;
const LIVELY_WITHIN = 60_000;
/** How often it is looked for other devices while there are sessions: those of other makers do not make themselves known. */
const LOOK_AROUND_EVERY = 60_000;
/** How long a text that only a session can carry waits for one. */
const OPEN_WITHIN = 25_000;
/** More sessions at once are an attack or a fault. */
const MAXIMUM_SESSIONS = 64;
const MAXIMUM_PER_PEER = 4;
const REMEMBERED_TALKS = 500;

/**
 * The MSRP sessions of one account: when one is opened, which one the next text goes by, when it closes.
 *
 * A session is opened when we write and it is the second text of a talk within a minute, or one too large for a MESSAGE,
 * unless the peer cannot have sessions as far as we know (`learned-peers.ts`). Sessions the peer invites to are taken
 * whenever they can be. Neither happens while other devices are logged in to the account: a MESSAGE reaches them all, a
 * session one. One that broke is not opened again for a minute, unless our own connection was the reason
 * (`lost-sessions.ts`) or nothing else can carry a text. When both sides invite at once, both sessions stand for a moment; the one whose offer has the lower
 * MSRP session id is used, and who made the other closes it once it is quiet.
 */
export class ChatSessions implements InvitationTaker, ChatLines {
  readonly #context: ChatSessionsContext;
  readonly #chat: ChatContext;
  readonly #learned: LearnedPeers;
  readonly #sessions = new Map<Address, Set<ChatSession>>();
  readonly #opening = new Map<Address, Promise<ProviderError | undefined>>();
  readonly #lost: LostSessions;
  /** Whose session is being opened again: that they are not back yet says nothing for long. */
  readonly #reopening = new Set<Address>();
  /** When the last texts of each talk went. */
  readonly #texts = new Map<Address, readonly number[]>();
  readonly #waiting = new Set<() => void>();
  #lookTimer: { cancel(): void } | undefined;

  constructor(context: ChatSessionsContext) {
    this.#context = context;
    this.#learned = new LearnedPeers(context.now);
    this.#chat = {
      media: context.media,
      place: context.place,
      take: context.take,
      changed: (session) => this.#changed(session),
      mayConnect: context.mayConnect,
      clock: context.clock,
    };
    this.#lost = new LostSessions(context.clock, context.online, (peer) => this.#reopen(peer));
  }

  /** The session the next text to this peer goes by; undefined: page mode. */
  current(peer: Address): ChatSession | undefined {
    const open = [...(this.#sessions.get(peer) ?? [])].filter((session) => session.takesTexts);
    const ours = open.findLast(({ invitedBy }) => invitedBy === 'us');
    const theirs = open.findLast(({ invitedBy }) => invitedBy === 'peer');
    // equal: a talk with oneself
    if (ours && theirs) return ours.offerId <= theirs.offerId ? ours : theirs;
    return ours ?? theirs;
  }

  /** A text came from the peer. */
  heard(peer: Address): void {
    this.#count(peer);
  }

  /** A text goes to the peer: opens a session when the talk is lively. */
  spoke(peer: Address): void {
    const { alone, reachable } = this.#context;
    const lively = this.#count(peer) >= LIVELY_TEXTS;
    // a peer that holds the session there is wants no other
    const isHeld = this.current(peer) === undefined && this.#all().some((chat) => chat.peer === peer && chat.open);
    if (alone() && lively && reachable(peer) && !isHeld) unawaited(this.#openOnce(peer, false));
  }

  /** Other devices of ours have logged in: texts go by MESSAGE from now on, which reaches them all. */
  leave(): void {
    this.#lost.stop();
    for (const session of this.#all()) session.close();
  }

  /** Opens a session for a text that nothing else can carry. Resolves to why there is none. */
  async open(peer: Address): Promise<ProviderError | undefined> {
    if (this.current(peer)) return undefined;
    let timer: { cancel(): void } | undefined;
    const late = new Promise<ProviderError>((resolve) => {
      timer = this.#context.clock.after(OPEN_WITHIN, () => resolve(new ProviderError('timeout', { retryable: true })));
    });
    const fault = await Promise.race([this.#openOnce(peer, true), late]);
    timer?.cancel();
    return fault;
  }

  take(sip: SipSession): boolean {
    const offered = chatLineOf(sip.remote?.sdp ?? '');
    if (!offered) return false;
    const fault = faultOf(offered);
    if (fault !== undefined) sip.reject(488, fault);
    else if (this.#full(sip.peer) || !this.#context.alone()) sip.reject(486);
    // the same answer as for one too many, and nothing is looked up or connected to before it; texts still come by MESSAGE
    else if (!this.#mayConnect(sip.peer, offered)) sip.reject(486);
    else if (!this.#context.place()) sip.reject(480);
    else this.#add(ChatSession.answer(sip, offered, this.#chat));
    return true;
  }

  async join(sip: SipSession, offered: MsrpLine): Promise<ChatLine | undefined> {
    if (faultOf(offered) !== undefined || this.#full(sip.peer) || !this.#context.alone()) return undefined;
    if (!this.#mayConnect(sip.peer, offered)) return undefined;
    try {
      const joined = await ChatSession.join(sip, offered, this.#chat);
      this.#add(joined.session);
      return { answer: joined.answer, start: () => joined.start(), cancel: () => joined.session.stop() };
    } catch {
      return undefined;
    }
  }

  /** We are online again; `renew` follows, when all is restored that goes before sessions. */
  returned(): void {
    this.#lost.returned();
  }

  /** We are connected again, perhaps at another address. */
  renew(): void {
    for (const session of this.#all()) unawaited(session.renew());
    this.#lost.back();
  }

  /** Ends every session, and waits for nothing. */
  stop(): void {
    this.#lost.stop();
    for (const session of this.#all()) session.stop();
  }

  #all(): ChatSession[] {
    return [...this.#sessions.values()].flatMap((sessions) => [...sessions]);
  }

  #mayConnect(peer: Address, offered: MsrpLine): boolean {
    const { media, mayConnect } = this.#context;
    return !media.connects(offered) || mayConnect?.(peer, hostsOf(offered)) !== false;
  }

  #full(peer: Address): boolean {
    return this.#all().length >= MAXIMUM_SESSIONS || (this.#sessions.get(peer)?.size ?? 0) >= MAXIMUM_PER_PEER;
  }

  #count(peer: Address): number {
    const now = this.#context.now();
    const recent = [...(this.#texts.get(peer) ?? []), now]
      .filter((at) => now - at < LIVELY_WITHIN)
      .slice(-LIVELY_TEXTS);
    this.#texts.delete(peer);
    this.#texts.set(peer, recent);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > REMEMBERED_TALKS && oldest !== undefined) this.#texts.delete(oldest);
    return recent.length;
  }

  /** A session that was lost with our connection. */
  #reopen(peer: Address): void {
    const { alone, reachable } = this.#context;
    if (this.#sessions.get(peer)?.size || !alone() || !reachable(peer)) return;
    this.#reopening.add(peer);
    unawaited(this.#openOnce(peer, true).finally(() => this.#reopening.delete(peer)));
  }

  /** `needed`: also right after one broke. Never rejects. */
  #openOnce(peer: Address, needed: boolean): Promise<ProviderError | undefined> {
    const under = this.#opening.get(peer);
    if (under && !(needed && this.#learned.verdict(peer) === 'pause')) return under;
    // most callers go on without waiting: an error is an answer, never a rejection
    const opening = this.#open(peer, needed)
      .catch((error: unknown) => ProviderError.from(error))
      .finally(() => {
        if (this.#opening.get(peer) === opening) this.#opening.delete(peer);
      });
    this.#opening.set(peer, opening);
    return opening;
  }

  async #open(peer: Address, needed: boolean): Promise<ProviderError | undefined> {
    const { ask, place, invite } = this.#context;
    // one that is being opened will do, whoever began
    if (!this.#sessions.get(peer)?.size) {
      if (!place()) return new ProviderError('network', { retryable: true });
      if (this.#learned.verdict(peer) === 'ask') this.#learned.told(peer, await ask(peer));
      const verdict = this.#learned.verdict(peer);
      if (verdict !== 'try' && !(needed && verdict === 'pause')) return noSession(verdict);
    }
    if (!this.#sessions.get(peer)?.size) {
      this.#add(ChatSession.invite(peer, this.#chat, (offer) => invite(peer, offer)));
    }
    await this.#settled(peer);
    return this.current(peer) ? undefined : noSession(this.#learned.verdict(peer));
  }

  /** Resolves when a session with the peer is open, or none is being opened any more. */
  #settled(peer: Address): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        const sessions = this.#sessions.get(peer) ?? [];
        if (!this.current(peer) && [...sessions].some(({ state }) => state.state === 'opening')) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #add(session: ChatSession): void {
    if (session.state.state === 'closed') return;
    const sessions = this.#sessions.get(session.peer) ?? new Set();
    this.#sessions.set(session.peer, sessions.add(session));
    if (!this.#lookTimer) this.#lookAround();
  }

  #lookAround(): void {
    this.#context.lookAround();
    this.#lookTimer = this.#context.clock.after(LOOK_AROUND_EVERY, () => this.#lookAround());
  }

  #changed(session: ChatSession): void {
    const { peer, state } = session;
    if (state.state === 'open') {
      this.#learned.can(peer);
      this.#retireOthers(peer);
    }
    if (state.state === 'closed') this.#forget(session);
    this.#context.modeChanged(peer);
    for (const look of this.#waiting) look();
  }

  /** Both sides invited at once: of the two sessions, who made the one that is not used closes it. */
  #retireOthers(peer: Address): void {
    const used = this.current(peer);
    if (used?.invitedBy !== 'peer') return;
    for (const session of this.#sessions.get(peer) ?? [])
      if (session.invitedBy === 'us' && session.open) session.retire();
  }

  #forget(session: ChatSession): void {
    const { peer, state, opened } = session;
    const sessions = this.#sessions.get(peer);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#sessions.delete(peer);
    if (this.#sessions.size === 0) {
      this.#lookTimer?.cancel();
      this.#lookTimer = undefined;
    }
    if (state.state !== 'closed' || state.end.cause === 'left') return;
    const { end } = state;
    // what a peer does in its own sessions says nothing of how it takes ours
    if (opened || this.#reopening.has(peer)) this.#learned.broke(peer);
    else if (end.cause === 'refused') this.#learned.refused(peer, end.rejection);
    else this.#learned.notNow(peer);
    if (opened) this.#lost.broke(session);
  }
}

/**
 * What that means for a text only a session could carry. Not retryable even for somebody who is away: nobody keeps such a
 * text for them, and those behind it should not wait. Who has just had a session is not away yet.
 */
const noSession = (verdict: Verdict): ProviderError => {
  if (verdict === 'pause') return new ProviderError('network', { retryable: true });
  return new ProviderError(verdict === 'cannot' ? 'too-big' : 'peer-offline');
};
