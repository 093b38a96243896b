import { ProviderError, type ProviderStorage } from '../../contract/index.ts';
import type { SipAnswer } from '../request.ts';
import { requestError } from '../status-errors.ts';
import type { SipUserAgent } from '../user-agent.ts';
import { PIDF_TYPE } from './pidf.ts';

export interface PublicationOptions {
  agent: SipUserAgent;
  storage: ProviderStorage;
  online: () => boolean;
  /** The server has lost a document it took over this connection, and so who watches whom as well: it started anew. */
  onForgotten: () => void;
}

/** Peers see us online for so long after a crash. */
const EXPIRES = 600;
const LONGEST_WAIT = 2_147_483;
const RETRY_AFTER = 60;
/** However soon a server wants to be asked again. */
const RETRY_SOONEST = 2;
/** How many tags are kept. */
const TAGS = 4;
const KEY = 'sip.publication';

/**
 * Our published presence document (RFC 3903): one PUBLISH on its way at a time, since two would make two publications of
 * which one is orphaned; what is published while one is on its way replaces what still waits. The entity tag is kept over
 * restarts, so that a crash leaves no second document behind.
 */
export class Publication {
  readonly #options: PublicationOptions;
  #document: string | undefined;
  #expires = EXPIRES;
  #timer: NodeJS.Timeout | undefined;
  #waiters: { resolve(): void; reject(error: ProviderError): void }[] = [];
  #running: Promise<void> | undefined;
  #changed = false;
  /** The document as it is meant now is on its way. */
  #isSending = false;
  /** The server took a document over this connection. */
  #isTaken = false;

  constructor(options: PublicationOptions) {
    this.#options = options;
  }

  /** Resolves when the server took this or a later document; while offline it waits. Rejects with a `ProviderError`. */
  publish(document: string): Promise<void> {
    this.#document = document;
    const taken = new Promise<void>((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
    this.#wake();
    return taken;
  }

  /**
   * We are registered again: the server may have forgotten everything. What is on its way over this connection, or was taken over it,
   * comes after that; two in a row may reach those who see us in either order (Kamailio).
   */
  restore(): void {
    if (this.#document !== undefined && !this.#isSending && !this.#isTaken) this.#wake();
  }

  /** The connection is gone, or what was taken over it may be: nothing to refresh until `restore`. */
  suspend(): void {
    clearTimeout(this.#timer);
    this.#isTaken = false;
  }

  /** Takes the document back (RFC 3903 §4.5). Never rejects. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new ProviderError('cancelled'));
    await this.#running;
    clearTimeout(this.#timer);
    let status = 412;
    while (status === 412 && this.#tags.length > 0 && this.#options.online()) {
      status = (await this.#send(undefined, 0)).status;
      if (status < 300) this.#options.storage.delete(KEY);
      else if (status === 412) this.#dropTag();
    }
  }

  /** The last one first. */
  get #tags(): readonly string[] {
    return this.#options.storage.get(KEY)?.split('\n') ?? [];
  }

  /**
   * RFC 3903 §4.4: the server does not know our last tag. It may have fallen back to an earlier state in a crash, so those
   * before are tried too; a document under one of them would be seen for a long time beside the new one. False: no tag left.
   */
  #dropTag(): boolean {
    const [last, ...earlier] = this.#tags;
    if (earlier.length > 0) this.#options.storage.put(KEY, earlier.join('\n'));
    else this.#options.storage.delete(KEY);
    if (this.#isTaken) this.#options.onForgotten();
    this.#isTaken = false;
    return last !== undefined;
  }

  #wake(): void {
    this.#changed = true;
    if (!this.#running && this.#options.online()) this.#run(() => this.#work());
  }

  #run(work: () => Promise<void>): void {
    this.#running = work().finally(() => {
      this.#running = undefined;
      // something was published just as the last one was taken
      if (this.#changed) this.#wake();
    });
  }

  async #work(): Promise<void> {
    while (this.#changed && this.#options.online()) {
      this.#changed = false;
      clearTimeout(this.#timer);
      const waiters = this.#waiters.splice(0);
      this.#isSending = true;
      let answer = await this.#send(this.#document, this.#expires);
      while (answer.status === 412 && this.#dropTag()) answer = await this.#send(this.#document, this.#expires);
      const minimum = Number(answer.header('min-expires'));
      if (answer.status === 423 && minimum > this.#expires && minimum <= LONGEST_WAIT) {
        this.#expires = minimum;
        answer = await this.#send(this.#document, this.#expires);
      }
      this.#isSending = false;
      if (answer.status >= 200 && answer.status < 300) {
        this.#taken(answer);
        for (const waiter of waiters) waiter.resolve();
        continue;
      }
      const error = requestError(answer);
      if (answer.local && !this.#options.online()) {
        // the connection broke: they wait for `restore`
        this.#waiters.unshift(...waiters);
        continue;
      }
      for (const waiter of waiters) waiter.reject(error);
      if (error.retryable) this.#again(answer.retryAfter ?? RETRY_AFTER);
    }
  }

  #taken(answer: SipAnswer): void {
    this.#isTaken = true;
    const tag = answer.header('sip-etag');
    if (tag)
      this.#options.storage.put(KEY, [tag, ...this.#tags.filter((each) => each !== tag)].slice(0, TAGS).join('\n'));
    const granted = Number(answer.header('expires'));
    const seconds = granted > 0 ? Math.min(granted, LONGEST_WAIT) : this.#expires;
    this.#timer = setTimeout(() => this.#refresh(), Math.max(5, seconds * 0.8) * 1000);
  }

  /** Without a body: only that it lives on (RFC 3903 §4.3). */
  #refresh(): void {
    if (this.#running || !this.#options.online()) return;
    this.#run(async () => {
      const answer = await this.#send(undefined, this.#expires);
      if (answer.status >= 200 && answer.status < 300) this.#taken(answer);
      else if (answer.status === 412) this.#changed = this.#dropTag();
      else if (this.#options.online()) this.#again(answer.retryAfter ?? RETRY_AFTER);
    });
  }

  #again(seconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#wake(), Math.max(RETRY_SOONEST, Math.min(seconds, LONGEST_WAIT)) * 1000);
  }

  #send(document: string | undefined, expires: number): Promise<SipAnswer> {
    const { agent } = this.#options;
    const [tag] = this.#tags;
    return agent.request({
      method: 'PUBLISH',
      to: agent.uri,
      headers: ['Event: presence', `Expires: ${expires}`, ...(tag ? [`SIP-If-Match: ${tag}`] : [])],
      body: document === undefined ? undefined : { contentType: PIDF_TYPE, content: document },
    });
  }
}
