import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Clock } from '../clock.ts';

/** What must fit before the program counts on the disk again: less would be gone with the next few messages. */
const ROOM = 1024 * 1024;
const PAUSE = 10_000;

/** The disk is full, the person's share of it (quotas are usual where homes are on a server), or what one file may have. */
const NO_ROOM = /^(ENOSPC|EDQUOT|EFBIG)\b/;

/** Whether this is the system's word for "no room". From another process an error comes without its `code`. */
export const isNoRoom = (error: unknown): boolean =>
  error instanceof Error && NO_ROOM.test('code' in error ? String(error.code) : error.message);

/** Tries it: free bytes as the file system counts them say nothing of a person's share. */
export function hasRoom(folder: string): boolean {
  const file = path.join(folder, 'room.try');
  try {
    const handle = fs.openSync(file, 'w', 0o600);
    try {
      const bytes = randomBytes(ROOM);
      for (let at = 0; at < ROOM; ) at += fs.writeSync(handle, bytes, at);
      // some file systems find out only here
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
    return true;
  } catch (error) {
    return !isNoRoom(error);
  } finally {
    fs.rmSync(file, { force: true });
  }
}

interface Listener {
  full(): void;
  room(): void;
}

/**
 * Whether the profile's disk takes anything. Told by whoever was refused; then it looks for itself until there is room.
 *
 * ```
 * enough --refused--> full --a look finds room--> enough
 * ```
 */
export class DiskRoom {
  readonly #folder: string;
  readonly #clock: Pick<Clock, 'after'>;
  #listener: Listener | undefined;
  #stopLooking: (() => void) | undefined;

  constructor(folder: string, clock: Pick<Clock, 'after'>) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** Told at once of what was before. */
  listen(listener: Listener): void {
    this.#listener = listener;
    if (this.#stopLooking) listener.full();
  }

  /** Something could not be written for want of room. */
  refused(): void {
    if (this.#stopLooking) return;
    this.#lookLater();
    this.#listener?.full();
  }

  close(): void {
    this.#stopLooking?.();
    this.#stopLooking = undefined;
    this.#listener = undefined;
  }

  #lookLater(): void {
    this.#stopLooking = this.#clock.after(PAUSE, () => {
      if (!hasRoom(this.#folder)) {
        this.#lookLater();
        return;
      }
      this.#stopLooking = undefined;
      this.#listener?.room();
    });
  }
}
