import type { Address } from './address.ts';
import type { Subscribe } from './emitter.ts';
import type { ProviderError } from './errors.ts';

/** What we ask a provider to send. `id` is ours, written to disk before: the same id is never delivered twice. */
export interface MessageDraft {
  /** UUID; goes on the wire as the IMDN Message-ID, the XMPP stanza id and origin-id. */
  id: string;
  text: string;
  /** ms since the epoch when the person pressed send. */
  composedAt: number;
}

/** First answer to a sent text. `waiting`: kept for an absent peer by the server. */
export type SendOutcome = { state: 'sent' } | { state: 'waiting' } | { state: 'failed'; error: ProviderError };

/** A text on its way. `outcome` never rejects. */
export interface OutgoingMessage {
  readonly id: string;
  readonly outcome: Promise<SendOutcome>;
}

/** A fact about a text we sent, perhaps in an earlier life of the program; now and then faster than the end of the sending. */
export interface MessageMark {
  peer: Address;
  /** The draft's id. */
  id: string;
  mark: 'delivered' | 'read' | 'failed';
  at: number;
  error?: ProviderError;
}

/**
 * What a message is that has no text and cannot be shown here: encrypted in a way that is not spoken, an invitation to a
 * group, the announcement of a call, a wish for attention, a reaction, a retraction, a file that cannot be fetched, anything
 * else; or `cut`: the end of a text was longer than what is kept.
 */
export type UnshownMessage =
  | 'omemo'
  | 'openpgp'
  | 'encrypted'
  | 'invitation'
  | 'call'
  | 'attention'
  | 'reaction'
  | 'retraction'
  | 'file'
  | 'cut'
  | 'other';

/** A text that arrived: from the peer, or from another device of ours (`direction: 'outgoing'`). */
export interface IncomingMessage {
  /** The protocol's id of the message: IMDN Message-ID, stanza or origin id, else Call-ID and CSeq. */
  id: string;
  /** The archive's id where there is one (XEP-0359 stanza-id): the second key for dropping duplicates. */
  archiveId?: string;
  direction: 'incoming' | 'outgoing';
  /** The other side, also for our own messages from another device. */
  peer: Address;
  /** The name the peer gave for itself; unverified. */
  peerName?: string;
  text: string;
  /** It has no text: a line says what came. */
  unshown?: UnshownMessage;
  /** ms since the epoch: the original time for stored messages, else now. */
  sentAt: number;
  /** True when it was kept by a server and comes late. */
  delayed: boolean;
  /** From before this account was ever used here: read long ago, on another device. */
  isPast?: true;
  /**
   * Its sender wants to know that it is here; ms since the epoch when they wrote it, which the report repeats. Written with the
   * text: the report is owed from then on until `onReported` tells of it.
   */
  deliveryWanted?: number;
}

/** What is told to the sender of a text: that it is here, or that a person has read it. */
export interface MessageReport {
  peer: Address;
  /** The protocol's id of the text. */
  id: string;
  report: 'delivered' | 'read';
}

/**
 * Whoever keeps the messages. Called synchronously; when it returns, the message is on disk and the provider confirms it
 * to the other side. When it throws, nothing is confirmed (SIP answers 500, XMPP does not count the stanza), so the other
 * side sends again. `full`: so much of this sender waits unread that no more is taken, where no server sets a limit; the
 * sender is told to wait.
 */
export type MessageReceiver = (message: IncomingMessage) => 'stored' | 'duplicate' | 'full';

export type TypingState = 'composing' | 'paused';

export interface MessagingOperationSet {
  /**
   * Sends one text. Order is kept per peer. While the account is not online the outcome is `failed` with a retryable
   * error at once: queueing on disk is the caller's.
   */
  send(to: Address, draft: MessageDraft): OutgoingMessage;
  /** Must be set before `start()`. */
  receiver: MessageReceiver | undefined;
  /**
   * Set by the keeper of the messages, before `start()`: what the receiver is given within `work` goes to disk as one. When it
   * returns, all of that is there; when it throws, nothing is. For providers to which many texts come at once.
   */
  together?: (<Result>(work: () => Result) => Result) | undefined;
  /** Delivery and read marks for sent texts. */
  readonly onMark: Subscribe<MessageMark>;
  readonly onTyping: Subscribe<{ peer: Address; state: TypingState }>;
  /** Tells the peer we are writing. Silently nothing where the peer or server refused it before. */
  sendTyping(to: Address, state: TypingState): void;
  /**
   * Tells the peer that this message was read, where it asked to know. One that is on its way already is not told twice;
   * one that was lost may be told again.
   */
  sendRead(to: Address, messageId: string): void;
  /**
   * Tells the peer that this message is here, in the same way. A provider does so by itself when the receiver has returned:
   * this is for what was lost since, or with an earlier life of the program. `writtenAt` is `deliveryWanted` of the text.
   */
  sendDelivered(to: Address, messageId: string, writtenAt: number): void;
  /** A report has left for good, or was refused, or is no longer wanted: it is owed no more. Told again for one that is told again. */
  readonly onReported: Subscribe<MessageReport>;
  /** Largest text in UTF-8 bytes that this route takes. */
  readonly maximumBytes: number;
}
