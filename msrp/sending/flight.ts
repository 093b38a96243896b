/** Bytes of short messages that may be under way although the window is full. */
const SHORT_RESERVE = 65_536;

/**
 * What a session has sent and its peer has not confirmed: chunks that have been ended and wait for their responses. All
 * messages of the session share its window. Short ones, such as text beside a file, go on when it is full, up to 64 KiB
 * of them: what fills it may be one chunk of many megabytes that was cut for their sake.
 */
export class Flight {
  readonly #window: number;
  readonly #roomAgain: () => void;
  #bytes = 0;
  #shortBytes = 0;

  /** `roomAgain` is called when messages that were held back may go on. */
  constructor(window: number, roomAgain: () => void) {
    this.#window = window;
    this.#roomAgain = roomAgain;
  }

  /** Whether a message has to wait before it opens another chunk. */
  holds(short: boolean): boolean {
    return this.#bytes >= this.#window && (!short || this.#shortBytes >= SHORT_RESERVE);
  }

  /** Bytes have begun to wait for their response. */
  begin(bytes: number, short: boolean): void {
    this.#bytes += bytes;
    if (short) this.#shortBytes += bytes;
  }

  /** They do not wait any more, for whatever reason. */
  end(bytes: number, short: boolean): void {
    const [heldLong, heldShort] = [this.holds(false), this.holds(true)];
    this.#bytes -= bytes;
    if (short) this.#shortBytes -= bytes;
    if ((heldLong && !this.holds(false)) || (heldShort && !this.holds(true))) this.#roomAgain();
  }
}
