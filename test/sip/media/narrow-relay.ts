// A relay as RFC 4976 has it, with the manners of Kamailio 5.6: confirms at once, and loses what is too much for it.
import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { onTestFinished } from 'vitest';
import type { RelayAccount } from '../../../protocols/sip/media/relay.ts';

/** What it keeps for a connection it cannot write to. */
const ROOM = 32_768;
/** Turns of the event loop until a connection to the next hop can be used, as if a handshake was made. */
const HANDSHAKE = 50;

const host = '127.0.0.1';

/** Where frames go, once it is open. */
class Way {
  readonly #socket: net.Socket;
  readonly #lost: () => void;
  #waiting: Buffer[] | undefined;

  constructor(socket: net.Socket, lost: () => void, open: boolean) {
    this.#socket = socket;
    this.#lost = lost;
    if (open) return;
    this.#waiting = [];
    socket.once('connect', () => this.#shake(HANDSHAKE));
  }

  send(frame: Buffer): void {
    const waiting = (this.#waiting ?? []).reduce((sum, { length }) => sum + length, this.#socket.writableLength);
    if (waiting + frame.length > ROOM) this.#lost();
    else if (this.#waiting) this.#waiting.push(frame);
    else this.#socket.write(frame);
  }

  #shake(turns: number): void {
    if (turns > 0) {
      setImmediate(() => this.#shake(turns - 1));
      return;
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#socket.write(Buffer.concat(waiting));
  }
}

/** Calls `take` with each frame as Latin-1 text. */
const readFrames = (socket: net.Socket, take: (tid: string, frame: string) => void): void => {
  let text = '';
  socket.on('data', (data) => {
    text += data.toString('latin1');
    for (;;) {
      const tid = /^MSRP (\S+) /.exec(text)?.[1];
      const end = tid === undefined ? null : new RegExp(`-------${tid}[$+#]\r\n`).exec(text);
      if (tid === undefined || !end) return;
      const length = end.index + end[0].length;
      take(tid, text.slice(0, length));
      text = text.slice(length);
    }
  });
};

/**
 * A relay for one account, over TCP. `lost`: frames that were too much for it. `toPeers`: without it what is for somebody who
 * has no relay goes nowhere.
 */
export const narrowRelay = async (toPeers = true): Promise<{ account: RelayAccount; lost: () => number }> => {
  let lost = 0;
  const sockets = new Set<net.Socket>();
  const clients = new Map<string, { socket: net.Socket; way: Way }>();
  const hops = new Map<string, Way>();

  const begin = (socket: net.Socket, open: boolean): Way => {
    sockets.add(socket);
    socket.on('error', () => {});
    const way = new Way(socket, () => lost++, open);
    readFrames(socket, (tid, frame) => take(socket, way, tid, frame));
    return way;
  };
  const take = (socket: net.Socket, back: Way, tid: string, frame: string): void => {
    const [, method, to = '', from = ''] =
      /^MSRP \S+ (\S+)[^\r]*\r\nTo-Path: (.*)\r\nFrom-Path: (.*)\r\n/.exec(frame) ?? [];
    const [own = '', next = '', ...rest] = to.split(' ');
    const answer = (fields = ''): void =>
      back.send(
        Buffer.from(
          `MSRP ${tid} 200 OK\r\nTo-Path: ${from.split(' ')[0]}\r\nFrom-Path: ${own}\r\n${fields}-------${tid}$\r\n`,
        ),
      );
    if (method === 'AUTH') {
      const path = `${own.replace(';tcp', '')}/${randomUUID()};tcp`;
      clients.set(path, { socket, way: back });
      answer(`Use-Path: ${path}\r\nExpires: 900\r\n`);
    } else if (method === 'SEND' || method === 'REPORT') {
      if (method === 'SEND') answer();
      const client = clients.get(own);
      const passed = frame.replace(
        /To-Path: .*\r\nFrom-Path: .*\r\n/,
        `To-Path: ${[next, ...rest].join(' ')}\r\nFrom-Path: ${own} ${from}\r\n`,
      );
      const inward = client !== undefined && client.socket !== socket;
      if (!inward && !toPeers) return;
      const way = inward ? client.way : wayTo(next);
      way.send(Buffer.from(passed, 'latin1'));
    }
  };
  const wayTo = (uri: string): Way => {
    const { hostname, port } = new URL(uri.replace('msrp:', 'http:'));
    const known = hops.get(`${hostname} ${port}`) ?? begin(net.connect(Number(port), hostname), false);
    hops.set(`${hostname} ${port}`, known);
    return known;
  };

  const server = net.createServer((socket) => void begin(socket, true));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const uri = `msrp://${host}:${(server.address() as net.AddressInfo).port};tcp`;
  return {
    account: {
      locate: async () => [{ uri, trust: { allowTcp: true } }],
      credentials: async () => ({ username: 'ana', password: 'secret' }),
    },
    lost: () => lost,
  };
};
