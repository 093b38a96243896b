import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { onTestFinished } from 'vitest';
import { MessageFramer } from '../../protocols/sip/transport/wire/message-framer.ts';
import { MessageHead } from '../../protocols/sip/transport/wire/message-head.ts';

export interface Received {
  head: MessageHead;
  body: string;
  method: string;
  /** Sends an answer built from the request; `headers` are whole lines. */
  answer(status: number, headers?: readonly string[], body?: string): void;
}

/** A SIP server over TCP or TLS that does what a test says, so that it can be wrong in every way. */
export class ScriptedServer {
  /** Every request but ACK, in order. */
  readonly requests: Received[] = [];
  /** Every ACK, in order. */
  readonly acknowledgements: MessageHead[] = [];
  /** Every answer, in order. */
  readonly answers: MessageHead[] = [];
  readonly sockets = new Set<net.Socket>();
  /** CRLFs between messages. */
  crlfs = 0;
  /** What is done with each request. */
  handler: (request: Received) => void = (request) => request.answer(200);
  #watchers = new Set<() => void>();
  readonly #bodies = new WeakMap<MessageHead, string>();
  readonly #server: net.Server;

  private constructor(identity: { key: string; cert: string } | undefined) {
    const accept = (socket: net.Socket): void => this.#accept(socket);
    this.#server = identity ? tls.createServer(identity, accept) : net.createServer(accept);
  }

  /** With an identity over TLS. `port`: one that was just given up; any free one. */
  static async open(identity?: { key: string; cert: string }, port = 0): Promise<ScriptedServer> {
    const made = new ScriptedServer(identity);
    made.#server.listen(port, '127.0.0.1');
    await once(made.#server, 'listening');
    onTestFinished(() => made.close());
    return made;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Resolves when what is asked for has come. */
  async until<T>(found: () => T | undefined): Promise<T> {
    for (;;) {
      const value = found();
      if (value !== undefined) return value;
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }

  /** The nth request of a method, from 1. */
  request(method: string, nth = 1): Promise<Received> {
    return this.until(() => this.requests.filter((request) => request.method === method)[nth - 1]);
  }

  /** Of one of the answers. */
  bodyOf(answer: MessageHead): string {
    return this.#bodies.get(answer) ?? '';
  }

  /** Sends text as it is to whoever is connected. */
  send(text: string): void {
    for (const socket of this.sockets) socket.write(text);
  }

  /** A request from a stranger; `lines` replace or follow the usual headers. */
  sendRequest(method: string, uri: string, lines: readonly string[], body = ''): void {
    const given = new Set(lines.map((line) => line.split(':', 1)[0]?.trim().toLowerCase()));
    const usual = [
      `Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK${Math.random()}`,
      'From: <sip:stranger@elsewhere.test>;tag=1',
      'To: <sip:ana@campus.test>',
      `Call-ID: ${Math.random()}`,
      `CSeq: 1 ${method}`,
      'Max-Forwards: 70',
    ].filter((line) => !given.has(line.split(':', 1)[0]?.toLowerCase() ?? ''));
    this.send(
      [`${method} ${uri} SIP/2.0`, ...usual, ...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join(
        '\r\n',
      ),
    );
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }

  #accept(socket: net.Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
    const framer = new MessageFramer({
      crlf: () => {
        this.crlfs += 1;
        for (const watcher of this.#watchers) watcher();
      },
      oversized: () => {},
      message: (text, body) => {
        const head = MessageHead.parse(text);
        if (!head) return;
        if (head.start.kind === 'response') {
          this.answers.push(head);
          this.#bodies.set(head, body.toString());
        } else if (head.method === 'ACK') this.acknowledgements.push(head);
        else {
          const request = received(socket, head, body.toString());
          this.requests.push(request);
          this.handler(request);
        }
        for (const watcher of this.#watchers) watcher();
      },
    });
    socket.on('data', (chunk) => framer.push(chunk as Buffer));
  }
}

const received = (socket: net.Socket, head: MessageHead, body: string): Received => ({
  head,
  body,
  method: head.method,
  answer: (status, headers = [], answer = '') => {
    const to = head.get('to') ?? '';
    const lines = [
      `SIP/2.0 ${status} Whatever`,
      ...head.all('via').map((via) => `Via: ${via}`),
      `From: ${head.get('from')}`,
      `To: ${to.includes(';tag=') ? to : `${to};tag=server`}`,
      `Call-ID: ${head.get('call-id')}`,
      `CSeq: ${head.get('cseq')}`,
      ...headers,
      `Content-Length: ${Buffer.byteLength(answer)}`,
      '',
      answer,
    ];
    socket.write(lines.join('\r\n'));
  },
});
