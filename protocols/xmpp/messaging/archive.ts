import { randomUUID } from 'node:crypto';
import { ProviderError, type ProviderLog, type ProviderStorage } from '../../contract/index.ts';
import { parseJid } from '../address.ts';
import { NS } from '../namespaces.ts';
import type { Session } from '../session/session.ts';
import { type Element, xml } from '../stream/xml.ts';
import { forwardedDelayOf } from './delay.ts';

const PAGE = 50;
/** Texts fetched at the very first login; older ones stay on the server. */
const FIRST_LOGIN = 500;
const NEWEST = 'archive.newest';
const BACKFILL = 'archive.backfill';
/** When the very first reading began, ms since the epoch. */
const FIRST_READING = 'archive.first';
/** In place of the newest id: there was nothing yet, and all that comes is news. */
const NOTHING = '';

export interface Archived {
  archiveId: string;
  message: Element;
  stamp: number | undefined;
  /** False while the past of an account is fetched for the first time: its receipts are long sent. */
  isNews: boolean;
  /** From before the very first login of this account here. */
  isPast: boolean;
}

interface Page {
  first: string | undefined;
  last: string | undefined;
  complete: boolean;
}

/**
 * Keeps in step with the server's archive (XEP-0313): from the last id seen on, or at the very first login the newest page
 * and then older ones, up to a bound. The place reached is in storage, so what an interruption left is fetched next time.
 * Results are handed over in the turn of their bytes, as any other message, and so come again when they could not be kept.
 */
export class Archive {
  readonly #session: Session;
  readonly #storage: ProviderStorage;
  readonly #log: ProviderLog;
  readonly #now: () => number;
  readonly #deliver: (archived: Archived) => void;
  #query: { id: string; isNews: boolean; isPast: boolean } | undefined;
  /** True once nothing lies between the stored id and the live messages. */
  #caughtUp = false;
  /** The very first reading began then, and was broken off: what came since is news. */
  #brokenOff: number | undefined;
  #run = 0;

  constructor(
    session: Session,
    { storage, log, now }: { storage: ProviderStorage; log: ProviderLog; now: () => number },
    deliver: (archived: Archived) => void,
  ) {
    this.#session = session;
    this.#storage = storage;
    this.#log = log;
    this.#now = now;
    this.#deliver = deliver;
  }

