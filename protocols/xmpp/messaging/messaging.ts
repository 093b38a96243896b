import {
  type Address,
  Emitter,
  type IncomingMessage,
  type MessageDraft,
  type MessageMark,
  type MessageReceiver,
  type MessageReport,
  type MessagingOperationSet,
  type OutgoingMessage,
  ProviderError,
  type ProviderLog,
  type ProviderStorage,
  type SendOutcome,
  type TypingState,
  type UnshownMessage,
} from '../../contract/index.ts';
import { addressOf, bareJidOf, parseJid } from '../address.ts';
import { NS } from '../namespaces.ts';
import { NotKept, type Session } from '../session/session.ts';
import { stanzaErrorOf } from '../stream/errors.ts';
import type { Element } from '../stream/xml.ts';
import { Archive, type Archived } from './archive.ts';
import { Confirmations, type Disclosure } from './confirmations.ts';
import { delayOf, forwardedDelayOf } from './delay.ts';
import { Markable } from './markable.ts';
import {
  archiveIdOf,
  chatStateMessage,
  type DecodedMessage,
  decodeMessage,
  isAuxiliary,
  textMessage,
} from './message-codec.ts';
import { Outbox } from './outbox.ts';
import { Recent } from './recent.ts';
import { unshownOf } from './unshown.ts';

/** In UTF-8; escaping may make the stanza longer, for which the server has a limit of its own. */
const MAXIMUM_TEXT = 100 * 1024;

/** How a message came: who carried it, and what that adds. */
export interface Carriage {
  via: 'server' | 'carbon' | 'archive';
  archiveId: string | undefined;
  /** Original time, where the carrier knows better than the message. */
  stamp: number | undefined;
  mayConfirm: boolean;
  /** From before this account was ever used here. */
  isPast?: boolean;
}

/** A text that came and is kept together with others. */
interface Waiting {
  keep(): void;
  /** It is on disk. */
  kept(): void;
}

const mayBeFile = ({ stanza }: DecodedMessage): boolean =>
  stanza.getChild('file-sharing', NS.fileSharing) !== undefined || stanza.getChild('x', NS.outOfBand) !== undefined;

interface KeptFacts {
  outgoing: boolean;
  /** Bare JID. */
  peer: string;
  at: number;
  text: string;
  unshown: UnshownMessage | undefined;
  wanted: boolean;
}

export interface MessagingOptions {
  session: Session;
  storage: ProviderStorage;
  log: ProviderLog;
  now: () => number;
  isOnline: () => boolean;
  /** Whether our account has an archive on the server. */
  hasArchive: () => boolean;
  /** Whether the server keeps texts for this peer, who is away. */
  isKept: (peer: string) => boolean;
  /** Our name, for a peer who is no contact of ours. */
  introduce: (peer: string) => string | undefined;
  /** Whether a peer is known to be away: nobody is told that we write. */
  isAway: (peer: string) => boolean;
  /** When this peer may learn that we are here, if not by a text of ours. */
  mayKnow: (peer: string) => Disclosure;
  /** True when this message offers a file, and its text is only a link to it. */
  takeFile: (message: DecodedMessage, carriage: Carriage) => boolean;
}

const offline = (): ProviderError => new ProviderError('network', { retryable: true, detail: 'not online' });

/** Texts, their marks, and typing (RFC 6121 §5; XEP-0085, 0184, 0280, 0313, 0333, 0359). */
export class Messaging implements MessagingOperationSet {
  receiver: MessageReceiver | undefined;
  together: MessagingOperationSet['together'];
  readonly maximumBytes = MAXIMUM_TEXT;
  readonly outbox: Outbox;
  readonly archive: Archive;
  readonly confirmations: Confirmations;
  readonly #options: MessagingOptions;
  readonly #mark = new Emitter<MessageMark>();
  readonly onMark = this.#mark.on;
  readonly #typing = new Emitter<{ peer: Address; state: TypingState }>();
  readonly onTyping = this.#typing.on;
  readonly #reported = new Emitter<MessageReport>();
  readonly onReported = this.#reported.on;
  readonly #markable: Markable;
  readonly #waiting: Waiting[] = [];
  /** What came live while the archive was still being read, and is in it, too; undefined when nothing waits for that. */
  #early: { message: DecodedMessage; carriage: Carriage }[] | undefined;
  /** Archive ids already handed over: the same text comes live, as a carbon and from the archive. */
  readonly #seen = new Recent(5000);
  readonly #told = new Recent(1000);
  /** Peers who do not want to be told that we write (XEP-0085 §5.1), or whose server refused it. */
  readonly #noTyping = new Set<string>();
  readonly #composing = new Set<string>();

