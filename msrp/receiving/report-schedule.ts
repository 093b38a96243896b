import type { Clock, Timer } from '../clock.ts';

/**
 * How often a message is reported while it comes in, where the peer wants success reports: every so many bytes, every
 * part of the message (`share: 0.1` is a tenth), every so many milliseconds in which something came, or only at its end.
 */
export type ReportEvery = number | { readonly share: number } | { readonly milliseconds: number } | 'end';

/** A tenth of the message, so that the sender sees it grow, but nothing in between of what is soon there. */
const DEFAULT_SHARE = 0.1;
const DEFAULT_LEAST = 1_048_576;
/** Step in bytes by share of a message whose size nobody knows. */
const UNKNOWN_SIZE_STEP = 10_485_760;

/**
 * Decides when a message is reported before its end. RFC 4975 §7.1.3 leaves that to the receiver; such reports cover all
 * that is there so far.
 */
export class ReportSchedule {
  readonly #clock: Clock;
  readonly #total: number | undefined;
  readonly #report: (prefix: number) => void;
  /** Bytes between two reports. */
  readonly #step: number;
  readonly #milliseconds: number | undefined;
  #timer: Timer | undefined;
  #prefix: number;
  #reported: number;

  /** `prefix`: bytes that were there before, and are no news. */
  constructor(options: {
    readonly every: ReportEvery | undefined;
    readonly clock: Clock;
    /** Bytes of the whole message, as far as is known: their end gets a report in any case. */
    readonly total: number | undefined;
    readonly prefix: number;
    readonly report: (prefix: number) => void;
  }) {
    const { every, total } = options;
    this.#clock = options.clock;
    this.#total = total;
    this.#report = options.report;
    this.#prefix = options.prefix;
    this.#reported = options.prefix;
    this.#milliseconds = typeof every === 'object' && 'milliseconds' in every ? every.milliseconds : undefined;
    this.#step = stepOf(every, total);
  }

  /** That many bytes are there without a hole. */
  arrived(prefix: number): void {
    this.#prefix = prefix;
    if (prefix === this.#reported || prefix >= (this.#total ?? Number.POSITIVE_INFINITY)) return;
    if (this.#milliseconds !== undefined) this.#timer ??= this.#clock.after(this.#milliseconds, this.#tell);
    else if (prefix - this.#reported >= this.#step) this.#tell();
  }

  /** Nothing is to be reported any more. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #tell = (): void => {
    this.#timer = undefined;
    this.#reported = this.#prefix;
    this.#report(this.#prefix);
  };
}

function stepOf(every: ReportEvery | undefined, total: number | undefined): number {
  if (typeof every === 'number') return every;
  if (every === 'end' || (every !== undefined && 'milliseconds' in every)) return Number.POSITIVE_INFINITY;
  const step = total === undefined ? UNKNOWN_SIZE_STEP : Math.ceil(total * (every?.share ?? DEFAULT_SHARE));
  return Math.max(step, every === undefined ? DEFAULT_LEAST : 1);
}
