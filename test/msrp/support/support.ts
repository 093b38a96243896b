import fs from 'node:fs/promises';
import net, { type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type AcceptHook,
  type EndpointOptions,
  MemorySink,
  MsrpEndpoint,
  type MsrpSession,
  type ReceiveOutcome,
  type SessionOptions,
  type StartOptions,
} from '../../../msrp/index.ts';

/** An endpoint that is closed when the test ends. */
export function endpoint(options: EndpointOptions = {}): MsrpEndpoint {
  const made = new MsrpEndpoint(options);
  onTestFinished(() => made.close());
  return made;
}

/** A folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'msrp-'));
  onTestFinished(() => fs.rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs as somebody who may not do everything, where the tests are run by root. */
export async function unprivileged<T>(run: () => Promise<T>): Promise<T> {
  const { geteuid, seteuid } = process;
  if (geteuid?.() !== 0 || seteuid === undefined) return await run();
  seteuid(65_534);
  try {
    return await run();
  } finally {
    seteuid(0);
  }
}

/** A promise and what settles it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** A message as the far end got it. */
export interface Received {
  messageId: string;
  contentType: string;
  bytes: Buffer;
  outcome: ReceiveOutcome;
}

/** Accepts every message into memory and hands it out when it has ended. */
export class Mailbox {
  readonly #arrived: Received[] = [];
  readonly #waiting: ((received: Received) => void)[] = [];

  readonly accept: AcceptHook = (offer) => {
    const sink = new MemorySink(64 * 1024 * 1024);
    let bytes = Buffer.alloc(0);
    return {
      sink: {
        write: (data, position) => sink.write(data, position),
        close: async () => {
          bytes = Buffer.from(sink.bytes);
        },
        abort: async () => {
          bytes = Buffer.from(sink.bytes);
        },
      },
      ended: (outcome) => {
        const received = { messageId: offer.messageId, contentType: offer.contentType, bytes, outcome };
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#arrived.push(received);
        else waiting(received);
      },
    };
  };

  /** Messages that have ended and nobody has asked for. */
  get count(): number {
    return this.#arrived.length;
  }

  next(): Promise<Received> {
    const received = this.#arrived.shift();
    if (received !== undefined) return Promise.resolve(received);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export interface Pair {
  active: MsrpSession;
  passive: MsrpSession;
  /** What `passive` gets. */
  mailbox: Mailbox;
  /** What `active` gets. */
  backMailbox: Mailbox;
}

/** Two sessions that are bound to each other over a real socket. */
export async function pair(
  options: {
    active?: Partial<SessionOptions>;
    passive?: Partial<SessionOptions>;
    activeEndpoint?: EndpointOptions;
    passiveEndpoint?: EndpointOptions;
    activeStart?: Partial<StartOptions>;
  } = {},
): Promise<Pair> {
  const near = endpoint(options.activeEndpoint);
  const far = endpoint(options.passiveEndpoint);
  const listener = await far.listen({ host: '127.0.0.1' });
  const mailbox = new Mailbox();
  const backMailbox = new Mailbox();
  const passive = far.createSession({ listener, accept: mailbox.accept, ...options.passive });
  const active = near.createSession({ host: '127.0.0.1', accept: backMailbox.accept, ...options.active });
  await Promise.all([
    passive.start({ remotePath: active.localPath, role: 'passive' }),
    active.start({ remotePath: passive.localPath, role: 'active', ...options.activeStart }),
  ]);
  return { active, passive, mailbox, backMailbox };
}

/** A peer of which the test writes and reads every byte. */
export class RawPeer {
  readonly socket: Socket;
  #text = '';
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => {
      // bodies of ~ may be as large as they like
      this.#text = (this.#text + data.toString('latin1')).replace(/~{2,}/g, '~');
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  static connect(port: number): Promise<RawPeer> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host: '127.0.0.1' });
      onTestFinished(() => {
        socket.destroy();
      });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawPeer(socket)));
    });
  }

  write(frame: string | Uint8Array): void {
    this.socket.write(frame);
  }

  /** Waits until what has been received and not taken matches, and takes it up to the end of the match. */
  async read(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match !== null) {
        this.#text = this.#text.slice(match.index + match[0].length);
        return match;
      }
      if (this.#ended) throw new Error(`The connection ended before ${pattern} came; there was: ${this.#text}`);
      await this.#change();
    }
  }

  /** Takes the next whole frame. */
  async frame(): Promise<string> {
    return (await this.read(/^(?:\r\n)*MSRP (\S+) [\s\S]*?-------\1[$+#]\r\n/))[0];
  }

  /** Resolves when the other side has closed; gives what was left unread. */
  async closed(): Promise<string> {
    while (!this.#ended) await this.#change();
    return this.#text;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** A listener that hands out raw peers. */
export async function rawServer(): Promise<{ port: number; peer: () => Promise<RawPeer> }> {
  const connections: RawPeer[] = [];
  const waiting: ((peer: RawPeer) => void)[] = [];
  const server = net.createServer((socket) => {
    const peer = new RawPeer(socket);
    const next = waiting.shift();
    if (next === undefined) connections.push(peer);
    else next(peer);
    onTestFinished(() => {
      socket.destroy();
    });
  });
  onTestFinished(() => {
    server.close();
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
  });
  return {
    port,
    peer: () => {
      const peer = connections.shift();
      return peer === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(peer);
    },
  };
}
