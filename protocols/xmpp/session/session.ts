import { EventEmitter } from 'node:events';
import iqCallee, { type IqCallee } from '@xmpp/iq/callee.js';
import { parse as parseFullJid } from '@xmpp/jid';
import middleware, { type Entity } from '@xmpp/middleware';
import { ProviderError, type ProviderLog, type ProviderStorage } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import { parseJid } from '../address.ts';
import { NS } from '../namespaces.ts';
import { refusalOf, StreamError } from '../stream/errors.ts';
import { type Element, xml } from '../stream/xml.ts';
import type { XmlStream } from '../stream/xml-stream.ts';
import { IqCaller } from './iq-caller.ts';
import { type StanzaFate, StreamManagement } from './stream-management.ts';
import { Suspicion } from './suspicion.ts';
import type { Timings } from './timings.ts';

/** Thrown by whoever takes a message when it could not be kept: the stanza is then not counted, so that it comes again. */
export class NotKept extends Error {
  constructor(cause: unknown) {
    super('message not kept', { cause });
    this.name = 'NotKept';
  }
}

export interface StanzaHandlers {
  /** May throw NotKept, and nothing else. True while something of it waits for `settle`. */
  message(stanza: Element): boolean;
  /** Keeps what waits, all or nothing. May throw NotKept, and nothing else. */
  settle(): void;
  presence(stanza: Element): void;
}

/** Servers take stanzas of 256 KiB and more (Prosody 0.12, ejabberd), where they say nothing else. */
const USUAL_STANZA = 250 * 1000;
/** RFC 6120 §13.12: no server may refuse a stanza of so many bytes. */
const SMALLEST_LIMIT = 10_000;

/** So many stanzas wait at most to be kept together. */
const TOGETHER = 200;

/** After so many answers in a row that took us no further the server is taken to count wrong. */
const USELESS_ANSWERS = 6;

/** So many stanzas without anybody waiting for them before we ask for an ack all the same. */
const ACK_EVERY = 10;

/**
 * What outlives a connection: our JID, the counters of stream management, open questions. Connections are attached to it
 * one after another, by a resume or by a fresh login.
 */
