import {
  type Address,
  Emitter,
  type FileFacts,
  type ProtocolTransfer,
  ProviderError,
  type TransferPhase,
} from '../../contract/index.ts';

/** Ten a second. */
const SAMPLE_INTERVAL = 100;

const ALLOWED: Record<TransferPhase['state'], readonly TransferPhase['state'][]> = {
  offered: ['accepted', 'declined', 'cancelled', 'unanswered', 'failed'],
  accepted: ['connecting', 'declined', 'cancelled', 'unanswered', 'failed'],
  connecting: ['running', 'cancelled', 'failed'],
  running: ['paused', 'finished', 'cancelled', 'failed'],
  paused: ['running', 'paused', 'finished', 'cancelled', 'failed'],
  finished: [],
  declined: [],
  cancelled: [],
  unanswered: [],
  failed: [],
};

/**
 * The part of a transfer that both directions share: its phase, moved only as drawn at `TransferPhase`, and its bytes,
 * which never fall and are told at most ten times a second.
 */
export abstract class Transfer implements ProtocolTransfer {
  readonly id: string;
  abstract readonly direction: 'incoming' | 'outgoing';
  readonly peer: Address;
  readonly peerName?: string;
  readonly file: FileFacts;
  readonly #phases = new Emitter<TransferPhase>();
  readonly #samples = new Emitter<number>();
  readonly onPhase = this.#phases.on;
  readonly onBytes = this.#samples.on;
  #phase: TransferPhase = { state: 'offered' };
  readonly #holders = new Set<'us' | 'peer'>();
  #bytes = 0;
  #told = 0;
  #sampling: NodeJS.Timeout | undefined;

  constructor(facts: { id: string; peer: Address; peerName?: string | undefined; file: FileFacts }) {
    this.id = facts.id;
    this.peer = facts.peer;
    if (facts.peerName !== undefined) this.peerName = facts.peerName;
    this.file = facts.file;
  }

  get phase(): TransferPhase {
    return this.#phase;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get over(): boolean {
    return ALLOWED[this.#phase.state].length === 0;
  }

  abstract accept(file: Parameters<ProtocolTransfer['accept']>[0]): void;
  abstract decline(): void;
  abstract cancel(): void;
  /** Ends the transfer because this side goes away, or for a fault found outside. */
  abstract fail(error: ProviderError): void;

  readonly pausable = true;

  pause(): void {
    if (this.#phase.state === 'running' || (this.#phase.state === 'paused' && this.#phase.by === 'peer')) {
      this.#hold('us', true);
      this.tellHold(true);
    }
  }

  resume(): void {
    if (this.#phase.state !== 'paused' || this.#phase.by !== 'us') return;
    this.#hold('us', false);
    this.tellHold(false);
  }

  /** Somebody holds the bytes. */
  protected get held(): boolean {
    return this.#holders.size > 0;
  }

  /** The peer told us that its line is `inactive`, or that it is not any more. */
  protected peerHolds(holds: boolean): void {
    if (holds !== this.#holders.has('peer')) this.#hold('peer', holds);
  }

  /** Tells the peer. */
  protected abstract tellHold(holds: boolean): void;
  /** The bytes are to stand still, or may move again. */
  protected abstract holdChanged(): void;

  #hold(by: 'us' | 'peer', holds: boolean): void {
    if (this.over) return;
    if (holds) this.#holders.add(by);
    else this.#holders.delete(by);
    this.holdChanged();
    const holder = (['us', 'peer'] as const).find((one) => this.#holders.has(one));
    const before = this.#phase.state === 'paused' ? this.#phase.by : undefined;
    if (holder !== undefined && holder !== before) this.move({ state: 'paused', by: holder });
    else if (holder === undefined && before !== undefined) this.move({ state: 'running' });
  }

  interrupt(): void {
    this.fail(new ProviderError('network', { retryable: true }));
  }

  /** False when the move is not drawn: the transfer is over already, and whoever asked came too late. */
  protected move(phase: TransferPhase): boolean {
    if (!ALLOWED[this.#phase.state].includes(phase.state)) return false;
    this.#phase = phase;
    if (this.over) this.#tellBytes();
    this.#phases.emit(phase);
    return true;
  }

  protected progressed(bytes: number): void {
    if (this.over || bytes <= this.#bytes) return;
    this.#bytes = bytes;
    this.#sampling ??= setTimeout(() => this.#tellBytes(), SAMPLE_INTERVAL);
  }

  #tellBytes(): void {
    clearTimeout(this.#sampling);
    this.#sampling = undefined;
    if (this.#bytes === this.#told) return;
    this.#told = this.#bytes;
    this.#samples.emit(this.#bytes);
  }
}
