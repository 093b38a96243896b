import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { onTestFinished } from 'vitest';
import type { AccountBinding } from '../../../protocols/sip/authentication/account-binding.ts';
import { DigestClient } from '../../../protocols/sip/authentication/digest-client.ts';
import { XcapClient } from '../../../protocols/sip/xcap/xcap-client.ts';

export interface Asked {
  method: string;
  path: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** An HTTP server that answers as a test says, and tells what it was asked. It can go, and come back at the same port. */
export const httpServer = async (
  answer: (asked: Asked, response: http.ServerResponse) => void,
): Promise<{ root: URL; asked: Asked[]; stop: () => void; start: () => Promise<void> }> => {
  const asked: Asked[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      asked.push(one);
      answer(one, response);
    });
  });
  const start = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  await start(0);
  onTestFinished(stop);
  const { port } = server.address() as net.AddressInfo;
  return { root: new URL(`http://127.0.0.1:${port}/xcap-root/`), asked, stop, start: () => start(port) };
};

/** A server below HTTP: it is given each connection as it is. */
export const rawServer = async (take: (socket: net.Socket) => void): Promise<URL> => {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    take(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}/xcap-root/`);
};

export const client = (
  root: URL,
  options: { timeout?: number; owner?: string; plain?: boolean; binding?: AccountBinding } = {},
): XcapClient => {
  const digest = new DigestClient('ana', 'secret', () => 'cnonce', options.binding);
  return new XcapClient({
    root,
    owner: options.owner ?? 'sip:ana@campus.test',
    trust: { certificateAuthorities: [], trustedFingerprints: [] },
    names: ['campus.test'],
    credentials: async () => digest,
    timeout: options.timeout,
    ...(options.plain === undefined ? {} : { plain: options.plain }),
  });
};

/** Documents by path, with tags that count up; `conflicts` writes are refused first. */
export class Shelf {
  readonly documents = new Map<string, { text: string; etag: string }>();
  conflicts = 0;
  /**
   * What every request but those for documents that are not there is answered with instead; `unheard`: what is written is
   * taken, and the answer lost.
   */
  status: number | 'broken' | 'unheard' | undefined;
  /** Which documents break a rule of the server's (409). */
  refuses: (body: string) => boolean = () => false;
  /** Seconds it then asks to be left alone. */
  retryAfter: number | undefined;
  /** Done before the next write: another device is quicker. */
  between: () => void = () => {};
  /** Answers wait for it, and are of the moment of the question. */
  hold: Promise<void> = Promise.resolve();
  #count = 0;

  put(path: string, text: string): void {
    this.#count += 1;
    this.documents.set(path, { text, etag: `"${this.#count}"` });
  }

  readonly answer = ({ method, path, headers, body }: Asked, response: http.ServerResponse): void => {
    if (method === 'PUT') {
      this.between();
      this.between = () => {};
    }
    const known = this.documents.get(path);
    if (this.status === 'broken') response.destroy();
    else if (typeof this.status === 'number' && (known || method === 'PUT'))
      response.writeHead(this.status, this.retryAfter === undefined ? {} : { 'Retry-After': this.retryAfter }).end();
    else void this.hold.then(() => this.#answer({ method, headers, body, path }, known, response));
  };

  #answer(
    { method, headers, body, path }: Asked,
    known: { text: string; etag: string } | undefined,
    response: http.ServerResponse,
  ): void {
    if (method === 'GET') {
      if (!known) response.writeHead(404).end();
      else if (headers['if-none-match'] === known.etag) response.writeHead(304).end();
      else response.writeHead(200, { ETag: known.etag }).end(known.text);
      return;
    }
    const isRefused =
      this.conflicts > 0 ||
      (headers['if-none-match'] === '*' && known !== undefined) ||
      (headers['if-match'] !== undefined && headers['if-match'] !== known?.etag);
    if (isRefused) {
      this.conflicts -= 1;
      response.writeHead(412).end();
      return;
    }
    if (this.refuses(body)) {
      response.writeHead(409).end();
      return;
    }
    this.put(path, body);
    if (this.status === 'unheard') {
      response.destroy();
      return;
    }
    response.writeHead(known ? 200 : 201, { ETag: this.documents.get(path)?.etag }).end();
  }
}

export const LISTS_PATH = '/xcap-root/resource-lists/users/sip:ana@campus.test/index';