export class Session {
  readonly management = new StreamManagement();
  readonly iq = new IqCaller(
    (stanza, fate) => this.send(stanza, fate),
    () => this.isConnected,
    () => this.jid,
  );
  /** Answers to what others ask us; fill it before the first login. */
  readonly answers: IqCallee;
  /** Our full JID; empty before the first login. */
  jid = '';
  /** The address of the server that the last login reached. */
  serverAddress: string | undefined;
  readonly #entity: Entity;
  readonly #handlers: StanzaHandlers;
  readonly #log: ProviderLog;
  readonly #timings: Timings;
  readonly #suspicion: Suspicion;
  /** Largest stanza in UTF-8 bytes that the server takes, as far as it is known. */
  #maximumBytes = USUAL_STANZA;
  #stream: XmlStream | undefined;
  /** Stanzas that have come and are not counted before what they brought is kept. */
  #held = 0;
  #asked = false;
  /** Stanzas sent in this session, and how many of them before the last question. */
  #sent = 0;
  #sentWhenAsked = 0;
  /** Answers in a row that took us no further although nothing new was sent. */
  #useless = 0;
  #again: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(
    domain: string,
    handlers: StanzaHandlers,
    { log, storage }: { log: ProviderLog; storage: ProviderStorage },
    timings: Timings,
  ) {
    this.#handlers = handlers;
    this.#log = log;
    this.#suspicion = new Suspicion(storage);
    this.#timings = timings;
    this.#entity = Object.assign(new EventEmitter(), {
      jid: null,
      options: { domain },
      send: async (reply: Element) => this.send(reply),
    });
    this.#entity.on('error', (cause: Error) => log('error', 'xmpp.answer-failed', { error: cause.name }));
    this.answers = iqCallee({ middleware: middleware({ entity: this.#entity }), entity: this.#entity });
  }

  get bareJid(): string {
    return parseJid(this.jid)?.bare ?? '';
  }

  /** A new login took place: nothing of the old session is valid any more. */
  begin(stream: XmlStream, jid: string): void {
    this.end(new ProviderError('network', { retryable: true, detail: 'session lost' }));
    this.jid = jid;
    this.#entity.jid = parseFullJid(jid);
    this.attach(stream);
  }

  /** True while stanzas should go one by one, to find out which of them ends the connection. */
  get isCareful(): boolean {
    return this.#suspicion.isCareful;
  }

  /** XEP-0478 §3.1: what the server takes, announced again with every login. */
  limit(features: Element): void {
    const announced = features.getChild('limits', NS.streamLimits)?.getChildText('max-bytes')?.trim() ?? '';
    if (/^[1-9]\d{0,14}$/.test(announced)) this.#maximumBytes = Math.max(SMALLEST_LIMIT, Number(announced));
  }

  /** Stanzas go over this stream from now on. */
  attach(stream: XmlStream): void {
    this.#stream = stream;
    this.#asked = false;
    this.#useless = 0;
    this.#watchSilence(stream.received);
  }

  get isConnected(): boolean {
    return this.#stream !== undefined;
  }

  isOn(stream: XmlStream): boolean {
    return this.#stream === stream;
  }

  /** The connection ended for this reason. What the server ends it over must not be sent again for ever. */
  blame(cause: ProviderError): void {
    const { management } = this;
    if (cause instanceof StreamError && cause.isTooBig) {
      const error = new ProviderError('too-big', { protocolCode: cause.protocolCode });
      const size = management.refuseLargest(error);
      // nothing as large is tried again before the server says what it takes or the program starts anew
      if (size > 0) this.#maximumBytes = Math.min(this.#maximumBytes, Math.max(SMALLEST_LIMIT, size - 1));
      this.#log('warn', 'xmpp.stanza-too-big', { bytes: size });
      return;
    }
    const how = cause instanceof StreamError ? 'error' : 'cut';
    const isSuspicious =
      cause instanceof StreamError ? cause.isAboutStanza : ['network', 'timeout'].includes(cause.code);
    const key = isSuspicious ? management.suspect : undefined;
    if (key === undefined || !this.#suspicion.blame(key, how)) return;
    this.#log('warn', 'xmpp.stanza-refused', { code: cause.code, condition: cause.protocolCode ?? '' });
    management.refuse(key, refusalOf(cause));
  }

  /** The connection is gone; the session waits to be resumed. */
  detach(): void {
    this.#stream = undefined;
    this.#asked = false;
    clearTimeout(this.#again);
    clearTimeout(this.#deadline);
    clearTimeout(this.#keepAlive);
  }

  end(cause: ProviderError): void {
    this.detach();
    this.management.abandon();
    this.iq.rejectAll(cause);
  }

  /** Sends a stanza, or keeps it for the resumed connection. One above the server's limit is refused here. */
  send(stanza: Element, fate: StanzaFate = {}): void {
    const text = stanza.toString();
    if (Buffer.byteLength(text) > this.#maximumBytes) {
      // XEP-0478 §4; the id of an answer may be as long as others please
      this.#log('warn', 'xmpp.stanza-too-big', { stanza: stanza.name });
      fate.refused?.(new ProviderError('too-big', { protocolCode: 'stanza-too-big' }));
      return;
    }
    this.#sent += 1;
    this.management.sent(text, this.#watched(fate));
    unawaited(this.#stream?.write(text));
    if ((fate.acked && !fate.isPatient) || this.management.pending >= ACK_EVERY) queueMicrotask(() => this.#ask());
  }

  #watched(fate: StanzaFate): StanzaFate {
    const { key } = fate;
    if (key === undefined) return fate;
    return {
      ...fate,
      acked: () => {
        this.#suspicion.clear(key);
        fate.acked?.();
      },
    };
  }

  /** Writes again what the server did not get (XEP-0198 §5). */
  replay(texts: readonly string[]): void {
    for (const text of texts) unawaited(this.#stream?.write(text));
    if (texts.length > 0) this.#ask();
  }

  /** Is the server still there? Ends the connection when nothing at all comes within `deadline` milliseconds. */
  probe(deadline: number): void {
    this.#asked = false;
    this.#ask(deadline);
  }

  /** RFC 6121 §4.5.2 and XEP-0198 §4: says goodbye, with the last count, and closes. */
  async leave(): Promise<void> {
    const stream = this.#stream;
    if (!stream) return;
    this.send(xml('presence', { type: 'unavailable' }));
    if (this.management.isOn) unawaited(stream.send(this.management.answer()));
    await stream.close();
  }

  /** Everything that comes after login, in the turn of its bytes. */
  take(element: Element): void {
    const namespace = element.getNS();
    if (namespace === NS.streamManagement) this.#takeManagement(element);
    else if (namespace === NS.client) this.#takeStanza(element);
  }

  /**
   * Texts of one reading of the socket go to disk together, in the turn of their bytes. Only then are they counted, and what
   * came behind them. False when they could not be kept: the connection ends, and they come again.
   */
  settle(): boolean {
    const held = this.#held;
    this.#held = 0;
    if (held === 0) return true;
    try {
      this.#handlers.settle();
    } catch (cause) {
      if (cause instanceof NotKept) {
        this.#notKept(cause);
        return false;
      }
      this.#log('error', 'xmpp.stanza-failed', { stanza: 'message', error: String(cause) });
    }
    for (let count = 0; count < held; count++) this.management.handled();
    return true;
  }

  #notKept(cause: NotKept): void {
    this.#stream?.fail(new ProviderError('internal', { retryable: true, detail: 'message not kept', cause }));
  }

  #takeManagement(element: Element): void {
    if (!this.settle()) return;
    if (element.is('r')) unawaited(this.#stream?.send(this.management.answer()));
    else if (element.is('a')) {
      const { pending } = this.management;
      if (this.management.onAck(element)) this.#answered(this.management.pending < pending);
      else this.#giveUp();
    }
  }

  /** XEP-0198 §4: a server that counts wrong cannot be resumed. */
  #giveUp(): void {
    this.management.abandon();
    this.#stream?.fail(new ProviderError('malformed', { retryable: true, protocolCode: 'ack' }), 'undefined-condition');
  }

  /**
   * The server said how far it is. What was sent since we asked is asked about at once; what it should have had by then
   * only after a wait, because a server whose count is one short would answer the same for ever.
   */
  #answered(progress: boolean): void {
    if (progress) this.#useless = 0;
    // an answer that was not asked for
    if (!this.#asked) return;
    this.#asked = false;
    if (this.management.pending === 0) return;
    if (this.#sent > this.#sentWhenAsked) {
      this.#ask();
      return;
    }
    if (!progress) this.#useless += 1;
    if (this.#useless >= USELESS_ANSWERS) {
      this.#giveUp();
      return;
    }
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#ask(), this.#timings.askAgain * 2 ** this.#useless);
  }

  #takeStanza(stanza: Element): void {
    // what is no message may rest on what the messages before it brought, such as the end of a page of the archive
    if ((stanza.name !== 'message' || this.#held >= TOGETHER) && !this.settle()) return;
    const { from, to } = stanza.attrs;
    // RFC 6120 §8.1.2: no server sends an address that is none; it is counted, and nobody has to parse it again
    const sound = (from === undefined || parseJid(from)) && (to === undefined || parseJid(to));
    let waits = false;
    try {
      if (sound) waits = this.#dispatch(stanza);
      else this.#log('warn', 'xmpp.stanza-dropped', { reason: 'address' });
    } catch (cause) {
      if (cause instanceof NotKept) {
        this.#held = 0;
        this.#notKept(cause);
        return;
      }
      // a bug of ours; the same stanza again would only meet it again
      this.#log('error', 'xmpp.stanza-failed', { stanza: stanza.name, error: String(cause) });
    }
    // a count says that all before it was taken, too
    if (waits || this.#held > 0) this.#held += 1;
    else this.management.handled();
  }

  /** True while something of it waits for `settle`. */
  #dispatch(stanza: Element): boolean {
    switch (stanza.name) {
      case 'message':
        return this.#handlers.message(stanza);
      case 'presence':
        this.#handlers.presence(stanza);
        break;
      case 'iq':
        if (!this.iq.take(stanza)) this.#entity.emit('element', stanza);
        break;
    }
    return false;
  }

  #ask(deadline = this.#timings.ackDeadline): void {
    const stream = this.#stream;
    if (!stream || stream.isDown || this.#asked) return;
    this.#asked = true;
    if (this.management.isOn) unawaited(stream.send(this.management.request()));
    else {
      // RFC 6120 §10.1: stanzas of one stream are handled in order, so the answer acks all before it; an error does too
      const answered = this.iq.request({
        type: 'get',
        to: this.#entity.options.domain,
        child: xml('ping', { xmlns: NS.ping }),
      });
      const barrier = this.management.barrier();
      const settle = (): void => {
        const { pending } = this.management;
        barrier();
        this.#answered(this.management.pending < pending);
      };
      answered.then(settle, (error: ProviderError) => {
        if (error.code !== 'network' && error.code !== 'timeout') settle();
      });
    }
    this.#sentWhenAsked = this.#sent;
    this.#watchAnswer(stream, deadline, stream.received);
  }

  /** The deadline starts anew while anything at all comes: a slow server is not a dead one. */
  #watchAnswer(stream: XmlStream, deadline: number, seen: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      if (!this.#asked) return;
      if (stream.received !== seen) this.#watchAnswer(stream, deadline, stream.received);
      else stream.fail(new ProviderError('timeout', { retryable: true, detail: 'no answer from the server' }));
    }, deadline);
  }

  #watchSilence(seen: number): void {
    clearTimeout(this.#keepAlive);
    this.#keepAlive = setTimeout(() => {
      const received = this.#stream?.received ?? 0;
      if (received === seen) this.#ask();
      this.#watchSilence(received);
    }, this.#timings.keepAlive);
  }
}
