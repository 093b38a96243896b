import { once } from 'node:events';
import net from 'node:net';
import { onTestFinished } from 'vitest';

export interface Faults {
  /** Share of connections that are cut, at any of so many bytes. */
  cut: number;
  within: number;
  /** Share of connections that go silent in place of that: nothing comes through any more, and nobody is told. */
  silent: number;
  /** Share of pieces that are held up for some turns of the event loop, with all behind them. */
  late: number;
}

interface Connection {
  near: net.Socket;
  far: net.Socket;
  fate: 'cut' | 'silent' | undefined;
  /** Bytes until then. */
  left: number;
  late: number;
  silenced: boolean;
}

/** TCP on 127.0.0.1 between two that do as they should, with connections that break, stop and stall at bytes of its choice. */
export class RoughNetwork {
  /** What befell connections so far. */
  readonly befallen = { cut: 0, silent: 0 };
  readonly #random: () => number;
  #accepted = 0;
  readonly #free: net.Server[] = [];
  readonly #targets = new Map<net.Server, { host: string; port: number }>();
  readonly #sockets = new Set<net.Socket>();
  readonly #faults = new Map<net.Server, Faults>();

  private constructor(random: () => number) {
    this.#random = random;
  }

  /** @param ways how many targets it can lead to */
  static async open(random: () => number, ways: number): Promise<RoughNetwork> {
    const made = new RoughNetwork(random);
    for (let count = 0; count < ways; count++) {
      const server = net.createServer((socket) => made.#accept(server, socket));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      made.#free.push(server);
    }
    onTestFinished(() => {
      for (const socket of made.#sockets) socket.destroy();
      for (const server of [...made.#free, ...made.#targets.keys()]) server.close();
    });
    return made;
  }

  /** The port of a way to the target. */
  way(target: { host: string; port: number }, faults: Faults): number {
    const server = this.#free.pop();
    if (!server) throw new Error('no way left');
    this.#targets.set(server, target);
    this.#faults.set(server, faults);
    return (server.address() as net.AddressInfo).port;
  }

  /** A description with the media of its writer at the end of a way. */
  lead(sdp: string, faults: Faults): string {
    const port = /^m=message (\d+)/m.exec(sdp)?.[1] ?? '9';
    const host = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1] ?? '';
    if (port === '9' || port === '0') return sdp;
    const way = this.way({ host, port: Number(port) }, faults);
    return sdp
      .replaceAll(`//${host}:${port}/`, `//127.0.0.1:${way}/`)
      .replaceAll(`IN IP4 ${host}`, 'IN IP4 127.0.0.1')
      .replace(`m=message ${port}`, `m=message ${way}`);
  }

  #accept(server: net.Server, near: net.Socket): void {
    const target = this.#targets.get(server);
    const faults = this.#faults.get(server);
    if (!target || !faults) {
      near.destroy();
      return;
    }
    const far = net.connect(target);
    // one is cut in any case
    const draw = this.#accepted++ === 0 ? 0 : this.#random();
    const fate: Connection['fate'] =
      draw < faults.cut ? 'cut' : draw < faults.cut + faults.silent ? 'silent' : undefined;
    const connection: Connection = {
      near,
      far,
      fate,
      left: Math.floor(this.#random() * faults.within),
      late: faults.late,
      silenced: false,
    };
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    }
    this.#carry(connection, near, far);
    this.#carry(connection, far, near);
  }

  #carry(connection: Connection, from: net.Socket, to: net.Socket): void {
    let before: Promise<void> | undefined;
    const pass = (data: Buffer): void => {
      if (!connection.fate) {
        to.write(data);
        return;
      }
      to.write(data.subarray(0, connection.left));
      const over = data.length >= connection.left;
      connection.left = Math.max(0, connection.left - data.length);
      if (!over || connection.silenced) return;
      if (connection.fate === 'cut') {
        this.befallen.cut += 1;
        for (const socket of [connection.near, connection.far]) socket.destroy();
      } else {
        connection.silenced = true;
        this.befallen.silent += 1;
      }
    };
    const held = async (data: Buffer, turns: number): Promise<void> => {
      await before;
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      if (!to.destroyed) pass(data);
    };
    from.on('data', (data: Buffer) => {
      const turns = this.#random() < connection.late ? Math.floor(this.#random() * 30) : 0;
      if (turns === 0 && !before) {
        pass(data);
        return;
      }
      const piece = held(data, turns).then(() => {
        if (before === piece) before = undefined;
      });
      before = piece;
    });
    from.on('close', () => {
      if (before) void before.then(() => to.destroy());
      else to.destroy();
    });
  }
}
