import type { ProviderError, SendOutcome } from '../../contract/index.ts';
import type { Session } from '../session/session.ts';
import type { Element } from '../stream/xml.ts';
import { withDelay } from './message-codec.ts';
import { Recent } from './recent.ts';

/** So many texts may be on their way to the server at once: a server that is slow to keep them sets the pace. */
const WINDOW = 50;

interface Item {
  stanza: Element;
  id: string;
  /** Bare JID. */
  peer: string;
  composedAt: number;
  settle(outcome: SendOutcome): void;
}

export interface OutboxOptions {
  session: Session;
  /** Whether texts may go out now. */
  isOnline: () => boolean;
  /** Whether a text the server just took waits there for an absent peer. */
  isKept: (peer: string) => boolean;
}

/**
 * Texts on their way to the server: in order, as many as the window allows, each settled by the ack of stream management.
 * What was on its way when a session was lost is held until the archive has shown whether it arrived (`release`), then goes
 * out again under the same id.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #queue: Item[] = [];
  readonly #sent: Item[] = [];
  #lost: Item[] = [];
  #held = false;
  /** The last text of ours in the archive, as far as it has been read. */
  #doubtful: string | undefined;
  #sessionSince = Number.POSITIVE_INFINITY;
  /** Our own texts as the archive or an ack showed them. */
  readonly #arrived = new Recent(2000);

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Resolves with the first answer; never rejects. */
  send(item: Omit<Item, 'settle'>): Promise<SendOutcome> {
    return new Promise((settle) => {
      if (this.#arrived.has(item.id)) {
        settle(this.#success(item.peer));
        return;
      }
      this.#queue.push({ ...item, settle });
      this.flush();
    });
  }

  /** A new session began at this time; whatever is older must first be looked for in the archive. */
  hold(since: number): void {
    this.#sessionSince = since;
    this.#held = true;
    this.#doubtful = undefined;
    this.#queue = [...this.#lost, ...this.#queue];
    this.#lost = [];
  }

  /** The archive has been read, or cannot be. */
  release(): void {
    this.#held = false;
    this.flush();
  }

  /**
   * Our archive holds this text, sent from here. That the server took it is sure only when it holds a later one too: a
   * server handles one after another, and one that crashes may have written ours and not the peer's (Prosody 0.12). The last
   * one goes out once more under its id, which the peer has then perhaps twice and shows once.
   */
  archived(id: string): void {
    if (this.#doubtful !== undefined) this.arrived(this.#doubtful);
    this.#doubtful = id;
  }

  /** The peer, or a later text in the archive, shows that this one arrived. */
  arrived(id: string): void {
    this.#arrived.add(id);
    const found = this.#queue.find((item) => item.id === id);
    if (!found) return;
    this.#queue = this.#queue.filter((item) => item !== found);
    found.settle(this.#success(found.peer));
  }

  /** The other side refused it. True when it had not been settled before. */
  refused(id: string, peer: string, error: ProviderError): boolean {
    const index = this.#sent.findIndex((item) => item.id === id && item.peer === peer);
    const [item] = index === -1 ? [] : this.#sent.splice(index, 1);
    item?.settle({ state: 'failed', error });
    return item !== undefined;
  }

  failAll(error: ProviderError): void {
    const all = [...this.#sent.splice(0), ...this.#lost.splice(0), ...this.#queue.splice(0)];
    for (const item of all) item.settle({ state: 'failed', error });
  }

  flush(): void {
    const { session, isOnline } = this.#options;
    while (isOnline() && this.#sent.length < (session.isCareful ? 1 : WINDOW)) {
      const [item] = this.#queue;
      if (!item || (this.#held && item.composedAt < this.#sessionSince)) return;
      this.#queue.shift();
      this.#sent.push(item);
      session.send(item.stanza, {
        key: item.id,
        acked: () => this.#acked(item),
        lost: () => this.#onLost(item),
        refused: (error) => this.#refused(item, error),
      });
    }
  }

  #success(peer: string): SendOutcome {
    return { state: this.#options.isKept(peer) ? 'waiting' : 'sent' };
  }

  /** Out of the window; false when an error had settled it before. */
  #leave(item: Item): boolean {
    const index = this.#sent.indexOf(item);
    if (index !== -1) this.#sent.splice(index, 1);
    return index !== -1;
  }

  #acked(item: Item): void {
    if (this.#leave(item)) {
      this.#arrived.add(item.id);
      item.settle(this.#success(item.peer));
    }
    this.flush();
  }

  #refused(item: Item, error: ProviderError): void {
    if (this.#leave(item)) item.settle({ state: 'failed', error });
  }

  #onLost(item: Item): void {
    if (this.#leave(item)) this.#lost.push({ ...item, stanza: withDelay(item.stanza, item.composedAt) });
  }
}
