import { randomUUID } from 'node:crypto';
import { ProviderError } from '../../contract/index.ts';
import { parseJid } from '../address.ts';
import { stanzaErrorOf } from '../stream/errors.ts';
import { type Element, xml } from '../stream/xml.ts';
import type { StanzaFate } from './stream-management.ts';

const TIMEOUT = 30_000;

interface Pending {
  to: string | undefined;
  timer: NodeJS.Timeout;
  resolve: (result: Element) => void;
  reject: (error: ProviderError) => void;
}

export interface IqRequest {
  type: 'get' | 'set';
  /** Nothing: our own account (RFC 6120 §10.3.3). */
  to?: string;
  child: Element;
  /** Milliseconds. */
  timeout?: number;
}

/**
 * Asks and waits for the one answer. An answer counts only when it comes from whom was asked (RFC 6120 §8.1.2.1). Questions
 * outlive a connection, because a resumed session still answers them; `rejectAll` ends them with the session.
 */
export class IqCaller {
  readonly #pending = new Map<string, Pending>();
  readonly #send: (stanza: Element, fate: StanzaFate) => void;
  readonly #isConnected: () => boolean;
  readonly #own: () => string;

  /** `own` is our full JID. */
  constructor(send: (stanza: Element, fate: StanzaFate) => void, isConnected: () => boolean, own: () => string) {
    this.#send = send;
    this.#isConnected = isConnected;
    this.#own = own;
  }

  /** Resolves to the whole result stanza; rejects with the error's meaning, `timeout` `too-big` or `network`. */
  request({ type, to, child, timeout = TIMEOUT }: IqRequest): Promise<Element> {
    return new Promise((resolve, reject) => {
      if (!this.#isConnected()) {
        reject(new ProviderError('network', { retryable: true, detail: 'not online' }));
        return;
      }
      const id = randomUUID();
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new ProviderError('timeout', { retryable: true, detail: 'iq' }));
      }, timeout);
      this.#pending.set(id, { to, timer, resolve, reject });
      this.#send(xml('iq', { type, id, to }, child), { refused: (error) => this.#settle(id)?.reject(error) });
    });
  }

  /** True when this was the answer to a question of ours. */
  take(stanza: Element): boolean {
    const { id, type, from } = stanza.attrs;
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (!pending || id === undefined || (type !== 'result' && type !== 'error')) return false;
    if (!this.#mayAnswer(from, pending.to)) return false;
    this.#settle(id);
    if (type === 'result') pending.resolve(stanza);
    else pending.reject(stanzaErrorOf(stanza));
    return true;
  }

  #settle(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }

  #mayAnswer(from: string | undefined, to: string | undefined): boolean {
    const own = parseJid(this.#own());
    const asked = parseJid(to);
    const sender = parseJid(from);
    const toOwnAccount = asked === undefined || (asked.bare === own?.bare && asked.resource === '');
    // RFC 6120 §8.1.2.1: no `from`, our bare or our full address all mean our own account
    if (from === undefined) return toOwnAccount || (asked.bare === own?.domain && asked.resource === '');
    if (toOwnAccount)
      return sender?.bare === own?.bare && (sender?.resource === '' || sender?.resource === own?.resource);
    return sender?.bare === asked.bare && sender.resource === asked.resource;
  }

  rejectAll(cause: ProviderError): void {
    for (const { timer, reject } of this.#pending.values()) {
      clearTimeout(timer);
      reject(cause);
    }
    this.#pending.clear();
  }
}
