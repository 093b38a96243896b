import type { Socket } from 'node:net';

/** What a transport tells its connection. */
export interface TransportEvents {
  /** Bytes from the peer; their memory is used again unless `hold` was called while they were handed over. */
  bytes(data: Uint8Array): void;
  /** Nothing more comes or goes. */
  closed(cause: Error | undefined): void;
}

/**
 * The reading half of a socket, with back-pressure: bytes that somebody still holds count, and too many of them stop
 * the socket until they are let go.
 */
export class Transport {
  readonly socket: Socket;
  readonly #window: number;
  #held = 0;
  #blocked = false;
  #paused = false;

  /** `window`: most received bytes that may be held at once. */
  constructor(socket: Socket, window: number, events: TransportEvents) {
    this.socket = socket;
    this.#window = window;
    // a lost reading side without an end from ours would stay half open for ever
    let cause: Error | undefined;
    socket.setNoDelay(true);
    socket.on('data', (data: Uint8Array) => events.bytes(data));
    socket.on('error', (error) => {
      cause = error;
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => events.closed(cause));
  }

  /** Keeps `bytes` of what is being handed over; the returned function lets them go, once. */
  hold(bytes: number): () => void {
    this.#held += bytes;
    this.#update();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#held -= bytes;
      this.#update();
    };
  }

  /** Stops reading for another reason: the peer sends but does not read. */
  block(blocked: boolean): void {
    this.#blocked = blocked;
    this.#update();
  }

  #update(): void {
    const pause = this.#blocked || this.#held > (this.#paused ? this.#window / 2 : this.#window);
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }
}
