import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { onTestFinished } from 'vitest';
import type { TlsIdentity } from '../../../msrp/index.ts';

/** What is done with a frame of a client: taken, swallowed, confirmed and then lost, or the client's connection cut before or after. */
export type Deed = 'pass' | 'swallow' | 'lose' | 'cut' | 'pass-and-cut';

interface Client {
  socket: net.Socket;
  kept: string;
  nonces: Set<string>;
}

/**
 * A relay (RFC 4976) for clients of one place: challenges, grants paths, answers each SEND itself and passes it on. A path is
 * worth something on the connection it was granted on, and nowhere else.
 */
export class TestRelay {
  /** Every frame that came, whatever was done with it. */
  readonly frames: string[] = [];
  /** Nonces that were used to log in. */
  readonly nonces: string[] = [];
  deed: (frame: string) => Deed = () => 'pass';
  /** Refuses every AUTH with this. */
  refusal: string | undefined;
  /** The same path for the same client each time (`kept`: the one it had before, whatever that was), or another. */
  paths: 'same' | 'kept' | 'fresh' = 'fresh';
  /** In the order in which they were granted. */
  readonly granted: string[] = [];
  /** By the client's own URI. */
  readonly #last = new Map<string, string>();
  expires = 900;
  /** The same for the next grants, one each. */
  readonly nextExpires: number[] = [];
  readonly #server: net.Server;
  readonly #clients = new Set<Client>();
  readonly #owners = new Map<string, Client>();
  readonly #watchers = new Set<() => void>();
  readonly #secure: boolean;
  #port = 0;
  #made = 0;

  private constructor(identity: TlsIdentity | undefined) {
    this.#secure = identity !== undefined;
    const take = (socket: net.Socket) => this.#accept(socket);
    this.#server = identity === undefined ? net.createServer(take) : tls.createServer({ ...identity }, take);
    this.#server.on('tlsClientError', () => undefined);
  }

  static async open(identity?: TlsIdentity): Promise<TestRelay> {
    const made = new TestRelay(identity);
    await made.start();
    onTestFinished(() => made.stop());
    return made;
  }

  get uri(): string {
    return `${this.#secure ? 'msrps' : 'msrp'}://127.0.0.1:${this.#port};tcp`;
  }

  /** Number of connections. */
  get connections(): number {
    return this.#clients.size;
  }

