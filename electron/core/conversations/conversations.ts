import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Address,
  type MessageMark,
  type MessageReceiver,
  type MessagingOperationSet,
  type Provider,
  ProviderError,
  type Unsubscribe,
} from '../../../protocols/contract/index.ts';
import {
  type Fault,
  type Message,
  type MessageState,
  type Route,
  refuse,
  type Settings,
  type Talk,
} from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { EventBatch } from '../event-batch.ts';
import { faultOf } from '../fault.ts';
import type { Log } from '../log.ts';
import type { People } from '../people/people.ts';
import type { Driver } from '../store/driver.ts';
import { StoreError } from '../store/store-error.ts';
import type { FileLine, TransferTalks } from '../transfers/index.ts';
import { Eraser } from './eraser.ts';
import { keepIncoming } from './incoming.ts';
import { MessageRows } from './message-rows.ts';
import { messageMayMove } from './message-state.ts';
import type { Notifier } from './notifier.ts';
import { Outbox } from './outbox.ts';
import { Reports } from './reports.ts';
import { hasWords, searchParts, searchQuery } from './search-query.ts';
import { Talks } from './talks.ts';
import { Typing } from './typing.ts';

/** Messages looked through in one turn of the loop. */
const SEARCH_SPAN = 10_000;
/** So many messages at most are read to be asked one by one whether they have the words, too. */
const FEW = 2_000;
const EVERY = Number.MAX_SAFE_INTEGER;
/** Unread texts of one person, and of all together, beyond which no more are taken where no server sets limits. */
const MOST_UNREAD = 2_000;
const MOST_UNREAD_TOGETHER = 10_000;

export interface ConversationsParts {
  driver: Driver;
  people(): People;
  notifier: Notifier;
  events: EventBatch;
  settings(): Settings;
  isAccount(accountId: string): boolean;
  isOnline(accountId: string): boolean;
  unreadChanged: (count: number) => void;
  log: Log;
  clock: Clock;
}

interface Attached {
  messaging: MessagingOperationSet | undefined;
  undo: Unsubscribe[];
}

/** How many texts at most are told to have been read at once: beyond a screenful nobody counts. */
const MAXIMUM_READ_MARKS = 100;

/** Talks and their messages: what is written, what arrives, what became of it. */
export class Conversations implements TransferTalks {
  readonly talks: Talks;
  readonly #parts: ConversationsParts;
  readonly #messages: MessageRows;
  readonly #outbox: Outbox;
  readonly #reports: Reports;
  readonly #typing: Typing;
  readonly #eraser: Eraser;
  readonly #attached = new Map<string, Attached>();

