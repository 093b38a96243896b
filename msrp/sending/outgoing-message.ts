import type { MsrpError } from '../errors.ts';
import type { Unsubscribe } from '../event.ts';
import type { ByteInterval } from '../grammar/ranges.ts';

/** What became of a message as far as this side and the next hop are concerned. */
export type SendOutcome =
  /** All bytes went out, and the peer confirmed them if it was asked to (Failure-Report `yes`). */
  | { readonly state: 'sent' }
  /** The peer said no, in a response or a REPORT (RFC 4975 §10). */
  | { readonly state: 'refused'; readonly status: number; readonly comment: string; readonly confirmed: ByteInterval[] }
  /** `abort` was called. */
  | { readonly state: 'aborted'; readonly confirmed: ByteInterval[] }
  | { readonly state: 'failed'; readonly error: MsrpError; readonly confirmed: ByteInterval[] };

/** What the far end said by way of success reports. */
export type DeliveryOutcome =
  /** Reports covered the whole message. */
  | { readonly state: 'delivered' }
  | { readonly state: 'refused'; readonly status: number; readonly comment: string }
  /** No report was asked for, or the session ended before enough of them came. */
  | { readonly state: 'unknown'; readonly reported: ByteInterval[] };

/** Bytes of a message: handed to the system, confirmed by responses, reported by the far end. */
export interface SendProgress {
  readonly handed: number;
  readonly confirmed: number;
  readonly reported: number;
  /** Undefined for a stream of unknown length. */
  readonly total: number | undefined;
}

/** A message on its way out. Its promises never reject: outcomes say what went wrong. */
export interface OutgoingMessage {
  readonly messageId: string;
  /** Settles when nothing more happens on this side. */
  readonly sent: Promise<SendOutcome>;
  /** Settles when the far end has reported, or no report can come any more. */
  readonly delivered: Promise<DeliveryOutcome>;
  readonly progress: SendProgress;
  /** Told at most once every `progressEvery` bytes, and when the last byte is handed over. */
  readonly onProgress: (listener: (progress: SendProgress) => void) => Unsubscribe;
  /** Stops after the chunk being written has been ended. */
  pause(): void;
  resume(): void;
  /** Changes how many bytes may be under way without a report, see `SendOptions.unreported`. */
  allowUnreported(bytes: number): void;
  /** Gives the message up; the peer is told by `#` (RFC 4975 §7.1). */
  abort(): void;
}
