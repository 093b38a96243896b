import { Emitter } from '../../../contract/index.ts';
import type { MediaAddress } from '../../media/media.ts';
import type { FileMedia } from '../description/session-description.ts';

/** How one file's share of a session ended; `reason`: the Reason header (RFC 3326) as it came. */
export interface LineEnd {
  by: 'us' | 'peer' | 'network';
  reason?: string | undefined;
}

/** The sender should end the session (RFC 5547 §8.7); when it does not, we do. */
export const BYE_TIMEOUT = 10_000;

/** One file's share of a SIP session: ends by itself, with the session, or by the other side's word. */
export class FileLine {
  readonly #leave: (reason: string | undefined, complete: boolean) => void;
  readonly #tellHold: (holds: boolean) => Promise<boolean>;
  readonly #tellAddress: (address: MediaAddress) => Promise<FileMedia | undefined>;
  readonly #moves = new Emitter<FileMedia>();
  readonly #holds = new Emitter<boolean>();
  readonly #ends = new Emitter<LineEnd>();
  #end: LineEnd | undefined;
  #release: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The other side ended it, or the network; not told of what we did ourselves. */
  readonly onEnd = this.#ends.on;

  /** The other side holds its end of the line (RFC 3264 §8.4), or does not any more. */
  readonly onHold = this.#holds.on;

  /** The other side has another path now: what it says of the line. */
  readonly onMoved = this.#moves.on;

  constructor(
    leave: (reason: string | undefined, complete: boolean) => void,
    tellHold: (holds: boolean) => Promise<boolean>,
    tellAddress: (address: MediaAddress) => Promise<FileMedia | undefined>,
  ) {
    this.#leave = leave;
    this.#tellHold = tellHold;
    this.#tellAddress = tellAddress;
  }

  /** Tells the other side that we hold the file, or let it go on. Resolves to whether it has understood. Never rejects. */
  hold(holds: boolean): Promise<boolean> {
    return this.#end ? Promise.resolve(false) : this.#tellHold(holds);
  }

  /**
   * Describes our end of the line anew. Resolves to what the other side says of its own then, undefined when it has not
   * understood. Never rejects.
   */
  move(address: MediaAddress): Promise<FileMedia | undefined> {
    return this.#end ? Promise.resolve(undefined) : this.#tellAddress(address);
  }

  /** For the session. */
  moved(remote: FileMedia): void {
    if (!this.#end) this.#moves.emit(remote);
  }

  /** For the session. */
  held(holds: boolean): void {
    if (!this.#end) this.#holds.emit(holds);
  }

  get end(): LineEnd | undefined {
    return this.#end;
  }

  /** We are through with this file before its end. `reason` goes to the peer. */
  leave(reason: string | undefined): void {
    if (this.#end) return;
    this.#end = { by: 'us' };
    this.#leave(reason, false);
  }

  /**
   * The file is whole, and nothing is left to be said but the sender's BYE. It is waited for, since our last answers may
   * still be on their way: `release` is called when their connection may go.
   */
  complete(release: () => void): void {
    if (this.#end) {
      release();
      return;
    }
    this.#end = { by: 'us' };
    this.#release = release;
    this.#timer = setTimeout(() => this.#released(), BYE_TIMEOUT);
    this.#leave(undefined, true);
  }

  #released(): void {
    clearTimeout(this.#timer);
    this.#release?.();
    this.#release = undefined;
  }

  /** For the session. */
  ended(end: LineEnd): void {
    this.#released();
    if (this.#end) return;
    this.#end = end;
    this.#ends.emit(end);
  }

  /**
   * How the line ended, given a moment to do so: undefined when it has not. Connections break before the word that
   * explains why has come, so whoever sees one break asks here first.
   */
  endWithin(milliseconds: number): Promise<LineEnd | undefined> {
    if (this.#end) return Promise.resolve(this.#end);
    return new Promise((resolve) => {
      const finish = (end: LineEnd | undefined): void => {
        clearTimeout(timer);
        unsubscribe();
        resolve(end);
      };
      const timer = setTimeout(() => finish(undefined), milliseconds);
      const unsubscribe = this.#ends.on(finish);
    });
  }
}
