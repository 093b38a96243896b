import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { onTestFinished } from 'vitest';

export type Direction = 'out' | 'back';

/** Between one account and the server: passes everything on until `holds` says of something that it goes no further. */
export interface Gate {
  port: number;
  /** Asked of each piece of a stream, or datagram, while nothing is held; `out` is towards the server. */
  holds: (direction: Direction, data: Buffer) => boolean;
  /** Resolves when the nth piece has come that is held, from 1. */
  held(nth?: number): Promise<void>;
  /** Passes on what was held, where there still is a way, and all that follows. */
  release(): void;
}

/**
 * A gate towards a port of the server. A connection whose other half breaks is broken. A datagram nobody took is lost without a
 * word, as on a real path.
 */
export const gate = async (transport: 'udp' | 'stream', target: number): Promise<Gate> => {
  let isHolding = false;
  let isOpen = false;
  let count = 0;
  const kept: (() => void)[] = [];
  const watchers = new Set<() => void>();
  const pass = (direction: Direction, data: Buffer, send: () => void): void => {
    isHolding ||= !isOpen && made.holds(direction, data);
    if (!isHolding) {
      send();
      return;
    }
    kept.push(send);
    count += 1;
    for (const watcher of watchers) watcher();
  };
  const made: Gate = {
    port: 0,
    holds: () => false,
    held: (nth = 1) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (count < nth) return;
          watchers.delete(check);
          resolve();
        };
        watchers.add(check);
        check();
      }),
    release: () => {
      isOpen = true;
      isHolding = false;
      for (const send of kept.splice(0)) send();
    },
  };
  made.port = await (transport === 'udp' ? datagrams(target, pass) : streams(target, pass));
  return made;
};

type Pass = (direction: Direction, data: Buffer, send: () => void) => void;

const datagrams = async (target: number, pass: Pass): Promise<number> => {
  const [outer, inner] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  let client: dgram.RemoteInfo | undefined;
  outer.on('message', (data, from) => {
    client = from;
    pass('out', data, () => inner.send(data, target, '127.0.0.1'));
  });
  inner.on('message', (data) => pass('back', data, () => client && outer.send(data, client.port, client.address)));
  for (const socket of [outer, inner]) {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
  }
  return outer.address().port;
};

const streams = async (target: number, pass: Pass): Promise<number> => {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((outer) => {
    const inner = net.connect(target, '127.0.0.1');
    const join = (from: net.Socket, to: net.Socket, direction: Direction): void => {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('data', (data: Buffer) => pass(direction, data, () => void (to.destroyed || to.write(data))));
    };
    join(outer, inner, 'out');
    join(inner, outer, 'back');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as net.AddressInfo).port;
};
