import { Buffer } from 'node:buffer';
import { type OnReadOpts, Socket } from 'node:net';
import { type ReadBufferPools, ReadBuffers } from './read-buffers.ts';
import type { SocketAndBuffers } from './transport.ts';

/** The option that lets a socket read into given memory, and what comes of it. */
export interface DirectReading {
  readonly onread: OnReadOpts;
  readonly direct: NonNullable<SocketAndBuffers['direct']>;
}

/** Memory for one socket, and the calls the socket makes about it. */
export function directReading(pools: ReadBufferPools): DirectReading {
  const buffers = new ReadBuffers(pools);
  const early: Buffer[] = [];
  // what a quick peer sends while nobody listens yet
  let take = (data: Uint8Array): boolean => {
    early.push(Buffer.from(data));
    return false;
  };
  let last = 0;
  return {
    onread: {
      // asked for before the first read and after each one
      buffer: () => {
        const length = last;
        last = 0;
        return length === 0 ? buffers.current : buffers.next(length);
      },
      callback: (length, bytes) => {
        last = length;
        return take(bytes.subarray(0, length));
      },
    },
    direct: {
      buffers,
      onBytes: (taker) => {
        take = taker;
        queueMicrotask(() => {
          for (const data of early.splice(0)) taker(data);
        });
      },
    },
  };
}

/** What `net.Socket` keeps of the option `onread`, under names that are symbols. */
type OnReadPart = 'kBuffer' | 'kBufferCb' | 'kBufferGen';

/**
 * The same for a TLS socket that a server has accepted and nothing has been read from. TLS hands over 16 KiB at a time,
 * and memory thrown away after each is 30 MB before anybody collects it.
 */
export function adoptTlsSocket(socket: Socket, pools: ReadBufferPools): SocketAndBuffers {
  const inside = socket as unknown as Record<symbol, unknown> & {
    _handle?: { useUserBuffer?: (buffer: Uint8Array) => void } | null;
  };
  const symbol = (name: OnReadPart) => Object.getOwnPropertySymbols(socket).find((key) => key.description === name);
  const [buffer, callback, generator] = [symbol('kBuffer'), symbol('kBufferCb'), symbol('kBufferGen')];
  const handle = inside._handle;
  if (
    typeof handle?.useUserBuffer !== 'function' ||
    buffer === undefined ||
    callback === undefined ||
    generator === undefined ||
    socket.readableLength > 0
  ) {
    return { socket, direct: undefined };
  }
  const { onread, direct } = directReading(pools);
  inside[buffer] = direct.buffers.current;
  inside[callback] = (length: number, bytes: Uint8Array) => onread.callback(length, bytes);
  inside[generator] = onread.buffer;
  // biome-ignore lint/correctness/useHookAtTopLevel: a method of Node's, not a hook
  handle.useUserBuffer(direct.buffers.current);
  return { socket, direct };
}

/** What `net.Socket` takes although its documentation does not say so: it is how `net.Server` makes its sockets. */
interface HandleOptions {
  readonly handle: object;
  readonly onread: OnReadOpts;
}

/**
 * Makes a socket that a server has accepted read into given memory, which Node offers for outgoing connections only. A
 * read of its own for each 64 KiB, and memory thrown away after each, cost a third of the speed otherwise. Where a later
 * Node has it otherwise the socket stays as it is, and works.
 *
 * The server must have `pauseOnConnect`, so that nothing has been read.
 */
export function adoptSocket(accepted: Socket, pools: ReadBufferPools): SocketAndBuffers {
  const inside = accepted as unknown as { _handle?: { useUserBuffer?: unknown } | null };
  const handle = inside._handle;
  if (typeof handle?.useUserBuffer !== 'function') {
    accepted.resume();
    return { socket: accepted, direct: undefined };
  }
  const { onread, direct } = directReading(pools);
  inside._handle = null;
  const options: HandleOptions = { handle, onread };
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  // the server counts its sockets by the objects it made
  socket.once('close', () => accepted.destroy());
  return { socket, direct };
}
