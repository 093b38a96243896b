import type { OutgoingMessage } from '../../../msrp/index.ts';

/** A receiver behind a relay reports so often, in bytes: two chunks. */
export const RELAYED_REPORT_EVERY = 16_384;
/** Bytes on their way before the far end has said a word. Kamailio keeps 32 KiB of what it cannot pass on, and loses the rest. */
const FIRST = 16_384;
/** Bytes on their way once it reports: what a relay and the sockets around it keep while the receiver is busy. */
const MOST = 131_072;
/** Who has not reported by then does so at the end only. */
const FIRST_PATIENCE = 2_000;
/** Who has reported and does not any more gets some more to report about; nothing again, and there is nobody. */
const PATIENCE = 10_000;
/** What others than we may want to have before they report again. */
const RARELY = 1_048_576;

/** How long the last word, a success report, may take once a relay has confirmed every byte. */
const REPORT_TIMEOUT = 30_000;
/** The same where nothing at all was reported: most likely the relay does not reach the peer. */
const SILENCE_TIMEOUT = 8_000;
/** Who looks at the whole before the only report has a little more time. */
const LOOKED_AT_IN_A_MILLISECOND = 50_000;

/** Milliseconds that are waited for the last report of a message whose bytes a relay has all confirmed. */
export const reportTimeout = (reported: number, size: number): number =>
  reported > 0 ? REPORT_TIMEOUT : Math.min(REPORT_TIMEOUT, SILENCE_TIMEOUT + size / LOOKED_AT_IN_A_MILLISECOND);

/**
 * How fast a message may go through relays. The 200 of a relay means that it has the chunk, not that it can keep it: one that
 * is still connecting to the next hop, or whose next hop does not read, loses what is too much for it (RFC 4976 gives it no
 * way to say *wait*). So the success reports of the far end decide, as long as it sends some in between. They also tell that
 * it is there: a relay confirms what it sends to a receiver that was killed.
 *
 * @example
 * const message = session.send({ ...RelayPace.options, successReport: true, contentType, body });
 * const pace = new RelayPace(message, () => fail(new ProviderError('network')));
 */
export class RelayPace {
  /** How a message is sent that is to be paced. */
  static readonly options = { chunking: 'relay', unreported: FIRST, progressEvery: FIRST / 2 } as const;

  readonly #message: Pick<OutgoingMessage, 'progress' | 'allowUnreported'>;
  readonly #lost: () => void;
  readonly #stop: () => void;
  #most = MOST;
  #held = false;
  #over = false;
  #timer: NodeJS.Timeout | undefined;

  /** `lost`: the far end has reported, and does not any more. */
  constructor(message: Pick<OutgoingMessage, 'progress' | 'onProgress' | 'allowUnreported'>, lost: () => void) {
    this.#message = message;
    this.#lost = lost;
    this.#stop = message.onProgress(() => this.#look());
  }

  /** Somebody has paused: nothing is expected. */
  hold(held: boolean): void {
    this.#held = held;
    this.#look();
  }

  /** The message needs no pace any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#over = true;
    this.#stop();
  }

  #look(): void {
    const { handed, reported, total } = this.#message.progress;
    const most = reported > 0 ? this.#most : FIRST;
    clearTimeout(this.#timer);
    // whoever has it all may look at it for long before the last report
    if (this.#held || this.#over || handed === total) return;
    if (handed - reported < most) this.#message.allowUnreported(most);
    else if (reported === 0) this.#timer = setTimeout(() => this.#giveUp(), FIRST_PATIENCE);
    else this.#timer = setTimeout(() => this.#silent(), PATIENCE);
  }

  #giveUp(): void {
    this.end();
    this.#message.allowUnreported(Number.POSITIVE_INFINITY);
  }

  #silent(): void {
    if (this.#most > MOST) {
      this.end();
      this.#lost();
      return;
    }
    this.#most += RARELY;
    this.#look();
  }
}
