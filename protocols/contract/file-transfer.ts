import type { Address } from './address.ts';
import type { Subscribe } from './emitter.ts';
import type { ProviderError } from './errors.ts';

/** Where outgoing bytes come from. Positions and sizes in bytes. */
export interface ByteSource {
  readonly size: number;
  /** Fills `buffer` from `position`; resolves to the bytes read, 0 only at the end. Rejects with a coded error. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * Where incoming bytes go. `write` may come out of order; `data` is valid until the returned promise settles (or until
 * return when there is none). A returned promise is back-pressure. More than the agreed size is refused with `size-mismatch`.
 */
export interface ByteSink {
  write(data: Uint8Array, position: number): void | Promise<void>;
  close(): Promise<void>;
  abort(cause: Error): Promise<void>;
}

/** `value` is lower-case hex without colons. */
export interface FileHash {
  algorithm: 'sha-1' | 'sha-256';
  value: string;
}

/** Facts of one file as offered (RFC 5547 file-selector, file-date, file-icon). Names come from outside: never a path. */
export interface FileFacts {
  name: string;
  /** MIME type; `application/octet-stream` when unknown. */
  type: string;
  /** Bytes; undefined only where a peer offers a link without saying (then the engine's own limit holds). */
  size: number | undefined;
  /**
   * Every hash that is known, the strongest first. Ours carry sha-256 and sha-1: peers differ in which one they read
   * (Blink: sha-1 alone). A provider gives all that it was offered; the first is checked before a received file gets its
   * name.
   */
  hashes?: readonly FileHash[];
  /** ms since the epoch. */
  modifiedAt?: number;
  /** A small picture of the content. */
  icon?: { type: string; data: Uint8Array };
}

/**
 * The protocol's share of a transfer. The keeper above adds preparing, waiting-for-peer, verifying and completed.
 *
 * ```
 * offered -> accepted -> connecting -> running <-> paused{by}
 *     \          \            \           | \         |
 *      \          \            \          |  +------> finished
 *       +----------+------------+---------+-> declined | cancelled{by} | failed{error}
 * ```
 * From `offered`, and receiving from `accepted`, a way leads to `unanswered` as well: the attempt is over, and its offer is not.
 * `paused` and `running` alternate; a pause by us ends by `resume`, one by the peer when the peer goes on. From `paused`
 * everything is reached that `running` reaches. Where both have paused, `by` is `us` until we go on.
 * `finished`, receiving: every byte was written to the sink and `complete` resolved. Sending: the peer confirmed every
 * byte. Nothing follows the last row.
 */
export type TransferPhase =
  | { state: 'offered' }
  | { state: 'accepted' }
  | { state: 'connecting' }
  | { state: 'running' }
  | { state: 'paused'; by: 'us' | 'peer' }
  | { state: 'finished' }
  | { state: 'declined' }
  /** `elsewhere`: another device of this account has answered the offer. */
  | { state: 'cancelled'; by: 'us' | 'peer' | 'elsewhere' }
  /**
   * No person has answered in the time that the protocol gives an offer: it stays open on both sides. `asked`: the receiver
   * asks for it (`fetch`) when its person says yes; false: that program is not known to do so, and has to be offered it again.
   */
  | { state: 'unanswered'; asked: boolean }
  | { state: 'failed'; error: ProviderError };

/** What the keeper hands over when a person accepts. */
export interface AcceptedFile {
  sink: ByteSink;
  /** First byte wanted, 0-based: what lies before is already on disk (RFC 5547 file-range). */
  from: number;
  /**
   * Called when all bytes are in the sink: checks size and hash and gives the file its name. Rejects with `size-mismatch`,
   * `hash-mismatch`, `no-space`… and the provider then tells the peer it failed.
   */
  complete(): Promise<void>;
}

/** One file, one direction, one attempt. */
export interface ProtocolTransfer {
  /** Ours; the same over restarts where we made the offer (RFC 5547 file-transfer-id). */
  readonly id: string;
  readonly direction: 'incoming' | 'outgoing';
  readonly peer: Address;
  readonly peerName?: string;
  readonly file: FileFacts;
  readonly phase: TransferPhase;
  /** Bytes that are safe: written to the sink, or confirmed (else handed to the system) when sending. Never falls. */
  readonly bytes: number;
  readonly onPhase: Subscribe<TransferPhase>;
  /** Sampled: at most ten a second. */
  readonly onBytes: Subscribe<number>;
  /** Incoming and `offered` only. */
  accept(file: AcceptedFile): void;
  /** Incoming and `offered` only. */
  decline(): void;
  /** Any moment; nothing after a final state. The peer is told. */
  cancel(): void;
  /** Whether `pause` does anything. False where the protocol has no way to stand still without losing its place. */
  readonly pausable: boolean;
  /** `running`, or `paused` by the peer: from now on no byte moves until `resume`. The peer is told where that can be. */
  pause(): void;
  /** `paused` by us only. */
  resume(): void;
  /**
   * Any moment: this side cannot go on, and nobody said no. Ends as `failed{error}`. The peer is told as much as concerns it:
   * of a receiver without room, say, that the file cannot be kept there (`peer-cannot-keep`).
   */
  fail(error: ProviderError): void;
  /**
   * Any moment: this side goes away for now. Ends as `failed{network}`, and the peer is told that it is no cancel: what is
   * left may be offered or asked for again.
   */
  interrupt(): void;
}

/** What somebody knows of a file and asks for it by (RFC 5547 §5); what is undefined may be anything. */
export interface WantedFile {
  name?: string;
  type?: string;
  size?: number;
  hashes: readonly FileHash[];
}

/** Somebody asks for a file of ours (RFC 5547 §8.3.2). Exactly one of `give` and `refuse` is to be called, soon. */
export interface FileRequest {
  readonly peer: Address;
  readonly wanted: WantedFile;
  /** First byte wanted, 0-based. */
  readonly from: number;
  /** The transfer is `offered` and needs nobody's yes any more. */
  give(file: OutgoingFile): ProtocolTransfer;
  /** There is no such file, or not for them: the peer cannot tell which. `error`: not now, and it may be asked for again. */
  refuse(error?: ProviderError): void;
}

/** Whether a file is what is asked for: everything asked has to fit, and of the hashes one that is known here. */
export function isWanted(file: FileFacts, wanted: WantedFile): boolean {
  const essence = (type: string): string => (type.split(';', 1)[0] ?? '').trim().toLowerCase();
  const known = (file.hashes ?? []).filter(({ algorithm }) =>
    wanted.hashes.some((hash) => hash.algorithm === algorithm),
  );
  return (
    (wanted.name === undefined || wanted.name === file.name) &&
    (wanted.type === undefined || essence(wanted.type) === essence(file.type)) &&
    (wanted.size === undefined || wanted.size === file.size) &&
    (wanted.hashes.length === 0 || known.length > 0) &&
    known.every(({ algorithm, value }) =>
      wanted.hashes.some((hash) => hash.algorithm === algorithm && hash.value === value),
    )
  );
}

/** An outgoing offer. The source is opened when the peer accepts and closed by the provider in every final state. */
export interface OutgoingFile {
  id: string;
  file: FileFacts & { size: number };
  open(): Promise<ByteSource>;
}

/** An offer that stayed open after its attempt was over (`unanswered`), as both sides know it. */
export interface OpenOffer {
  peer: Address;
  direction: 'incoming' | 'outgoing';
  /** Outgoing: the id it was offered under; incoming: the `key` of its `FileOffer`. */
  key: string;
}

/** An offer of somebody else's. */
export interface FileOffer {
  transfer: ProtocolTransfer;
  key: string;
  sentAt: number;
  /** It lies somewhere to be fetched, and nobody waits for an answer; else even an offer seen before needs one. */
  lasting?: true;
  /** From before the first login of this account here, as `isPast` of a message. */
  isPast?: true;
}

export interface FileTransferOperationSet {
  /**
   * Offers files together: each is accepted, declined or cancelled by itself. The returned transfers, one per file in the
   * same order, are `offered` (or `failed` a moment later, by event).
   */
  offer(to: Address, files: readonly OutgoingFile[]): readonly ProtocolTransfer[];
  /**
   * Somebody offers us a file. Whoever listens has put it on disk when the listener returns. `key` is the same for
   * the same offer seen twice (archive, carbon, a lost transfer that is taken up again), so it is shown once.
   */
  readonly onOffer: Subscribe<FileOffer>;
  /**
   * A file that the peer offered before, as if it were offered again: the transfer is `offered`, and `accept` asks for it
   * by its hash, or by all that is known of it (RFC 5547 §8.2.2). `source-missing`: the peer has it no more, or not for
   * us. Absent where the protocol cannot ask.
   */
  fetch?(from: Address, file: FileFacts): ProtocolTransfer;
  /** Somebody asks for a file of ours. Without a listener all are refused. Absent where the protocol cannot ask. */
  readonly onRequest?: Subscribe<FileRequest>;
  /**
   * Tells the peer that an `unanswered` offer is over: declined, or taken back by the side that made it. A peer who cannot be
   * told finds out when the file is asked for. Never throws. Absent where no offer stays open.
   */
  close?(offer: OpenOffer, file: FileFacts): void;
  /** The peer told the same of an offer of its own (`incoming`), or has declined one of ours (`outgoing`). */
  readonly onClosed?: Subscribe<OpenOffer>;
  /** How many files one offer carries; `offer` takes more, and then makes several. */
  readonly maximumFiles: number;
  /** Largest file in bytes that this route takes. */
  readonly maximumBytes: number;
}
