import type { SipSession } from '../sip-session.ts';
import type { MsrpLine } from './msrp-line.ts';

/** A part of the provider that answers INVITEs of one kind. */
export interface InvitationTaker {
  /** Takes a session when its offer is of this kind, and then accepts or rejects it sooner or later; false: not mine. */
  take(session: SipSession): boolean;
}

/** The chat line of a session that is somebody else's to answer, because a file is offered beside it. */
export interface ChatLine {
  /** Goes into the answer in place of the offered line. */
  readonly answer: MsrpLine;
  /** The answer has been sent: from here on the chat runs, until the SIP session ends. */
  start(): void;
  /** The answer will not be sent. */
  cancel(): void;
}

/** Takes on chat lines that stand beside files in one offer (RFC 5547 §8.2.3). */
export interface ChatLines {
  /** Undefined: the line is refused by port 0. Never rejects. */
  join(session: SipSession, offered: MsrpLine): Promise<ChatLine | undefined>;
}

/**
 * Hands an INVITE to whom it concerns: the first who takes it answers it. Files come first, since a chat line may stand
 * beside them and not the other way round.
 *
 * @example agent.onInvite = (session) => dispatchInvitation(session, [files, chats]);
 */
export const dispatchInvitation = (session: SipSession, takers: readonly InvitationTaker[]): void => {
  // RFC 3261 §21.4.26: nobody here knows what is offered
  if (!takers.some((taker) => taker.take(session))) session.reject(488);
};
