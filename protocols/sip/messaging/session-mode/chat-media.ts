import { randomInt } from 'node:crypto';
import { MsrpError, type OutgoingMessage } from '../../../../msrp/index.ts';
import { type Address, ProviderError } from '../../../contract/index.ts';
import { formatDescription, type OfferedMedia } from '../../file-transfer/description/session-description.ts';
import type { MediaLine, MediaPlace } from '../../media/media.ts';
import type { MsrpLine } from '../../offers/msrp-line.ts';
import type { SessionDescription } from '../../session-description-handler.ts';
import type { TypedBody } from '../message-content.ts';
import { answerLines, type ChatForms, chatLine, formsOf, messageId, sessionIdOf } from './chat-description.ts';
import type { ChatContext } from './chat-state.ts';
import { IncomingTexts, type SessionMessage } from './incoming-texts.ts';
import { confirmed, type Sent } from './sent.ts';

/** Bytes after which a large text counts as moving on. */
const PROGRESS = 16_384;
/** Kamailio's relay takes frames of 10,240 bytes and drops what is larger without a word. */
const RELAY_CHUNK = 8_192;
/** Sizes of chunks that are tried where larger ones do not get through; the last is the one every relay takes (RFC 4975 §7.1.1). */
const CHUNKS: readonly number[] = [RELAY_CHUNK, 2_048];
/** RFC 4975 §10.5 and §10.8: too much for the answerer, or more than it was made for. */
const TOO_LARGE: readonly number[] = [413, 501];
/** How long what is on its way at a BYE may still arrive. */
const LINGER = 2_000;
const KEEP_ALIVE = 60_000;

export interface StartOptions {
  /** Milliseconds until the connection has to be bound. */
  timeout: number;
  /** Our relay gave another path: the peer has to be told. */
  pathChanged: () => void;
  /** Offers what we are once more (RFC 6714 §4.2). Resolves to the answer, undefined when it is refused. */
  again: () => Promise<MsrpLine | undefined>;
}

/** The connection of a chat session, and what the descriptions of both sides say of it. */
export class ChatMedia {
  readonly #peer: Address;
  readonly #context: ChatContext;
  readonly #texts: IncomingTexts;
  readonly #over = new AbortController();
  readonly #origin = { sessionId: randomInt(2 ** 47), version: 1 };
  #line: MediaLine | undefined;
  /** The peer's side of `#line`. */
  #remote: MsrpLine | undefined;
  #forms: ChatForms | undefined;
  /** Largest chunk that the path has not shown to be too large. */
  #largest = Number.POSITIVE_INFINITY;
  #offerId = '';
  #ended = false;

  constructor(peer: Address, context: ChatContext, take: (message: SessionMessage) => void) {
    this.#peer = peer;
    this.#context = context;
    this.#texts = new IncomingTexts(take, context.clock);
  }

  /** Replaced when one of the two moves. */
  get line(): MediaLine | undefined {
    return this.#line;
  }

  /** How to write to the peer; of use once the line has started. */
  get forms(): ChatForms | undefined {
    return this.#forms;
  }

  /** Session id in the first offer. */
  get offerId(): string {
    return this.#offerId;
  }

