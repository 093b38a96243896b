import type { ProviderError } from '../../contract/index.ts';
import { NS } from '../namespaces.ts';
import { conditionOf } from '../stream/errors.ts';
import type { Element } from '../stream/xml.ts';
import { nonza } from '../stream/xml-stream.ts';

const WRAP = 2 ** 32;

/** What becomes of one stanza: exactly one of these is called, once. */
export interface StanzaFate {
  /** The name of a stanza that is sent again until the server has it, over sessions and restarts. */
  key?: string;
  /** Nothing waits for it: the server is not asked for its sake. */
  isPatient?: boolean;
  /** The server took it. */
  acked?(): void;
  /** The session ended, and nobody knows whether the server took it. */
  lost?(): void;
  /** The server ends the stream over it. */
  refused?(error: ProviderError): void;
}

interface Unacked {
  text: string;
  fate: StanzaFate;
}

/**
 * XEP-0198 on our side: counts what comes, keeps what goes until the server has it, and carries both over a new connection.
 * Everything here runs in the turn of the bytes: a counter that waits for a promise is wrong as soon as two elements come
 * in one segment.
 *
 * ```
 * off --enable()--> asked --<enabled/>--> on --connection lost--> on (resumable) --<resumed/>--> on
 *  ^                  |                    |                            |
 *  +----<failed/>-----+                    +-------- abandon() ---------+--> off, every unacked stanza is `lost`
 * ```
 * Where a server does not know it, stanzas are counted all the same, and the answer to a ping sent behind them is the ack
 * (`barrier`), because a server handles the stanzas of one stream in order (RFC 6120 §10.1).
 */
export class StreamManagement {
  #state: 'off' | 'asked' | 'on' = 'off';
  #id: string | undefined;
  #received = 0;
  #acked = 0;
  readonly #unacked: Unacked[] = [];
  location: string | undefined;

  get isOn(): boolean {
    return this.#state !== 'off';
  }

  get resumable(): boolean {
    return this.#state === 'on' && this.#id !== undefined;
  }

  /** Stanzas the server may or may not have. */
  get pending(): number {
    return this.#unacked.length;
  }

  enable(): Element {
    // §4: our count of what we sent begins with this element
    this.#state = 'asked';
    this.#acked = 0;
    return nonza('enable', NS.streamManagement, { resume: 'true' });
  }

  resume(): Element {
    return nonza('resume', NS.streamManagement, { previd: this.#id ?? '', h: String(this.#received) });
  }

  answer(): Element {
    return nonza('a', NS.streamManagement, { h: String(this.#received) });
  }

  request(): Element {
    return nonza('r', NS.streamManagement);
  }

  sent(text: string, fate: StanzaFate): void {
    this.#unacked.push({ text, fate });
  }

  /** The key of the first stanza on its way that would be sent again. */
  get suspect(): string | undefined {
    return this.#unacked.find(({ fate }) => fate.key !== undefined)?.fate.key;
  }

  /** The server never takes this one: it is as if it had not been sent. */
  refuse(key: string, error: ProviderError): void {
    this.#refuse((unacked) => unacked.fate.key === key, error);
  }

  /** One of what is on its way is above the server's limit, so the largest is. Its size in bytes. */
  refuseLargest(error: ProviderError): number {
    const sizes = this.#unacked.map(({ text }) => Buffer.byteLength(text));
    const largest = Math.max(0, ...sizes);
    this.#refuse((_unacked, index) => sizes[index] === largest, error);
    return largest;
  }

  #refuse(which: (unacked: Unacked, index: number) => boolean, error: ProviderError): void {
    const index = this.#unacked.findIndex(which);
    const [refused] = index === -1 ? [] : this.#unacked.splice(index, 1);
    refused?.fate.refused?.(error);
  }

  /** One more stanza was handled. */
  handled(): void {
    if (this.#state === 'on') this.#received = (this.#received + 1) % WRAP;
  }

  onEnabled(element: Element): void {
    this.#state = 'on';
    this.#received = 0;
    const resume = element.attrs.resume === 'true' || element.attrs.resume === '1';
    this.#id = resume ? element.attrs.id : undefined;
    this.location = element.attrs.location;
  }

  /** What must be written again, in order; undefined when the server counts more than was ever sent. */
  onResumed(element: Element): string[] | undefined {
    return this.onAck(element) ? this.#unacked.map(({ text }) => text) : undefined;
  }

  /** §5: a server that forgot the session may still remember how much of it arrived. */
  onFailed(element: Element): string {
    if (element.attrs.h !== undefined) this.onAck(element);
    this.#state = 'off';
    this.#id = undefined;
    return conditionOf(element, NS.stanzaErrors);
  }

  /** False when `h` is no number, or more than was sent (§4: handled-count-too-high). */
  onAck(element: Element): boolean {
    const { h } = element.attrs;
    if (h === undefined || !/^\d{1,10}$/.test(h)) return false;
    return this.ack((Number(h) - this.#acked + WRAP) % WRAP);
  }

  /** For a server without stream management: a stanza sent now will be answered after all that is unacked now. */
  barrier(): () => void {
    const upTo = this.#unacked.at(-1);
    return () => {
      const index = upTo ? this.#unacked.indexOf(upTo) : -1;
      if (this.#state === 'off') this.ack(index + 1);
    };
  }

  private ack(count: number): boolean {
    if (count > this.#unacked.length) return false;
    this.#acked = (this.#acked + count) % WRAP;
    for (const { fate } of this.#unacked.splice(0, count)) fate.acked?.();
    return true;
  }

  /** The session is over. */
  abandon(): void {
    this.#state = 'off';
    this.#id = undefined;
    this.#received = 0;
    this.location = undefined;
    for (const { fate } of this.#unacked.splice(0)) fate.lost?.();
  }
}