  constructor(options: MessagingOptions) {
    const { session, isOnline, isKept } = options;
    this.#options = options;
    this.#markable = new Markable(options.storage);
    this.confirmations = new Confirmations(session, options.storage, {
      done: (kind, peer, id) => {
        if (kind === 'displayed') this.#markable.take(peer, id);
        this.#reported.emit({ peer: addressOf(peer), id, report: kind === 'displayed' ? 'read' : 'delivered' });
      },
      mayKnow: options.mayKnow,
    });
    this.outbox = new Outbox({ session, isOnline, isKept });
    this.archive = new Archive(session, options, (archived) => this.#takeArchived(archived));
  }

  send(to: Address, draft: MessageDraft): OutgoingMessage {
    const peer = bareJidOf(to);
    const stanza = textMessage(peer, draft.id, draft.text, this.#options.introduce(peer));
    return { id: draft.id, outcome: this.sendStanza(stanza, { ...draft, peer }) };
  }

  /** Sends a prepared message with the same promises as a text. */
  sendStanza(
    stanza: Element,
    { id, peer, composedAt, text }: { id: string; peer: string; composedAt: number; text: string },
  ): Promise<SendOutcome> {
    const failed = (error: ProviderError): Promise<SendOutcome> => Promise.resolve({ state: 'failed', error });
    if (!this.#options.isOnline()) return failed(offline());
    if (Buffer.byteLength(text) > MAXIMUM_TEXT) return failed(new ProviderError('too-big'));
    return this.outbox.send({ stanza, id, peer, composedAt });
  }

  sendTyping(to: Address, state: TypingState): void {
    const peer = bareJidOf(to);
    const { isOnline, isAway, mayKnow, session } = this.#options;
    if (!isOnline() || this.#noTyping.has(peer) || isAway(peer) || mayKnow(peer) !== 'now') return;
    session.send(chatStateMessage(peer, state));
  }

  sendRead(to: Address, messageId: string): void {
    const peer = bareJidOf(to);
    // XEP-0333 §5: not unless it was asked for
    if (this.#markable.has(peer, messageId)) this.confirmations.send('displayed', peer, messageId);
    else this.#reported.emit({ peer: addressOf(peer), id: messageId, report: 'read' });
  }

  sendDelivered(to: Address, messageId: string): void {
    this.confirmations.send('received', bareJidOf(to), messageId);
  }

  /**
   * Every message stanza of the session; true while a text of it waits to be kept. Throws NotKept when one that stood before
   * it could not be.
   */
  take(stanza: Element): boolean {
    this.#take(stanza);
    return this.#waiting.length > 0;
  }

  /** Hands over all texts that wait, and then confirms them. Throws NotKept when they could not be kept, and keeps none. */
  settle(): void {
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) return;
    const { together = (work) => work() } = this;
    const keep = (): void => {
      for (const one of waiting) one.keep();
    };
    try {
      together(keep);
    } catch (cause) {
      throw new NotKept(cause);
    }
    for (const one of waiting) one.kept();
  }

  #take(stanza: Element): void {
    const { session, hasArchive } = this.#options;
    if (stanza.attrs.type === 'error') {
      this.#takeError(stanza);
      return;
    }
    if (this.archive.take(stanza)) return;
    const own = session.bareJid;
    const carbon = stanza.getChild('sent', NS.carbons) ?? stanza.getChild('received', NS.carbons);
    if (carbon) {
      this.#takeCarbon(stanza, carbon, own);
      return;
    }
    const message = decodeMessage(stanza, own);
    if (!message) return;
    const archiveId = hasArchive() ? archiveIdOf(stanza, own) : undefined;
    this.#takeMessage(message, { via: 'server', archiveId, stamp: delayOf(stanza, own), mayConfirm: true });
  }

  /** The session is new: what was learnt about others' clients is old. */
  reset(): void {
    this.#noTyping.clear();
    this.#composing.clear();
    this.archive.reset();
    // what a program that was killed had not taken comes out of the archive, and was written before
    this.#early = this.archive.hasPlace ? [] : undefined;
  }

  /** The archive has been read, or is not waited for any longer: what came live meanwhile has its turn. */
  release(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    try {
      for (const { message, carriage } of early) this.#takeMessage(message, carriage);
      this.settle();
    } catch (error) {
      if (!(error instanceof NotKept)) throw error;
      // no room: what is left is read at the next login
      this.archive.loseTrack();
    }
  }

  #takeCarbon(stanza: Element, carbon: Element, own: string): void {
    // XEP-0280 §11: only our own account copies to us; a copy from anybody else is a forgery
    const from = stanza.attrs.from;
    if (from !== undefined && from.toLowerCase() !== own) {
      this.#options.log('warn', 'xmpp.carbon-forged');
      return;
    }
    const forwarded = carbon.getChild('forwarded', NS.forward);
    const inner = forwarded?.getChild('message', NS.client);
    const message = inner && decodeMessage(inner, own);
    if (!forwarded || !inner || !message || message.type === 'error') return;
    const party = carbon.getName() === 'sent' ? message.from : message.to;
    if (party !== own) return;
    const archiveId = this.#options.hasArchive() ? archiveIdOf(inner, own) : undefined;
    // the device the text was sent to confirms it
    const stamp = forwardedDelayOf({ envelope: stanza, forwarded, message: inner }, own);
    this.#takeMessage(message, { via: 'carbon', archiveId, stamp, mayConfirm: false });
  }

  #takeArchived({ archiveId, message: stanza, stamp, isNews, isPast }: Archived): void {
    const message = decodeMessage(stanza, this.#options.session.bareJid);
    if (!message || message.type === 'error') return;
    this.#takeMessage(message, { via: 'archive', archiveId, stamp, mayConfirm: isNews, isPast });
  }

  #takeMessage(message: DecodedMessage, carriage: Carriage): void {
    // XEP-0045: rooms are not spoken here, and their texts are nobody's talk
    if (message.type === 'groupchat') return;
    const { archiveId } = carriage;
    if (archiveId !== undefined && this.#seen.has(archiveId)) return;
    if (archiveId !== undefined && carriage.via !== 'archive' && this.#early) {
      this.#early.push({ message, carriage });
      return;
    }
    const { keep, kept } = this.#handOver(message, carriage);
    const done = (): void => {
      kept?.();
      if (archiveId !== undefined) this.#seen.add(archiveId);
    };
    if (!keep) {
      done();
      if (archiveId !== undefined && carriage.via !== 'archive' && this.#waiting.length === 0)
        this.archive.note(archiveId);
      return;
    }
    this.#waiting.push({
      keep: () => {
        keep();
        if (archiveId !== undefined && carriage.via !== 'archive') this.archive.note(archiveId);
      },
      kept: done,
    });
  }

  /** What is to be kept of it, and what is to be done when it is. */
  #handOver(message: DecodedMessage, carriage: Carriage): Partial<Waiting> {
    const own = this.#options.session.bareJid;
    const outgoing = message.from === own && message.to !== own;
    const peer = outgoing ? message.to : message.from;
    const isOurs = outgoing && message.fromResource === parseJid(this.#options.session.jid)?.resource;
    if (isOurs && carriage.via === 'archive' && message.id) this.outbox.archived(message.id);
    const at = Math.min(carriage.stamp ?? this.#options.now(), this.#options.now());
    if (!outgoing) this.#takeMarks(message, peer, at);
    if (!outgoing && carriage.via === 'server') this.#takeChatState(message, peer);
    // its line stands behind those of the texts before it
    if (mayBeFile(message)) this.settle();
    const isFile = this.#options.takeFile(message, carriage);
    const text = [message.subject, isFile ? '' : (message.text ?? '')].filter((part) => part !== '').join('\n');
    const isText = text !== '';
    const unshown = isText || isFile ? undefined : unshownOf(message);
    const markable = isText && !outgoing && message.id !== '' && message.markable && !carriage.isPast;
    const wanted = !outgoing && message.id !== '' && message.wantsReceipt && carriage.mayConfirm;
    const facts = { outgoing, peer, at, text, unshown, wanted };
    let isNew = false;
    let result: ReturnType<MessageReceiver> | undefined;
    const kept = (): void => {
      if (isNew && result === 'duplicate') this.#markable.take(peer, message.id);
      // XEP-0184 §5.5: when it is received, and again for a copy that came because our word was lost on the way
      const first = carriage.via === 'server' || result !== 'duplicate';
      if (wanted && first && (isText || isFile)) this.confirmations.send('received', peer, message.id);
    };
    // neither a receipt nor a mark for what cannot be shown: its sender would take it for read
    if (!isText && !unshown) return { kept };
    const keep = (): void => {
      // before the text: a program killed in between gets the text again, and could not tell later that it was read
      isNew = markable && this.#markable.add(peer, message.id);
      result = this.#keep(message, carriage, facts);
      if (!message.isCut || result !== 'stored') return;
      const end = { ...message, id: `${message.id}#end` };
      this.#keep(end, { ...carriage, archiveId: undefined }, { ...facts, text: '', unshown: 'cut' });
    };
    return { keep, kept };
  }

  #keep(
    message: DecodedMessage,
    carriage: Carriage,
    { outgoing, peer, at, text, unshown, wanted }: KeptFacts,
  ): ReturnType<MessageReceiver> | undefined {
    const { receiver } = this;
    if (!receiver) {
      this.#options.log('error', 'xmpp.no-receiver');
      return undefined;
    }
    const incoming: IncomingMessage = {
      id: message.id || carriage.archiveId || `${at}`,
      ...(carriage.archiveId === undefined ? {} : { archiveId: carriage.archiveId }),
      direction: outgoing ? 'outgoing' : 'incoming',
      peer: addressOf(peer),
      ...(message.nick === undefined || outgoing ? {} : { peerName: message.nick }),
      text,
      ...(unshown && { unshown }),
      sentAt: at,
      delayed: carriage.stamp !== undefined,
      ...(carriage.isPast && { isPast: true }),
      ...(wanted && !unshown && { deliveryWanted: at }),
    };
    return receiver(incoming);
  }

  #takeMarks(message: DecodedMessage, peer: string, at: number): void {
    for (const id of [message.received, message.displayed]) if (id) this.outbox.arrived(id);
    for (const [mark, id] of [
      ['delivered', message.received],
      ['read', message.displayed],
    ] as const) {
      const fact = `${mark} ${id} ${peer}`;
      // every device of theirs says so
      if (!id || this.#told.has(fact)) continue;
      this.#told.add(fact);
      this.#mark.emit({ peer: addressOf(peer), id, mark, at });
    }
  }

  #takeChatState({ chatState, text }: DecodedMessage, peer: string): void {
    // XEP-0085 §5.1: a text without a state is from a client that knows none
    if (text && !chatState) this.#noTyping.add(peer);
    if (!chatState) return;
    this.#noTyping.delete(peer);
    const composing = chatState === 'composing';
    if (composing === this.#composing.has(peer)) return;
    if (composing) this.#composing.add(peer);
    else this.#composing.delete(peer);
    this.#typing.emit({ peer: addressOf(peer), state: composing ? 'composing' : 'paused' });
  }

  #takeError(stanza: Element): void {
    const peer = parseJid(stanza.attrs.from)?.bare;
    const { id } = stanza.attrs;
    if (!peer || !id) return;
    const error = stanzaErrorOf(stanza);
    if (isAuxiliary(id)) {
      // who is only away may be told again later
      if (error.code !== 'peer-offline') this.#noTyping.add(peer);
      return;
    }
    if (this.outbox.refused(id, peer, error)) return;
    this.#mark.emit({ peer: addressOf(peer), id, mark: 'failed', at: this.#options.now(), error });
  }
}