  /** Listens, at the same port as before. */
  async start(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as net.AddressInfo).port;
  }

  /** Is not there any more. */
  stop(): void {
    this.#server.close();
    this.cut();
  }

  /** Shows another certificate from now on. */
  become(identity: TlsIdentity): void {
    (this.#server as tls.Server).setSecureContext({ ...identity });
  }

  /** Cuts the connections of everybody, or of whom a path was granted to. */
  cut(localPath?: string): void {
    const owner = localPath === undefined ? undefined : this.#owners.get(localPath.split(' ')[0] ?? '');
    for (const client of localPath === undefined ? this.#clients : owner ? [owner] : []) {
      if (client.socket instanceof tls.TLSSocket) client.socket.destroy();
      else client.socket.resetAndDestroy();
    }
  }

  /** Cuts the connection of the client that was granted the nth path. */
  cutOne(nth: number): void {
    this.cut(this.granted[nth]);
  }

  /** Resolves when what is asked for holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        const watcher = () => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }

  /** Frames that came so far and fit. */
  count(fits: RegExp): number {
    return this.frames.filter((frame) => fits.test(frame)).length;
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #accept(socket: net.Socket): void {
    const client: Client = { socket, kept: '', nonces: new Set() };
    this.#clients.add(client);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#clients.delete(client);
      for (const [path, owner] of this.#owners) if (owner === client) this.#owners.delete(path);
      this.#tell();
    });
    socket.on('data', (data: Buffer) => {
      client.kept += data.toString('latin1');
      for (;;) {
        const [frame] = /^(?:\r\n)*MSRP (\S+) [\s\S]*?-------\1[$+#]\r\n/.exec(client.kept) ?? [];
        if (frame === undefined) return;
        client.kept = client.kept.slice(frame.length);
        this.frames.push(frame);
        const deed = this.deed(frame);
        if (deed === 'pass' || deed === 'pass-and-cut') this.#take(client, frame);
        if (deed === 'lose') this.#confirm(client, frame);
        if (deed === 'cut') socket.resetAndDestroy();
        if (deed === 'pass-and-cut') socket.end(() => socket.destroy());
        this.#tell();
      }
    });
    this.#tell();
  }

  #confirm(client: Client, frame: string): void {
    const [, tid = '', to = '', from = ''] =
      /MSRP (\S+) SEND\r\nTo-Path: (\S+).*\r\nFrom-Path: (\S+)/.exec(frame) ?? [];
    client.socket.write(`MSRP ${tid} 200 OK\r\nTo-Path: ${from}\r\nFrom-Path: ${to}\r\n-------${tid}$\r\n`);
  }

  #take(client: Client, frame: string): void {
    const [, tid = '', method = '', to = '', from = ''] =
      /MSRP (\S+) (.*)\r\nTo-Path: (.*)\r\nFrom-Path: (.*)\r\n/.exec(frame) ?? [];
    const answer = (status: string, headers = '') =>
      client.socket.write(
        `MSRP ${tid} ${status}\r\nTo-Path: ${from.split(' ')[0]}\r\nFrom-Path: ${to.split(' ')[0]}\r\n${headers}-------${tid}$\r\n`,
      );
    if (method === 'AUTH') this.#authorize(client, frame, from, answer);
    // the next hop's answer to what was passed on goes no further
    else if (/^\d/.test(method)) return;
    else this.#pass(client, frame, { method, to: to.split(' '), from, answer });
  }

  #authorize(client: Client, frame: string, from: string, answer: (status: string, headers?: string) => void): void {
    const nonce = /nonce="(.*?)"/.exec(frame)?.[1];
    if (this.refusal !== undefined) {
      answer(this.refusal, 'WWW-Authenticate: Digest realm="relay", nonce="x", qop="auth"\r\n');
    } else if (nonce === undefined || !client.nonces.delete(nonce)) {
      const fresh = `nonce${++this.#made}`;
      client.nonces.add(fresh);
      answer('401 Unauthorized', `WWW-Authenticate: Digest realm="relay", nonce="${fresh}", qop="auth"\r\n`);
    } else {
      this.nonces.push(nonce);
      const id = this.paths === 'same' ? /\/([^/;]+);tcp$/.exec(from)?.[1] : `path${++this.#made}`;
      const made = this.uri.replace(';tcp', `/${id};tcp`);
      const path = this.paths === 'kept' ? (this.#last.get(from) ?? made) : made;
      this.#last.set(from, path);
      this.granted.push(path);
      this.#owners.set(path, client);
      answer('200 OK', `Use-Path: ${path}\r\nExpires: ${this.nextExpires.shift() ?? this.expires}\r\n`);
    }
  }

  #pass(
    client: Client,
    frame: string,
    request: { method: string; to: string[]; from: string; answer: (status: string) => void },
  ): void {
    const { to, method, answer } = request;
    let from = request.from;
    let owner: Client | undefined = client;
    while (to.length > 1) {
      const hop = to.shift() ?? '';
      owner = this.#owners.get(hop);
      from = `${hop} ${from}`;
      if (owner === undefined) break;
    }
    if (method === 'SEND') answer(owner === undefined ? '481 No such session' : '200 OK');
    owner?.socket.write(
      frame.replace(/To-Path: .*\r\nFrom-Path: .*\r\n/, `To-Path: ${to.join(' ')}\r\nFrom-Path: ${from}\r\n`),
      'latin1',
    );
  }
}
