import { Emitter, ProviderError, type ProviderStorage } from '../../contract/index.ts';
import type { Condition, Fetched, XcapClient } from './xcap-client.ts';

export interface XcapDocumentOptions {
  auid: string;
  contentType: string;
  storage: ProviderStorage;
  /** Whether a text is such a document: what stands between us and the server answers with pages of its own. */
  fits: (text: string) => boolean;
  /** It is another program's: never written, nor put back when it is gone. */
  isForeign?: boolean;
  /** Undefined while the server cannot be asked. */
  client(): XcapClient | undefined;
}

/** How often one change is merged into what others wrote meanwhile. */
const ATTEMPTS = 5;

/** What the document becomes: the same text changes nothing; undefined: what is there cannot be understood. */
export type Edit = (text: string | undefined) => string | undefined;

/**
 * One of our documents on the server, with the copy last seen, which outlives the program. A change is made to that copy
 * and taken by the server only if nobody else changed it (RFC 4825 §7.11); else it is read again and the same change made
 * to what is there now. One exchange at a time.
 */
export class XcapDocument {
  readonly #options: XcapDocumentOptions;
  readonly #key: string;
  #copy: Fetched | undefined;
  /** As told: while a conflict is being settled there is no copy. */
  #text: string | undefined;
  /** The copy is what the server had in this life, or it was told that there is none. */
  #isKnown = false;
  #last: Promise<unknown> = Promise.resolve();
  readonly #changed = new Emitter<string | undefined>();
  /** Fires with the new text, whoever wrote it. */
  readonly onChange = this.#changed.on;

  constructor(options: XcapDocumentOptions) {
    this.#options = options;
    this.#key = `sip.xcap.${options.auid}`;
    const copy = parseCopy(options.storage.get(this.#key));
    this.#copy = copy && options.fits(copy.text) ? copy : undefined;
    this.#text = this.#copy?.text;
  }

  get auid(): string {
    return this.#options.auid;
  }

  /** As last seen; undefined: none. */
  get text(): string | undefined {
    return this.#text;
  }

  get etag(): string | undefined {
    return this.#copy?.etag;
  }

  /**
   * Asks the server; little is sent when nothing has changed. Rejects with a `ProviderError`; `malformed` when the answer is no
   * such document, and the copy stays.
   */
  read(): Promise<void> {
    return this.#inTurn(() => this.#read());
  }

  /**
   * Makes one change. Resolves when the server has it. Rejects with a `ProviderError`; `malformed` when the document there
   * cannot be understood, which leaves it as it is.
   */
  change(edit: Edit): Promise<void> {
    return this.#inTurn(async () => {
      // an unknown document, or one without a tag to hold on to, is looked at first
      if (!this.#isKnown || (this.#copy && !this.#copy.etag)) await this.#read();
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const text = edit(this.#copy?.text);
        if (text === undefined) throw new ProviderError('malformed', { detail: this.#options.auid });
        if (text === this.#copy?.text) return;
        const { etag } = this.#copy ?? {};
        const condition: Condition = !this.#copy ? 'only-new' : etag ? { ifMatch: etag } : 'any';
        const taken = await this.#client().put(this.#options.auid, this.#options.contentType, text, condition);
        if (taken !== 'conflict') {
          this.#keep({ text, etag: taken.etag });
          return;
        }
        this.#copy = undefined;
        this.#isKnown = false;
        await this.#read();
      }
      throw new ProviderError('server-unavailable', { protocolCode: 412, retryable: true });
    });
  }

  /** Forgets the copy: it is another server's. */
  forget(): void {
    this.#isKnown = false;
    this.#keep(undefined);
  }

  #client(): XcapClient {
    const client = this.#options.client();
    if (!client) throw new ProviderError('network', { retryable: true, detail: 'not connected' });
    return client;
  }

  async #read(): Promise<void> {
    let answer = await this.#client().get(this.#options.auid, this.#copy?.etag);
    // programs empty a document and do not remove it: the server has lost it, and who is on it must not be lost with it
    if (answer === 'none' && this.#text !== undefined && !this.#options.isForeign)
      answer = await this.#putBack(this.#text);
    const { auid, fits } = this.#options;
    if (typeof answer === 'object' && !fits(answer.text)) throw new ProviderError('malformed', { detail: auid });
    this.#isKnown = true;
    if (answer !== 'same') this.#keep(answer === 'none' ? undefined : answer);
  }

  async #putBack(text: string): Promise<Fetched | 'none' | 'same'> {
    const { auid, contentType } = this.#options;
    const taken = await this.#client().put(auid, contentType, text, 'only-new');
    // another device was quicker
    return taken === 'conflict' ? this.#client().get(auid) : { text, etag: taken.etag };
  }

  #keep(copy: Fetched | undefined): void {
    const { storage } = this.#options;
    const isNew = copy?.text !== this.#text;
    this.#copy = copy;
    this.#text = copy?.text;
    if (copy) storage.put(this.#key, JSON.stringify(copy));
    else storage.delete(this.#key);
    if (isNew) this.#changed.emit(copy?.text);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

const parseCopy = (text: string | undefined): Fetched | undefined => {
  try {
    const value = JSON.parse(text ?? 'null') as Partial<Fetched> | null;
    if (typeof value?.text !== 'string') return undefined;
    return { text: value.text, ...(typeof value.etag === 'string' ? { etag: value.etag } : {}) };
  } catch {
    return undefined;
  }
};
