import { randomUUID } from 'node:crypto';
import { type Message, type Route, refuse, type Talk } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { EventBatch } from '../event-batch.ts';
import type { Driver } from '../store/driver.ts';
import type { MessageRows } from './message-rows.ts';

interface Row {
  id: string;
  person_id: string;
  account_id: string;
  address: string;
  route_chosen: number;
  draft: string;
  unread: number;
  read_up_to: number;
  last_sequence: number | null;
  active_at: number;
}

interface LiveTalk extends Talk {
  /** A person chose the route: it stays, whoever writes from where. */
  routeChosen: boolean;
  /** The sequence up to which everything was seen. */
  readUpTo: number;
}

export interface TalksParts {
  driver: Driver;
  messages: MessageRows;
  events: EventBatch;
  /** Unread messages of all talks, after every change of it. */
  unreadChanged: (count: number) => void;
  clock: Clock;
}

/** One talk per person, with its route, draft and what is unread. All of them in memory, each change on disk first. */
export class Talks {
  readonly #parts: TalksParts;
  readonly #talks = new Map<string, LiveTalk>();
  readonly #byPerson = new Map<string, string>();
  /** Talks whose draft the disk did not take. */
  readonly #unsaved = new Set<string>();

  constructor(parts: TalksParts) {
    this.#parts = parts;
    for (const row of parts.driver.all<Row>('SELECT * FROM talks')) {
      this.#index({
        id: row.id,
        personId: row.person_id,
        route: { accountId: row.account_id, address: row.address },
        routeChosen: row.route_chosen === 1,
        unread: row.unread,
        readUpTo: row.read_up_to,
        last: row.last_sequence === null ? null : (parts.messages.bySequence(row.last_sequence) ?? null),
        draft: row.draft,
        activeAt: row.active_at,
      });
    }
  }

  get views(): Talk[] {
    return [...this.#talks.values()].map(toView);
  }

  get unread(): number {
    let count = 0;
    for (const talk of this.#talks.values()) count += talk.unread;
    return count;
  }

  /** Of the talks that go by this account. */
  unreadOn(accountId: string): number {
    let count = 0;
    for (const { route, unread } of this.#talks.values()) if (route.accountId === accountId) count += unread;
    return count;
  }

  find(talkId: string): Readonly<LiveTalk> | undefined {
    return this.#talks.get(talkId);
  }

  must(talkId: string): Readonly<LiveTalk> {
    const talk = this.#talks.get(talkId);
    if (!talk) throw refuse('not-found');
    return talk;
  }

  view(talkId: string): Talk {
    return toView(this.must(talkId));
  }

  ofPerson(personId: string): string | undefined {
    return this.#byPerson.get(personId);
  }

  onAccount(accountId: string): Talk[] {
    return this.views.filter(({ route }) => route.accountId === accountId);
  }

  /** The talk with this person, made with this route when there was none. */
  open(personId: string, route: Route, activeAt: number = this.#parts.clock.now()): string {
    const known = this.#byPerson.get(personId);
    if (known !== undefined) return known;
    const talk: LiveTalk = {
      id: randomUUID(),
      personId,
      route,
      routeChosen: false,
      unread: 0,
      readUpTo: 0,
      last: null,
      draft: '',
      activeAt,
    };
    this.#save(talk);
    this.#index(talk);
    this.#parts.driver.onRollback(() => this.#unindex(talk));
    this.#tell(talk.id);
    return talk.id;
  }

  chooseRoute(talkId: string, route: Route): void {
    this.#change(talkId, { route, routeChosen: true });
  }

  /** They wrote from there, or there is no other way now: the route follows unless it was chosen. */
  followRoute(talkId: string, route: Route): void {
    const talk = this.must(talkId);
    const same = talk.route.accountId === route.accountId && talk.route.address === route.address;
    if (!same && !talk.routeChosen) this.#change(talkId, { route });
  }

  /** The chosen way is gone. */
  loseRoute(talkId: string, instead: Route): void {
    this.#change(talkId, { route: instead, routeChosen: false });
  }

  setDraft(talkId: string, draft: string): void {
    if (this.must(talkId).draft !== draft) this.#change(talkId, { draft });
  }

  /**
   * The same for what is half written. Where the disk takes nothing it is in memory until it does, and the error is thrown
   * all the same.
   */
  keepDraft(talkId: string, draft: string): void {
    try {
      this.setDraft(talkId, draft);
    } catch (error) {
      const talk = this.must(talkId) as LiveTalk;
      talk.draft = draft;
      this.#unsaved.add(talkId);
      this.#tell(talkId);
      throw error;
    }
  }

  /** Those that only memory has. */
  saveDrafts(): void {
    for (const talkId of this.#unsaved) {
      const talk = this.#talks.get(talkId);
      if (talk) this.#save(talk);
      this.#unsaved.delete(talkId);
    }
  }

  /** A new message stands at the end. */
  appended(message: Message, unread: boolean): void {
    const talk = this.must(message.talkId);
    this.#change(message.talkId, {
      last: message,
      unread: talk.unread + (unread ? 1 : 0),
      // what comes late out of an archive does not bring an old talk to the top
      activeAt: Math.max(talk.activeAt, message.at),
    });
  }

  /** A message has a new state; the talk shows it when it is its last. */
  messageChanged(message: Message): void {
    const talk = this.#talks.get(message.talkId);
    if (talk?.last?.id !== message.id) return;
    const before = talk.last;
    talk.last = message;
    this.#parts.driver.onRollback(() => {
      talk.last = before;
    });
    this.#tell(talk.id);
  }

  read(talkId: string, upTo: number, unread: number): void {
    this.#change(talkId, { readUpTo: upTo, unread });
  }

  /**
   * The talks of two people become one of the second, under a new id, so that whoever shows one of them begins anew. Undefined
   * when there was none.
   */
  join(personId: string, into: string, route: Route): string | undefined {
    const both = [this.#byPerson.get(into), this.#byPerson.get(personId)].flatMap(
      (id) => this.#talks.get(id ?? '') ?? [],
    );
    const [first] = both;
    if (!first) return undefined;
    const unseen = both.filter(({ unread }) => unread > 0);
    const talk: LiveTalk = {
      id: randomUUID(),
      personId: into,
      route,
      routeChosen: false,
      unread: both.reduce((sum, { unread }) => sum + unread, 0),
      // what one of them had not seen is not seen
      readUpTo:
        unseen.length > 0
          ? Math.min(...unseen.map((each) => each.readUpTo))
          : Math.max(...both.map((each) => each.readUpTo)),
      last: both.reduce<Message | null>(
        (last, each) => (each.last && each.last.sequence > (last?.sequence ?? 0) ? each.last : last),
        null,
      ),
      draft: both
        .map(({ draft }) => draft)
        .filter(Boolean)
        .join('\n'),
      activeAt: Math.max(...both.map((each) => each.activeAt)),
    };
    talk.last = talk.last && { ...talk.last, talkId: talk.id };
    for (const { id } of both) {
      this.#parts.messages.moveTalk(id, talk.id);
      this.remove(id);
    }
    this.#save(talk);
    this.#index(talk);
    this.#parts.driver.onRollback(() => this.#unindex(talk));
    this.#tell(talk.id);
    return talk.id;
  }

  remove(talkId: string): void {
    const talk = this.must(talkId) as LiveTalk;
    this.#parts.driver.run('DELETE FROM talks WHERE id = ?', talkId);
    this.#unindex(talk);
    this.#parts.driver.onRollback(() => this.#index(talk));
    this.#tell(talkId);
  }

  #change(talkId: string, changes: Partial<LiveTalk>): void {
    const talk = this.must(talkId) as LiveTalk;
    const before = { ...talk };
    this.#save({ ...talk, ...changes });
    Object.assign(talk, changes);
    this.#parts.driver.onRollback(() => Object.assign(talk, before));
    this.#tell(talkId);
  }

  #save(talk: LiveTalk): void {
    this.#parts.driver.run(
      `INSERT INTO talks (id, person_id, account_id, address, route_chosen, draft, unread, read_up_to, last_sequence,
         active_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, address = excluded.address,
         route_chosen = excluded.route_chosen, draft = excluded.draft, unread = excluded.unread,
         read_up_to = excluded.read_up_to, last_sequence = excluded.last_sequence, active_at = excluded.active_at`,
      talk.id,
      talk.personId,
      talk.route.accountId,
      talk.route.address,
      talk.routeChosen,
      talk.draft,
      talk.unread,
      talk.readUpTo,
      talk.last?.sequence,
      talk.activeAt,
    );
  }

  #index(talk: LiveTalk): void {
    this.#talks.set(talk.id, talk);
    this.#byPerson.set(talk.personId, talk.id);
  }

  #unindex(talk: LiveTalk): void {
    this.#talks.delete(talk.id);
    this.#byPerson.delete(talk.personId);
  }

  #tell(talkId: string): void {
    const { events } = this.#parts;
    // looked at when it is told: a hundred messages in one turn are one change
    events.defer(`talk ${talkId}`, () => {
      const talk = this.#talks.get(talkId);
      events.emit({ type: 'talks', changed: talk ? [toView(talk)] : [], removed: talk ? [] : [talkId] });
    });
    events.defer('unread', () => this.#parts.unreadChanged(this.unread));
  }
}

const toView = ({ id, personId, route, unread, last, draft, activeAt }: LiveTalk): Talk => ({
  id,
  personId,
  route,
  unread,
  last,
  draft,
  activeAt,
});