  constructor(parts: ConversationsParts) {
    this.#parts = parts;
    const { driver, events, log, clock } = parts;
    this.#messages = new MessageRows(driver);
    const messages = this.#messages;
    this.talks = new Talks({ driver, messages, events, clock, unreadChanged: parts.unreadChanged });
    const messaging = (accountId: string): MessagingOperationSet | undefined =>
      parts.isOnline(accountId) ? this.#attached.get(accountId)?.messaging : undefined;
    this.#outbox = new Outbox({
      messages,
      messaging,
      settle: (id, state, error, outbox) => this.#settle(id, state, error && faultOf(error), outbox),
      log,
      clock,
    });
    this.#reports = new Reports({
      driver,
      messages,
      messaging,
      tellsRead: () => parts.settings().sendRead,
      log,
      clock,
    });
    this.#typing = new Typing({ messaging, emit: events.emit, clock });
    this.#eraser = new Eraser(messages, log);
    this.#eraser.wake();
  }

  /** Without a server there is none that limits what the same network sends. */
  #isFull(provider: Provider, { accountId, address }: Route): boolean {
    if (provider.operationSet('contactList')?.kept !== 'discovered') return false;
    const personId = this.#parts.people().personOf(address);
    const talkId = personId === undefined ? undefined : this.talks.ofPerson(personId);
    if (talkId !== undefined && this.talks.must(talkId).unread >= MOST_UNREAD) return true;
    return this.talks.unreadOn(accountId) >= MOST_UNREAD_TOGETHER;
  }

  attach(accountId: string, provider: Provider): void {
    const messaging = provider.operationSet('messaging');
    const undo: Unsubscribe[] = [];
    this.#attached.set(accountId, { messaging, undo });
    if (!messaging) return;
    const { driver, clock } = this.#parts;
    /** What is told of texts that are on disk together, once they are. */
    let later: (() => void)[] | undefined;
    const tell = (work: () => void): void => {
      if (later) later.push(work);
      else work();
    };
    messaging.together = (work) => {
      if (later) return work();
      const told: (() => void)[] = [];
      later = told;
      let result: ReturnType<typeof work>;
      try {
        result = driver.transaction(work);
      } finally {
        later = undefined;
      }
      // they are on disk: a fault in what is told of one is no reason to ask for any of them again, or to keep quiet about the next
      for (const one of told) this.#safely(one);
      return result;
    };
    const keep: MessageReceiver = (incoming) =>
      keepIncoming(
        {
          driver,
          messages: this.#messages,
          talks: this.talks,
          people: this.#parts.people(),
          own: provider.address,
          isFull: (route) => this.#isFull(provider, route),
          stored: (message, isNews) => tell(() => (isNews ? this.#arrived(message) : this.#tell(message))),
          owed: (route, again) => tell(() => (again ? this.#reports.pay(route) : this.#reports.owes(route.accountId))),
          proven: (account, mark) => tell(() => this.#takeMark(account, mark, 'sent')),
          clock,
        },
        accountId,
        incoming,
      );
    messaging.receiver = (incoming) => {
      try {
        return keep(incoming);
      } catch (error) {
        // the provider only refuses it, as it should where the disk is full: a bug would leave no trace
        if (!(error instanceof StoreError)) this.#parts.log.error('message.not-kept', error);
        throw error;
      }
    };
    undo.push(
      messaging.onReported((report) => this.#reports.paid(accountId, report)),
      messaging.onMark((mark) => this.#safely(() => this.#takeMark(accountId, mark, mark.mark))),
      messaging.onTyping(({ peer, state }) => {
        const talkId = this.#talkOf(peer);
        if (talkId !== undefined) this.#typing.told(talkId, { accountId, address: peer }, state);
      }),
    );
  }

  detach(accountId: string): void {
    for (const undo of this.#attached.get(accountId)?.undo ?? []) undo();
    this.#attached.delete(accountId);
    this.#outbox.forget(accountId);
    this.#typing.forgetAccount(accountId);
  }

  connectionChanged(accountId: string, online: boolean): void {
    if (!online) {
      this.#typing.forgetAccount(accountId);
      return;
    }
    this.#safely(() => {
      this.#outbox.online(accountId);
      this.#reports.pay({ accountId });
    });
  }

  /** The disk takes writes again: what it refused is written, and what waited for that goes on. */
  roomAgain(): void {
    this.#safely(() => this.talks.saveDrafts());
    for (const accountId of this.#attached.keys()) {
      if (this.#parts.isOnline(accountId)) this.#safely(() => this.#outbox.online(accountId));
    }
  }

  peerBack(route: Route): void {
    this.#outbox.peerBack(route);
    this.#safely(() => this.#reports.pay(route));
  }

  /** What was not sent yet is not sent later, out of the blue; routes move to where there still is one. */
  forgetAccount(accountId: string): void {
    for (const { id } of this.#messages.inOutbox(accountId)) {
      this.#settle(id, 'failed', { code: 'cancelled', retryable: false }, false);
    }
    for (const talk of this.talks.onAccount(accountId)) {
      const instead = this.#parts.people().bestRoute(talk.personId);
      if (instead) this.talks.loseRoute(talk.id, instead);
    }
  }

  close(): void {
    this.#outbox.close();
    this.#safely(() => this.#reports.close());
    this.#typing.close();
    this.#eraser.close();
  }

  open(personId: string): Talk {
    const known = this.talks.ofPerson(personId);
    if (known !== undefined) return this.talks.view(known);
    const route = this.#parts.people().bestRoute(personId);
    if (!route) throw refuse('not-found');
    return this.talks.view(this.talks.open(personId, route));
  }

  openRoute(route: Route): Talk {
    const talkId = this.#parts.driver.transaction(() => {
      const opened = this.talks.open(this.#parts.people().meet(route), route);
      const { accountId, address } = this.talks.must(opened).route;
      if (accountId !== route.accountId || address !== route.address) this.talks.chooseRoute(opened, route);
      return opened;
    });
    return this.talks.view(talkId);
  }

  setRoute(talkId: string, route: Route): void {
    const { personId } = this.talks.must(talkId);
    if (!this.#parts.isAccount(route.accountId) || !this.#parts.people().hasAddress(personId, route)) {
      throw refuse('not-found');
    }
    this.talks.chooseRoute(talkId, route);
  }

  /** On disk when it returns; on its way when the account is online. */
  send(talkId: string, text: string, messageId: string = randomUUID()): Message {
    const { route } = this.talks.must(talkId);
    const known = this.#messages.byId(messageId);
    if (known) {
      // the same call again, such as after a window was reloaded
      if (known.message.talkId === talkId && known.message.text === text) return known.message;
      throw refuse('already-exists');
    }
    if (text.trim() === '') throw refuse('command-invalid');
    if (!this.#parts.isAccount(route.accountId)) throw refuse('not-available-here');
    const maximum = this.#attached.get(route.accountId)?.messaging?.maximumBytes;
    if (maximum !== undefined && Buffer.byteLength(text) > maximum) throw new ProviderError('too-big');
    const message = this.#parts.driver.transaction(() => {
      const stored = this.#messages.insert({
        id: messageId,
        talkId,
        direction: 'outgoing',
        kind: 'text',
        text,
        transferId: null,
        at: this.#parts.clock.now(),
        state: 'queued',
        route,
        protocolId: messageId,
        outbox: true,
      });
      this.talks.appended(stored, false);
      // with the text on its way, what was half written is done
      this.talks.setDraft(talkId, '');
      return stored;
    });
    this.#typing.sent(talkId);
    this.#tell(message);
    this.#outbox.kick(route);
    return message;
  }

  retry(messageId: string): void {
    const known = this.#messages.byId(messageId);
    if (!known || !this.talks.find(known.message.talkId)) throw refuse('not-found');
    const { direction, kind, state, route } = known.message;
    if (direction !== 'outgoing' || kind !== 'text' || state !== 'failed') throw refuse('wrong-state');
    if (!this.#parts.isAccount(route.accountId)) throw refuse('not-available-here');
    const message = this.#messages.setState(messageId, 'queued', null, true);
    if (message) this.#changed(message);
    this.#outbox.kick(route);
  }

  page(talkId: string, before: number | undefined, after: number | undefined, limit: number) {
    this.talks.must(talkId);
    const found = this.#messages.page(talkId, { before, after, limit: limit + 1 });
    const more = found.length > limit;
    // the one too many is at the far end
    if (more && after === undefined) found.shift();
    else if (more) found.pop();
    return { messages: found, more };
  }

  /** Newest first. */
  async search(query: string, talkId: string | undefined, limit: number): Promise<Message[]> {
    if (talkId !== undefined) this.talks.must(talkId);
    const { words, parts, grams } = searchParts(query);
    const match = searchQuery(words);
    if (match !== undefined) {
      const few = parts.length > 0 && grams !== undefined && this.#messages.gramsReach(grams, EVERY, FEW) === 0;
      if (!few) return this.#messages.search(match, parts, talkId, limit);
      // asked of each: the words may be everywhere, and the index would put all of those together first
      const all = { after: 0, upTo: EVERY };
      const fitting = this.#messages
        .withGrams(grams, parts, all, talkId, FEW)
        .filter(({ text }) => hasWords(text, words));
      return fitting.slice(0, limit);
    }
    const found: Message[] = [];
    if (parts.length === 0) return found;
    let upTo = this.#messages.lastSequence();
    while (upTo > 0 && found.length < limit) {
      const left = limit - found.length;
      if (grams === undefined) {
        const range = { after: Math.max(0, upTo - SEARCH_SPAN), upTo };
        found.push(...this.#messages.containing(parts, range, talkId, left));
        upTo = range.after;
      } else {
        const reach = this.#messages.gramsReach(grams, upTo, SEARCH_SPAN);
        const range = { after: Math.max(0, reach - 1), upTo };
        found.push(...this.#messages.withGrams(grams, parts, range, talkId, left));
        upTo = range.after;
      }
      // many may have the characters and few what was meant: everything else has its turn in between
      await nextTurn();
    }
    return found;
  }

  markRead(talkId: string, upTo: number): void {
    const talk = this.talks.must(talkId);
    const seen = Math.min(upTo, talk.last?.sequence ?? 0);
    if (seen <= talk.readUpTo) return;
    const fresh = this.#parts.settings().sendRead
      ? this.#messages.incoming(talkId, talk.readUpTo, seen, MAXIMUM_READ_MARKS)
      : [];
    const texts = fresh.filter(({ message, protocolId }) => message.kind === 'text' && protocolId !== null);
    this.#parts.driver.transaction(() => {
      this.talks.read(talkId, seen, this.#messages.countIncoming(talkId, seen));
      for (const { message } of texts) this.#messages.oweRead(message.id);
    });
    for (const { message, protocolId } of texts) this.#reports.tellRead(message.route, protocolId ?? '');
  }

  typing(talkId: string, composing: boolean): void {
    const { route } = this.talks.must(talkId);
    if (this.#parts.settings().sendTyping || !composing) this.#typing.write(talkId, route, composing);
  }

  /** Two that are the same person: their addresses and their talks become one. `moved` is told of each talk that went. */
  join(personId: string, into: string, moved: (talkId: string, into: string) => void): string | undefined {
    const people = this.#parts.people();
    if (personId === into) throw refuse('command-invalid');
    const route = people.bestRoute(into) ?? people.bestRoute(personId);
    if (!people.find(personId) || !people.find(into) || !route) throw refuse('not-found');
    const former = [personId, into].flatMap((id) => this.talks.ofPerson(id) ?? []);
    const talkId = this.#parts.driver.transaction(() => {
      const joined = this.talks.join(personId, into, route);
      if (joined !== undefined) for (const id of former) moved(id, joined);
      people.join(personId, into);
      return joined;
    });
    for (const id of former) {
      this.#typing.heard(id);
      this.#typing.sent(id);
    }
    return talkId;
  }

  /** Gone at once for everybody, from the disk a little later; the person stays when they are in a list. */
  remove(talkId: string): void {
    const { personId } = this.talks.must(talkId);
    this.#parts.driver.transaction(() => {
      this.#messages.giveUpTalk(talkId);
      this.talks.remove(talkId);
      this.#parts.people().forgetTalk(personId);
    });
    this.#typing.heard(talkId);
    this.#typing.sent(talkId);
    this.#eraser.wake();
  }

  // what the transfers need

  routeOf(talkId: string): Route | undefined {
    return this.talks.find(talkId)?.route;
  }

  talkFor({ route, at, isPast }: Pick<FileLine, 'route' | 'at' | 'isPast'>, peerName: string | undefined): string {
    const person = this.#parts.people().meet(route, peerName);
    const talkId = this.talks.open(person, route, Math.min(at, this.#parts.clock.now()));
    if (!isPast) this.talks.followRoute(talkId, route);
    return talkId;
  }

  addFile(talkId: string, { transferId, direction, name, at, route, isPast }: FileLine): string {
    const incoming = direction === 'incoming';
    const news = incoming && !isPast;
    const message = this.#messages.insert({
      id: randomUUID(),
      talkId,
      direction,
      kind: 'file',
      text: name,
      transferId,
      at: Math.min(at, this.#parts.clock.now()),
      state: incoming ? 'received' : 'queued',
      route,
    });
    this.talks.appended(message, news);
    if (isPast && this.talks.must(talkId).unread === 0) this.talks.read(talkId, message.sequence, 0);
    if (news) this.#arrived(message);
    else this.#tell(message);
    return message.id;
  }

  markFile(messageId: string, state: MessageState): void {
    const message = this.#messages.setState(messageId, state, null, false);
    if (message) this.#changed(message);
  }

  sendText(talkId: string, text: string): void {
    this.send(talkId, text);
  }

  /** Nothing may be thrown into a provider's events: a disk that takes no mark costs that mark and no more. */
  #safely(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#parts.log.error('conversations.failed', error);
    }
  }

  #arrived(message: Message): void {
    this.#tell(message);
    if (message.direction !== 'incoming') return;
    this.#typing.heard(message.talkId);
    this.#parts.notifier.arrived(message);
  }

  #talkOf(peer: Address): string | undefined {
    const personId = this.#parts.people().personOf(peer);
    return personId === undefined ? undefined : this.talks.ofPerson(personId);
  }

  #takeMark(accountId: string, { peer, id, error }: MessageMark, to: 'sent' | 'delivered' | 'read' | 'failed'): void {
    const fault = to === 'failed' ? faultOf(error ?? new ProviderError('internal')) : null;
    this.#parts.driver.transaction(() => {
      for (const { message } of this.#messages.byProtocolId({ accountId, address: peer }, 'outgoing', id)) {
        this.#settle(message.id, to, fault, false);
        if (to !== 'read') continue;
        // who has read this has read what they had before it
        for (const earlier of this.#messages.deliveredBefore(message)) this.#settle(earlier.id, 'read', null, false);
      }
    });
  }

  /** Writes a new state and tells it, when it is one further on. */
  #settle(id: string, state: MessageState, fault: Fault | null, outbox: boolean): void {
    const known = this.#messages.byId(id);
    if (!known || !messageMayMove(known.message.state, state)) return;
    const message = this.#messages.setState(id, state, fault, outbox);
    if (message) this.#changed(message);
  }

  #changed(message: Message): void {
    this.talks.messageChanged(message);
    this.#tell(message);
  }

  #tell(message: Message): void {
    this.#parts.events.emit({ type: 'messages', changed: [message] });
  }
}
