import { once } from 'node:events';
import net from 'node:net';
import { onTestFinished } from 'vitest';

/** A way to a server of the campus that can be cut. */
export class Forwarder {
  readonly #sockets = new Set<net.Socket>();
  readonly #server: net.Server;

  private constructor(port: number) {
    this.#server = net.createServer((near) => {
      const far = net.connect({ port, host: '127.0.0.1' });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from
          .on('error', () => {})
          .on('close', () => {
            this.#sockets.delete(from);
            to.destroy();
          });
        from.pipe(to);
      }
    });
  }

  static async open(port: number): Promise<Forwarder> {
    const made = new Forwarder(port);
    made.#server.listen(0, '127.0.0.1');
    await once(made.#server, 'listening');
    onTestFinished(() => {
      made.cut();
      made.#server.close();
    });
    return made;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** The MSRP relay behind it. */
  get uri(): string {
    return `msrps://127.0.0.1:${this.port};tcp`;
  }

  /** Cuts every connection, as a network that is gone. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}
