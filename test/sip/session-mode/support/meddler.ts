import { once } from 'node:events';
import net from 'node:net';
import { onTestFinished } from 'vitest';

export type Direction = 'out' | 'back';

/** What is done with a frame: let through, swallowed, answered 501, or the connection cut before or after it. */
export type Deed = 'pass' | 'swallow' | 'refuse' | 'cut' | 'pass-and-cut';

/**
 * Stands between two MSRP peers and does what the test says, frame by frame; `out` is the direction of whoever connected.
 */
export class Meddler {
  /** Every frame that came, whatever was done with it. */
  readonly frames: { direction: Direction; text: string }[] = [];
  deed: (frame: string, direction: Direction) => Deed = () => 'pass';
  #target: { host: string; port: number } | undefined;
  readonly #sockets = new Set<net.Socket>();
  readonly #server = net.createServer((socket) => this.#accept(socket));

  static async open(): Promise<Meddler> {
    const made = new Meddler();
    made.#server.listen(0, '127.0.0.1');
    await once(made.#server, 'listening');
    onTestFinished(() => {
      made.cut();
      made.#server.close();
    });
    return made;
  }

  /** A description with the way to its writer leading through here. */
  lead(sdp: string): string {
    const port = /^m=message (\d+)/m.exec(sdp)?.[1];
    this.#target = { host: '127.0.0.1', port: Number(port) };
    const own = (this.#server.address() as net.AddressInfo).port;
    return sdp.replaceAll(`:${port}/`, `:${own}/`).replace(`m=message ${port}`, `m=message ${own}`);
  }

  /** Cuts every connection, as a network that is gone. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #accept(near: net.Socket): void {
    if (!this.#target) {
      near.destroy();
      return;
    }
    const far = net.connect(this.#target);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    }
    this.#carry(near, far, 'out');
    this.#carry(far, near, 'back');
  }

  #carry(from: net.Socket, to: net.Socket, direction: Direction): void {
    let kept = '';
    from.on('data', (data: Buffer) => {
      kept += data.toString('latin1');
      for (;;) {
        const end = /^-------\w+[$+#]\r\n/m.exec(kept);
        if (!end) return;
        const text = kept.slice(0, end.index + end[0].length);
        kept = kept.slice(text.length);
        this.frames.push({ direction, text });
        const deed = this.deed(text, direction);
        if (deed === 'pass' || deed === 'pass-and-cut') to.write(text, 'latin1');
        if (deed === 'refuse') from.write(refusalOf(text), 'latin1');
        if (deed === 'pass-and-cut') {
          // what was let through arrives before the end
          to.end();
          from.destroy();
          return;
        }
        if (deed === 'cut') {
          this.cut();
          return;
        }
      }
    });
    from.on('close', () => to.destroy());
  }
}

/** As a relay answers what is too large for it. */
const refusalOf = (frame: string): string => {
  const [, tid] = /^MSRP (\S+)/.exec(frame) ?? [];
  const path = (name: string): string => new RegExp(`^${name}: (.*)\r$`, 'm').exec(frame)?.[1] ?? '';
  return `MSRP ${tid} 501 Too large\r\nTo-Path: ${path('From-Path')}\r\nFrom-Path: ${path('To-Path')}\r\n-------${tid}$\r\n`;
};

/** A SEND that carries a text. */
export const isText = (frame: string): boolean => / SEND\r\n/.test(frame) && /imdn\.Message-ID/.test(frame);
export const isResponse = (frame: string): boolean => /^MSRP \w+ 200/.test(frame);
export const isReport = (frame: string): boolean => / REPORT\r\n/.test(frame);