  /** Makes a line to be offered. Throws as `Media.offer`; MsrpError `session-closed` (the session ended meanwhile). */
  async offer(place: MediaPlace): Promise<void> {
    const line = this.#keep(await this.#context.media.offer(place, this.#options(), this.#peer));
    if (this.#offerId === '') this.#offerId = sessionIdOf(line.address);
  }

  /** Makes the line for an answer. Throws as `offer` and `Media.answer`. */
  async answer(offered: MsrpLine): Promise<MsrpLine> {
    const host = this.#context.place()?.host;
    if (host === undefined) throw new ProviderError('network', { retryable: true });
    if (this.#offerId === '') this.#offerId = sessionIdOf(offered);
    return chatLine(this.#keep(await this.#context.media.answer(host, offered, this.#options())).address);
  }

  /** Our offer, of the line there is. */
  describe(host: string): SessionDescription {
    if (!this.#line) throw new ProviderError('internal');
    // RFC 6135 §4.2.2: never passive in an offer
    const lines: OfferedMedia[] = [{ kind: 'chat', chat: { ...chatLine(this.#line.address), setup: 'actpass' } }];
    return { sdp: formatDescription({ ...this.#origin, version: this.#origin.version++, host }, lines) };
  }

  /** Our answer to the offered lines; `own` undefined: the chat is refused. */
  describeAnswer(host: string, offered: readonly OfferedMedia[], own: MsrpLine | undefined): SessionDescription {
    const version = this.#origin.version++;
    return { sdp: formatDescription({ ...this.#origin, version, host }, answerLines(offered, own)) };
  }

  /**
   * Both sides know each other's paths: connects, or waits for the connection. Resolves to the line, undefined when it has
   * been replaced meanwhile, whatever became of it then. Throws as `MediaLine.start`.
   */
  async start(remote: MsrpLine, { timeout, pathChanged, again }: StartOptions): Promise<MediaLine | undefined> {
    const line = this.#line;
    if (!line) return undefined;
    const { mayConnect } = this.#context;
    this.#heard(remote);
    line.session.onPathChange(pathChanged);
    try {
      await line.start(remote, {
        timeout,
        signal: this.#over.signal,
        survives: true,
        mayConnect: mayConnect && ((address) => mayConnect(this.#peer, [address])),
        again: async () => {
          const answer = await again();
          if (answer && line === this.#line) this.#heard(answer);
          return answer;
        },
      });
    } catch (error) {
      if (line === this.#line) throw error;
    }
    return line === this.#line ? line : undefined;
  }

  /**
   * The peer offers anew. When its MSRP session is the one before, whatever relays lead to it, the connection stays as it
   * is: resolves to our side of it. Undefined: that takes another connection.
   */
  keep(offered: MsrpLine): MsrpLine | undefined {
    const line = this.#line;
    if (!line || offered.path.at(-1) !== this.#remote?.path.at(-1)) return undefined;
    // RFC 4145 §4.1: an answer is active or passive; the connection there is stays
    const ours = this.#remote?.setup === 'active' ? 'passive' : 'active';
    const { setup = ours } = line.address;
    const role = setup === 'actpass' ? ours : setup;
    return this.follow(offered, role) ? chatLine({ ...line.address, setup: role }) : undefined;
  }

  /** Takes another path of the peer's, and lets it have ours. False: that takes another connection. */
  follow(remote: MsrpLine, role: 'active' | 'passive'): boolean {
    const line = this.#line;
    if (!line) return false;
    const same = remote.path.join(' ') === this.#remote?.path.join(' ');
    if (same && line.session.state.name !== 'moved') return true;
    try {
      line.update(remote, role);
    } catch {
      return false;
    }
    this.#remote = remote;
    return true;
  }

  /** Lets go of the line, for another one. */
  leave(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.end();
  }

  /** No way led to the peer: if that was the fault of our relay, the next line is direct. */
  unreached(): void {
    this.#line?.unreached();
  }

  /**
   * Sends one message and waits until it is clear what became of it; `silent` as in `confirmed`. What a relay on the way refuses or loses
   * for its size goes again in smaller chunks, and so does all that follows. Never rejects.
   */
  async send(
    body: TypedBody,
    options: { id?: string; report?: boolean },
    silent: (line: MediaLine) => void,
  ): Promise<Sent> {
    const size = Buffer.byteLength(body.content);
    for (let id = options.id; ; id = undefined) {
      const line = this.#line;
      if (!line) return { state: 'broken' };
      if (size > (this.#forms?.maximum ?? 0)) return { state: 'refused' };
      const largest = Math.min(this.#largest, line.relayed ? RELAY_CHUNK : Number.POSITIVE_INFINITY);
      const smaller = CHUNKS.find((chunk) => chunk < Math.min(largest, size));
      const sent = await this.#sendIn(largest, line, body, { ...options, id }, () => smaller ?? silent(line));
      const isTooLarge =
        (sent.state === 'refused' && TOO_LARGE.includes(sent.status ?? 0)) || (sent.state === 'broken' && sent.silent);
      if (!isTooLarge || smaller === undefined || line !== this.#line) return sent;
      this.#largest = smaller;
    }
  }

  async #sendIn(
    chunk: number,
    line: MediaLine,
    { contentType, content }: TypedBody,
    options: { id?: string | undefined; report?: boolean },
    silent: () => void,
  ): Promise<Sent> {
    // RFC 4976 §6.4.1: behind a relay a 200 says only that the relay has it
    const report = options.report === true || line.relayed;
    let message: OutgoingMessage;
    try {
      message = line.session.send({
        contentType,
        body: content,
        ...messageId(options.id),
        successReport: report,
        progressEvery: PROGRESS,
        ...(chunk === Number.POSITIVE_INFINITY ? {} : { chunking: chunk }),
      });
    } catch {
      return { state: 'broken' };
    }
    const remote = this.#remote;
    return confirmed(message, {
      clock: this.#context.clock,
      relayed: line.relayed,
      // it may have gone to where the peer was before
      silent: () => this.#remote === remote && silent(),
    });
  }

  /** Sends something nobody waits for. */
  tell({ contentType, content }: TypedBody): void {
    try {
      this.#line?.session.send({ contentType, body: content, failureReport: 'no', priority: 'low' });
    } catch {
      // the session is ending
    }
  }

  /** `lingering`: the connection stays a moment for what the peer sent before it knew, and its answer to what we sent. */
  end(way: 'lingering' | 'now'): void {
    this.#ended = true;
    const line = this.#line;
    if (way === 'lingering' && line?.session.state.name === 'bound') {
      this.#context.clock.after(LINGER, () => line.end());
      return;
    }
    this.#over.abort();
    line?.end();
  }

  #keep(line: MediaLine): MediaLine {
    if (this.#ended) {
      line.end();
      throw new MsrpError('session-closed', 'The session was closed meanwhile');
    }
    this.#line = line;
    return line;
  }

  #heard(remote: MsrpLine): void {
    this.#remote = remote;
    this.#forms = formsOf(remote);
  }

  #options() {
    return {
      keepAlive: KEEP_ALIVE,
      accept: this.#texts.accept,
    };
  }
}
