import { Socket as PlainSocket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import type { TLSSocket } from 'node:tls';
import { Client } from '@xmpp/client-core';
import tcp from '@xmpp/tcp';
import TlsSocket from '@xmpp/tls/lib/Socket.js';
import { Parser } from '@xmpp/xml';
import { ProviderError } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import { NS } from '../namespaces.ts';
import { streamErrorOf } from './errors.ts';
import { FramingError, StanzaFramer } from './framer.ts';
import { cleanText, type Element, xml } from './xml.ts';

/** Before login a server gets little room; afterwards a large roster must fit into one stanza. */
const LIMITS = { beforeLogin: 64 * 1024, afterLogin: 10 * 1024 * 1024 };
const CLOSE_TIMEOUT = 2000;

export interface StreamHandlers {
  /** Every stanza and every other element that no step of the login waited for. Called in the turn of its bytes. */
  element(element: Element): void;
  /** All that one reading of the socket brought has been taken. */
  settle(): void;
  /** Once, when nothing more will come. `redirect`: `host` or `host:port` the server named instead of itself. */
  down(cause: ProviderError, redirect?: string): void;
}

interface Waiter {
  match(element: Element): boolean;
  settle(element: Element | undefined, error?: ProviderError): void;
}

/**
 * One XML stream over one socket: framing, limits, TLS, and the guards that keep anything a server sends from throwing.
 * Built on the Client of @xmpp/client-core with its TCP transport; its connecting, closing and following of redirects are
 * replaced, because they drop bytes, wait without limit and throw into the process (version 0.14.0).
 *
 * @example
 * const stream = new XmlStream('campus.test', socket, handlers);
 * const features = await stream.open(10_000);
 */
export class XmlStream extends Client {
  readonly #handlers: StreamHandlers;
  #decoder = new StringDecoder('utf8');
  #framer = new StanzaFramer(LIMITS.beforeLogin);
  #waiter: Waiter | undefined;
  /** True from the moment a new stream must begin until it is opened: what comes in between is nobody's (RFC 6120 §5.4.3.3). */
  #deaf = false;
  #cause: ProviderError | undefined;
  /** RFC 6120 §4.4: nothing is said after the closing tag. */
  #closing = false;
  /** Settled when the socket is no more. */
  #gone = Promise.resolve();
  #emitted = 0;
  #established = false;
  #openedByServer = false;
  /** Bumped by every byte received; lets an ack deadline run only while nothing comes at all. */
  received = 0;

  constructor(domain: string, socket: PlainSocket | TLSSocket, handlers: StreamHandlers) {
    super({ domain });
    this.#handlers = handlers;
    tcp({ entity: this });
    this.Transport = this.transports[0];
    this.on('error', (cause: Error) => this.#fall(new ProviderError('network', { retryable: true, cause })));
    this.on('close', () =>
      this.#fall(new ProviderError('network', { retryable: true, detail: 'closed by the server' })),
    );
    this.on('disconnect', () => this.#fall(new ProviderError('network', { retryable: true, detail: 'disconnected' })));
    this.adopt(socket);
  }

  /** Goes on over this socket: at first, and after STARTTLS. */
  adopt(socket: PlainSocket | TLSSocket): void {
    this._detachSocket();
    if (socket instanceof PlainSocket && !('encrypted' in socket)) {
      this._attachSocket(socket);
      return;
    }
    const wrapped = new TlsSocket();
    wrapped._attachSocket(socket as TLSSocket);
    this._attachSocket(wrapped);
  }

  /** Takes the bare socket out, for TLS to be put on it. */
  release(): PlainSocket {
    const socket = this.socket as unknown as PlainSocket;
    this._detachSocket();
    return socket;
  }

  get isDown(): boolean {
    return this.#cause !== undefined;
  }

  /** Opens or restarts the stream and resolves to the server's features (RFC 6120 §4.3.2). */
  async open(timeout: number): Promise<Element> {
    this._detachParser();
    this.#decoder = new StringDecoder('utf8');
    this.#framer = new StanzaFramer(this.#established ? LIMITS.afterLogin : LIMITS.beforeLogin);
    this.#deaf = false;
    this.#openedByServer = false;
    const header = this.headerElement();
    header.attrs.to = this.options.domain;
    header.attrs.xmlns = NS.client;
    this.root = header;
    this._attachParser(new Parser());
    this.parser?.once('start', (root: Element) => this.#checkHeader(root));
    const features = this.expect((element) => element.is('features', NS.stream), timeout, 'features');
    unawaited(this.write(this.header(header)));
    return features;
  }

  /** From here on limits are those of a trusted server. */
  markEstablished(): void {
    this.#established = true;
  }

  /**
   * The next element that `match` takes; all others go their usual way. `match` runs in the turn of the bytes, so what it
   * sets is set before the next stanza of the same segment. Rejects with `timeout` or with why the stream ended.
   */
  expect(match: (element: Element) => boolean, timeout: number, step: string): Promise<Element> {
    return new Promise((resolve, reject) => {
      if (this.#cause) {
        reject(this.#cause);
        return;
      }
      const timer = setTimeout(
        () => this.fail(new ProviderError('timeout', { retryable: true, detail: step }), 'connection-timeout'),
        timeout,
      );
      this.#waiter = {
        match,
        settle: (element, error) => {
          clearTimeout(timer);
          this.#waiter = undefined;
          if (element) resolve(element);
          else reject(error);
        },
      };
    });
  }

  /** Sends one element. Never rejects: a broken socket is told by `down`. */
  override async send(element: Element): Promise<void> {
    element.parent = this.root;
    await this.write(element.toString());
  }

  override write(text: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#cause || this.#closing || !this.socket) resolve();
      else this.socket.write(cleanText(text), () => resolve());
    });
  }

  /** Ends at once with this cause; the server is told the condition if there is one (RFC 6120 §4.9). */
  fail(cause: ProviderError, condition?: string): void {
    if (this.#cause) return;
    if (condition) {
      unawaited(this.write(`<stream:error><${condition} xmlns="${NS.streamErrors}"/></stream:error></stream:stream>`));
    }
    this.#fall(cause);
  }

  /** RFC 6120 §4.4: closes the stream, waits a moment for the server to do the same, then closes the socket. */
  async close(): Promise<void> {
    if (this.#cause) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_TIMEOUT);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.once('close', done).once('disconnect', done);
      unawaited(this.write(this.footer()));
      this.#closing = true;
    });
    this.#fall(new ProviderError('cancelled'));
    await this.#gone;
  }

  override _onData(data: Buffer): void {
    this.received += 1;
    try {
      for (const frame of this.#framer.push(this.#decoder.write(data))) {
        if (this.#deaf || this.#cause) return;
        this.#emitted = 0;
        this.parser?.write(frame);
        if (this.#emitted + (frame.startsWith('</') ? 1 : 0) !== 1 && !this.#deaf && !this.#cause) {
          throw new FramingError('not-well-formed', 'element out of step');
        }
      }
    } catch (cause) {
      const condition = cause instanceof FramingError ? cause.condition : 'not-well-formed';
      const code = this.#openedByServer ? 'malformed' : 'not-this-protocol';
      this.fail(new ProviderError(code, { retryable: true, protocolCode: condition, cause }), condition);
    } finally {
      this.#handlers.settle();
    }
  }

  #checkHeader(root: Element): void {
    this.#emitted += 1;
    if (!root.is('stream', NS.stream)) throw new FramingError('not-well-formed', 'no stream header');
    this.#openedByServer = true;
    // RFC 6120 §4.7.5: without a version of 1.0 there are no features, so no TLS and no SASL
    if (Number.parseInt(root.attrs.version ?? '0', 10) < 1) {
      this.fail(new ProviderError('not-this-protocol', { protocolCode: 'version' }), 'unsupported-version');
    }
  }

  override _onElement(element: Element): void {
    this.#emitted += 1;
    const name = element.getName();
    const namespace = element.getNS();
    if (name === 'error' && namespace === NS.stream) {
      this.#fall(streamErrorOf(element, this.#established), element);
      return;
    }
    if (namespace === NS.client) {
      // a prefixed stanza is as good as one in the default namespace
      element.name = name;
      element.attrs.xmlns = NS.client;
    }
    // What rides behind these in plain text, or before the new header, was not protected by what they begin.
    if ((name === 'proceed' && namespace === NS.tls) || (name === 'success' && namespace === NS.sasl))
      this.#deaf = true;
    const waiter = this.#waiter;
    if (waiter?.match(element)) {
      waiter.settle(element);
      return;
    }
    this.#handlers.element(element);
  }

  /** Malformed XML, found by the parser. */
  override async _streamError(): Promise<void> {
    this.fail(
      new ProviderError(this.#openedByServer ? 'malformed' : 'not-this-protocol', {
        retryable: true,
        protocolCode: 'not-well-formed',
      }),
      'not-well-formed',
    );
  }

  #fall(cause: ProviderError, element?: Element): void {
    if (this.#cause) return;
    this.#cause = cause;
    // what came before the end counts
    this.#handlers.settle();
    const socket = this.socket;
    this._detachSocket();
    this._detachParser();
    const inner = socket instanceof TlsSocket ? socket.socket : (socket as unknown as PlainSocket | null);
    // a late error of a socket that nobody listens to must not end the program
    socket?.on('error', () => {});
    inner?.on('error', () => {});
    this.#gone = new Promise((resolve) => {
      if (!inner || inner.closed) resolve();
      else inner.once('close', () => resolve());
    });
    // what was written goes out first, but nobody waits for the other side
    inner?.end(() => inner.destroy());
    inner?.setTimeout(CLOSE_TIMEOUT, () => inner.destroy());
    this.#waiter?.settle(undefined, cause);
    // RFC 6120 §4.9.3.19
    this.#handlers.down(cause, element?.getChildText('see-other-host', NS.streamErrors) ?? undefined);
  }
}

/** An element of stream management or any other that is no stanza. */
export const nonza = (name: string, namespace: string, attrs: Record<string, string> = {}): Element =>
  xml(name, { xmlns: namespace, ...attrs });
