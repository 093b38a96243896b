import type { Socket } from 'node:net';
import type { ReadBuffers } from './read-buffers.ts';

/** What a transport tells its connection. */
export interface TransportEvents {
  /** Bytes from the peer; their memory is used again unless `hold` was called while they were handed over. */
  bytes(data: Uint8Array): void;
  /** Nothing more comes or goes. */
  closed(cause: Error | undefined): void;
}

/** A socket, and the memory it reads into if it is one that can be told so. */
export interface SocketAndBuffers {
  readonly socket: Socket;
  /** Calls back for each read, and does not read on while that says no. */
  readonly direct: { readonly buffers: ReadBuffers; onBytes(take: (data: Uint8Array) => boolean): void } | undefined;
}

/**
 * The reading half of a socket, with back-pressure: bytes that somebody still holds count, and too many of them stop
 * the socket until they are let go.
 */
export class Transport {
  readonly socket: Socket;
  readonly #window: number;
  readonly #buffers: ReadBuffers | undefined;
  #held = 0;
  #blocked = false;
  #pauses = 0;
  #paused = false;

  /** `window`: most received bytes that may be held at once. */
  constructor({ socket, direct }: SocketAndBuffers, window: number, events: TransportEvents) {
    this.socket = socket;
    this.#window = window;
    this.#buffers = direct?.buffers;
    let cause: Error | undefined;
    if (direct === undefined) {
      socket.on('data', (data: Uint8Array) => events.bytes(data));
    } else {
      direct.onBytes((data) => {
        events.bytes(data);
        return !this.#paused;
      });
      socket.resume();
    }
    socket.on('error', (error) => {
      cause = error;
    });
    // a lost reading side without an end from ours would stay half open for ever
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.#buffers?.release();
      events.closed(cause);
    });
  }

  /** Keeps `bytes` of what is being handed over; the returned function lets them go, once. */
  hold(bytes: number): () => void {
    const release = this.#buffers?.hold();
    this.#held += bytes;
    this.#update();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      release?.();
      this.#held -= bytes;
      this.#update();
    };
  }

  /** Stops reading until the returned function is called. */
  pause(): () => void {
    this.#pauses++;
    this.#update();
    let paused = true;
    return () => {
      if (!paused) return;
      paused = false;
      this.#pauses--;
      this.#update();
    };
  }

  /** Stops reading for another reason: the peer sends but does not read. */
  block(blocked: boolean): void {
    this.#blocked = blocked;
    this.#update();
  }

  #update(): void {
    const pause = this.#blocked || this.#pauses > 0 || this.#held > (this.#paused ? this.#window / 2 : this.#window);
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }
}