  /** A live message has this id in the archive. */
  note(archiveId: string): void {
    if (this.#caughtUp) this.#storage.put(NEWEST, archiveId);
  }

  /** An earlier visit has come to a place, from which this one reads on. */
  get hasPlace(): boolean {
    return this.#storage.get(NEWEST) !== undefined;
  }

  /** Something was not kept: the place reached is not moved past it in this session. */
  loseTrack(): void {
    this.#caughtUp = false;
  }

  /** A new session: nothing of the old one's reading goes on. */
  reset(): void {
    this.#run += 1;
    this.#caughtUp = false;
    this.#query = undefined;
  }

  /**
   * Reads on. `onCurrent` is told when all that is newer than the last visit has been read; older pages follow after that.
   * Never rejects: what could not be read now is read at the next login.
   */
  async catchUp(onCurrent: () => void): Promise<void> {
    const run = this.#run;
    try {
      const newest = this.#storage.get(NEWEST);
      const first = this.#storage.get(FIRST_READING);
      this.#brokenOff = first === undefined ? undefined : Number(first);
      if (newest === undefined && first === undefined) this.#storage.put(FIRST_READING, `${this.#now()}`);
      if (newest === undefined || !(await this.#readNewer(newest, run)))
        await this.#readNewest(newest === undefined, run);
      if (run !== this.#run) return;
      this.#caughtUp = true;
      onCurrent();
      await this.#readOlder(run);
    } catch (cause) {
      const { code, protocolCode } = ProviderError.from(cause);
      this.#log('warn', 'xmpp.archive-unread', { code, condition: protocolCode ?? '' });
      if (run === this.#run) onCurrent();
    }
  }

  /** True when this was a result of ours. Throws what the receiver throws. */
  take(stanza: Element): boolean {
    const result = stanza.getChild('result', NS.archive);
    if (!result) return false;
    // XEP-0313 §4: only from the archive that was asked, and only to the present question
    const from = stanza.attrs.from === undefined ? this.#session.bareJid : parseJid(stanza.attrs.from)?.bare;
    if (from !== this.#session.bareJid || !this.#query || result.attrs.queryid !== this.#query.id) return true;
    const forwarded = result.getChild('forwarded', NS.forward);
    const message = forwarded?.getChild('message', NS.client);
    const archiveId = result.attrs.id;
    if (!forwarded || !message || !archiveId) return true;
    const stamp = forwardedDelayOf({ envelope: stanza, forwarded, message }, this.#session.bareJid);
    const { isNews, isPast } = this.#query;
    const since = isPast && stamp !== undefined && this.#brokenOff !== undefined && stamp >= this.#brokenOff;
    this.#deliver({ archiveId, message, stamp, isNews: isNews || since, isPast: isPast && !since });
    return true;
  }

  /** False when the server does not know the id any more. */
  async #readNewer(from: string, run: number): Promise<boolean> {
    let after = from;
    for (;;) {
      let page: Page;
      try {
        const position = after === NOTHING ? undefined : xml('after', {}, after);
        page = await this.#page({ isNews: true, isPast: false }, position);
      } catch (cause) {
        if (cause instanceof ProviderError && cause.protocolCode === 'item-not-found') return false;
        throw cause;
      }
      if (run !== this.#run) return true;
      // the last id of the page, whether or not anything in it was to be seen
      if (page.last !== undefined) this.#storage.put(NEWEST, page.last);
      if (page.complete || page.last === undefined || page.last === after) return true;
      after = page.last;
    }
  }

  async #readNewest(isPast: boolean, run: number): Promise<void> {
    const page = await this.#page({ isNews: false, isPast }, xml('before'));
    if (run !== this.#run) return;
    if (page.last === undefined) {
      if (page.complete) this.#storage.put(NEWEST, NOTHING);
      return;
    }
    this.#storage.put(NEWEST, page.last);
    if (!page.complete && page.first !== undefined) {
      this.#storage.put(BACKFILL, JSON.stringify({ before: page.first, left: FIRST_LOGIN - PAGE }));
    }
  }

  async #readOlder(run: number): Promise<void> {
    for (;;) {
      const stored = this.#storage.get(BACKFILL);
      if (stored === undefined) return;
      const { before, left } = JSON.parse(stored) as { before: string; left: number };
      const page = await this.#page({ isNews: false, isPast: true }, xml('before', {}, before));
      if (run !== this.#run) return;
      const rest = left - PAGE;
      if (page.complete || page.first === undefined || page.first === before || rest <= 0)
        this.#storage.delete(BACKFILL);
      else this.#storage.put(BACKFILL, JSON.stringify({ before: page.first, left: rest }));
    }
  }

  async #page(age: { isNews: boolean; isPast: boolean }, position: Element | undefined): Promise<Page> {
    const query = { id: randomUUID(), ...age };
    this.#query = query;
    const set = xml('set', NS.resultSet, xml('max', {}, PAGE), position);
    const child = xml('query', { xmlns: NS.archive, queryid: query.id }, set);
    const result = await this.#session.iq.request({ type: 'set', child, timeout: 60_000 });
    const fin = result.getChild('fin', NS.archive);
    const bounds = fin?.getChild('set', NS.resultSet);
    return {
      first: bounds?.getChildText('first') || undefined,
      last: bounds?.getChildText('last') || undefined,
      complete: fin?.attrs.complete === 'true' || fin?.attrs.complete === '1',
    };
  }
}
