import type { Clock, Timer } from '../../../msrp/index.ts';
import {
  type Address,
  Emitter,
  type MessageMark,
  type MessageReceiver,
  ProviderError,
  type TypingState,
} from '../../contract/index.ts';
import type { Imdn } from './imdn.ts';
import type { IsComposing } from './is-composing.ts';
import type { MessageContent } from './message-content.ts';
import type { ReadRequests } from './read-requests.ts';

/** Where content came from, whatever carried it. */
export interface Origin {
  peer: Address;
  /** The name the peer gave for itself; unverified. */
  peerName?: string | undefined;
  /** Id of a text that brings none of its own. */
  fallbackId: string;
  /** A server kept it since then. */
  keptSince?: Date | undefined;
}

/** `not-kept`: the text is not on disk, so nothing may confirm it; `full`: nor will it be before a person reads here. */
export type Taken = 'taken' | 'unsupported' | 'not-kept' | 'full';

export interface IntakeContext {
  readRequests: ReadRequests;
  /** The sender wants to know that its text is here. Called when it is on disk. */
  confirm: (peer: Address, messageId: string, writtenAt: Date) => void;
  /** A text was kept. */
  heard: (peer: Address) => void;
  now: () => number;
  clock: Clock;
}

/** Nothing waits longer than this to be sent, so who says a text they sent is older has a wrong clock. */
const OLDEST = 30 * 86_400_000;
/** Date headers have whole seconds. */
const SECOND = 1_000;
/** Beyond this who has typed longest counts as idle. */
const MOST_TYPING = 500;
/** Marks remembered so that each is told once, though two ways may bring it: a report and a notification. */
const REMEMBERED = 500;

/** What comes in, by MESSAGE or in a session: texts to whoever keeps them, notifications and typing to listeners. */
export class MessageIntake {
  receiver: MessageReceiver | undefined;
  readonly #context: IntakeContext;
  readonly #typingTimers = new Map<Address, Timer>();
  readonly #told = new Set<string>();
  readonly #mark = new Emitter<MessageMark>();
  readonly #typing = new Emitter<{ peer: Address; state: TypingState }>();
  readonly onMark = this.#mark.on;
  readonly onTyping = this.#typing.on;

  constructor(context: IntakeContext) {
    this.#context = context;
  }

  take(content: MessageContent, origin: Origin): Taken {
    switch (content.kind) {
      case 'unsupported':
        return 'unsupported';
      case 'text':
        return this.#takeText(content, origin);
      case 'imdn':
        for (const imdn of content.imdns) this.#takeImdn(origin.peer, imdn);
        return 'taken';
      case 'typing':
        this.#takeTyping(origin.peer, content.typing);
        return 'taken';
      case 'nothing':
        return 'taken';
      default:
        return content satisfies never;
    }
  }

  /** A text of ours arrived or was read, perhaps before its sending has ended: who said so is confirmed when it is told. Told once, however often it is said. */
  confirmed(peer: Address, id: string, mark: 'delivered' | 'read'): void {
    const fact = `${mark} ${id} ${peer}`;
    if (this.#told.has(fact)) return;
    this.#told.add(fact);
    const [oldest] = this.#told;
    if (this.#told.size > REMEMBERED && oldest !== undefined) this.#told.delete(oldest);
    this.#mark.emit({ peer, id, mark, at: this.#context.now() });
  }

  /** A text of ours that counted as sent did not arrive. */
  failed(peer: Address, id: string, error: ProviderError): void {
    this.#mark.emit({ peer, id, mark: 'failed', at: this.#context.now(), error });
  }

  /** Lets go of timers. */
  stop(): void {
    for (const timer of this.#typingTimers.values()) timer.cancel();
    this.#typingTimers.clear();
  }

  #takeText(content: Extract<MessageContent, { kind: 'text' }>, origin: Origin): Exclude<Taken, 'unsupported'> {
    const { now, readRequests, confirm, heard } = this.#context;
    const { peer, peerName, keptSince } = origin;
    const writtenAt = content.writtenAt ?? keptSince ?? new Date(now());
    const { id, wants } = content;
    // before the text: a program killed in between gets the text again, and could not tell later that it was read
    if (id !== undefined && wants.display) readRequests.add({ id, peer, writtenAt: writtenAt.getTime() });
    const owed = id !== undefined && wants.delivery;
    try {
      if (!this.receiver) throw new Error('nobody keeps messages');
      const kept = this.receiver({
        id: id ?? origin.fallbackId,
        direction: 'incoming',
        peer,
        ...(peerName ? { peerName } : {}),
        text: content.text,
        sentAt: keptSince ? Math.min(writtenBefore(keptSince, content.writtenAt), now()) : now(),
        delayed: keptSince !== undefined,
        ...(owed ? { deliveryWanted: writtenAt.getTime() } : {}),
      });
      if (kept === 'full') return 'full';
    } catch {
      return 'not-kept';
    }
    heard(peer);
    this.#stopTyping(peer);
    if (owed) confirm(peer, id, writtenAt);
    return 'taken';
  }

  #takeImdn(peer: Address, { messageId, disposition }: Imdn): void {
    if (disposition === 'failed') this.failed(peer, messageId, new ProviderError('peer-offline'));
    else this.confirmed(peer, messageId, disposition === 'displayed' ? 'read' : 'delivered');
  }

  #takeTyping(peer: Address, typing: IsComposing): void {
    this.#typingTimers.get(peer)?.cancel();
    if (typing.state === 'paused') {
      this.#stopTyping(peer);
      return;
    }
    const timer = this.#context.clock.after(typing.refresh * 1000, () => this.#stopTyping(peer));
    this.#typingTimers.delete(peer);
    this.#typingTimers.set(peer, timer);
    this.#typing.emit({ peer, state: 'composing' });
    const [longest] = this.#typingTimers.keys();
    if (this.#typingTimers.size > MOST_TYPING && longest !== undefined) this.#stopTyping(longest);
  }

  #stopTyping(peer: Address): void {
    const timer = this.#typingTimers.get(peer);
    if (!timer) return;
    timer.cancel();
    this.#typingTimers.delete(peer);
    this.#typing.emit({ peer, state: 'paused' });
  }
}

/** When a text was written that a server has kept, in ms since the epoch: what its writer says, as far as that can be. */
export const writtenBefore = (keptSince: Date, writtenAt: Date | undefined): number => {
  const age = keptSince.getTime() - (writtenAt ?? keptSince).getTime();
  return keptSince.getTime() - (age > -SECOND && age < OLDEST ? age : 0);
};
