import { once } from 'node:events';
import net from 'node:net';

/** A path to a server that can be cut and frozen. */
export interface Tunnel {
  readonly port: number;
  /** Connections go without a word; new ones are let through. */
  cut(): void;
  /** Nothing passes any more, in both directions, and nobody is told; so it is for new connections. */
  freeze(): void;
  /** New connections pass again; the old ones are cut. */
  thaw(): void;
  /** From now on what comes from the server arrives in pieces of this many bytes. */
  crumble(bytes: number): void;
  close(): Promise<void>;
}

const open = new Set<Tunnel>();

/** Opens a way to the server at `port` of this machine. */
export const openTunnel = async (port: number): Promise<Tunnel> => {
  const sockets = new Set<net.Socket>();
  let frozen = false;
  let piece = Number.POSITIVE_INFINITY;
  const join = (from: net.Socket, to: net.Socket, crumbling: boolean): void => {
    sockets.add(from);
    from.setNoDelay(true);
    from.on('error', () => {});
    from.on('data', (data: Buffer) => {
      const size = crumbling ? Math.min(piece, data.length) : data.length;
      if (!frozen) for (let at = 0; at < data.length; at += size) to.write(data.subarray(at, at + size));
    });
    from.on('close', () => {
      sockets.delete(from);
      if (!frozen) to.destroy();
    });
  };
  const server = net.createServer((client) => {
    const onward = net.connect(port, '127.0.0.1');
    join(client, onward, false);
    join(onward, client, true);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const tunnel: Tunnel = {
    port: (server.address() as net.AddressInfo).port,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      frozen = false;
      for (const socket of sockets) socket.destroy();
    },
    crumble: (bytes) => {
      piece = bytes;
    },
    close: async () => {
      open.delete(tunnel);
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  open.add(tunnel);
  return tunnel;
};

/** @example afterEach(closeTunnels); */
export const closeTunnels = async (): Promise<void> => {
  await Promise.all([...open].map((tunnel) => tunnel.close()));
};
