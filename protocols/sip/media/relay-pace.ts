import type { OutgoingMessage } from '../../../msrp/index.ts';

/** A receiver behind a relay reports so often, in bytes: two chunks. */
export const RELAYED_REPORT_EVERY = 16_384;
/** Bytes on their way before the far end has said a word. Kamailio keeps 32 KiB of what it cannot pass on, and loses the rest. */
const FIRST = 16_384;
/** Bytes on their way once it reports: what a relay and the sockets around it keep while the receiver is busy. */
const MOST = 131_072;
/** Who has not reported by then does so at the end only. */
const FIRST_PATIENCE = 2_000;
/** And who does not any more, after having done so. */
const PATIENCE = 10_000;

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
 * way to say *wait*). So the success reports of the far end decide, as long as it sends some in between.
 *
 * @example
 * const message = session.send({ ...RelayPace.options, successReport: true, contentType, body });
 * const pace = new RelayPace(message);
 */
export class RelayPace {
  /** How a message is sent that is to be paced. */
  static readonly options = { chunking: 'relay', unreported: FIRST, progressEvery: FIRST / 2 } as const;

  readonly #message: Pick<OutgoingMessage, 'progress' | 'allowUnreported'>;
  readonly #stop: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(message: Pick<OutgoingMessage, 'progress' | 'onProgress' | 'allowUnreported'>) {
    this.#message = message;
    this.#stop = message.onProgress(() => this.#look());
  }

  /** The message needs no pace any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#stop();
  }

  #look(): void {
    const { handed, reported } = this.#message.progress;
    const most = reported > 0 ? MOST : FIRST;
    clearTimeout(this.#timer);
    if (handed - reported >= most) {
      this.#timer = setTimeout(() => this.#giveUp(), reported > 0 ? PATIENCE : FIRST_PATIENCE);
    } else this.#message.allowUnreported(most);
  }

  #giveUp(): void {
    this.end();
    this.#message.allowUnreported(Number.POSITIVE_INFINITY);
  }
}
