import {
  type AcceptedFile,
  type Address,
  Emitter,
  type FileFacts,
  type ProtocolTransfer,
  ProviderError,
  type TransferPhase,
} from '../../contract/index.ts';

const SAMPLE_EVERY = 100;
const FINAL: ReadonlySet<TransferPhase['state']> = new Set(['finished', 'declined', 'cancelled', 'failed']);
const ORDER: readonly TransferPhase['state'][] = ['offered', 'accepted', 'connecting', 'running', 'finished'];

export interface TransferFacts {
  id: string;
  direction: 'incoming' | 'outgoing';
  peer: Address;
  peerName?: string;
  file: FileFacts;
}

/**
 * One transfer as the contract draws it: forward only, nothing after a final state, bytes never fall, at most ten byte
 * events a second. The work is done by whoever made it, under `signal`.
 */
export class HttpTransfer implements ProtocolTransfer {
  readonly id: string;
  readonly direction: 'incoming' | 'outgoing';
  readonly peer: Address;
  readonly peerName?: string;
  readonly file: FileFacts;
  readonly #now: () => number;
  readonly #begin: (file: AcceptedFile) => void;
  readonly #abort = new AbortController();
  readonly #phaseChanged = new Emitter<TransferPhase>();
  readonly onPhase = this.#phaseChanged.on;
  readonly #bytesChanged = new Emitter<number>();
  readonly onBytes = this.#bytesChanged.on;
  #phase: TransferPhase = { state: 'offered' };
  #bytes = 0;
  #sampledAt = 0;
  #sampled = 0;

  /** `begin` does the work of an accepted incoming file. */
  constructor(facts: TransferFacts, now: () => number, begin: (file: AcceptedFile) => void = () => {}) {
    this.id = facts.id;
    this.direction = facts.direction;
    this.peer = facts.peer;
    if (facts.peerName !== undefined) this.peerName = facts.peerName;
    this.file = facts.file;
    this.#now = now;
    this.#begin = begin;
  }

  get phase(): TransferPhase {
    return this.#phase;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isOver(): boolean {
    return FINAL.has(this.#phase.state);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  accept(file: AcceptedFile): void {
    if (this.direction !== 'incoming' || this.#phase.state !== 'offered') return;
    this.move('accepted');
    this.#begin(file);
  }

  /** The sender of a link does not wait for an answer, so none is sent. */
  decline(): void {
    if (this.direction === 'incoming' && this.#phase.state === 'offered') this.#enter({ state: 'declined' });
  }

  cancel(): void {
    this.#enter({ state: 'cancelled', by: 'us' });
  }

  // an idle request is cut off by many a server, and an upload that is cut off begins anew
  readonly pausable = false;
  pause(): void {}
  resume(): void {}

  interrupt(): void {
    this.fail(new ProviderError('network', { retryable: true }));
  }

  fail(error: ProviderError): void {
    this.#enter({ state: 'failed', error });
  }

  move(state: 'accepted' | 'connecting' | 'running' | 'finished'): void {
    if (ORDER.indexOf(state) > ORDER.indexOf(this.#phase.state)) this.#enter({ state });
  }

  progress(bytes: number): void {
    if (this.isOver || bytes <= this.#bytes) return;
    this.#bytes = bytes;
    if (this.#now() - this.#sampledAt >= SAMPLE_EVERY) this.#sample();
  }

  #sample(): void {
    this.#sampledAt = this.#now();
    this.#sampled = this.#bytes;
    this.#bytesChanged.emit(this.#bytes);
  }

  #enter(phase: TransferPhase): void {
    if (this.isOver) return;
    if (FINAL.has(phase.state) && this.#sampled !== this.#bytes) this.#sample();
    this.#phase = phase;
    this.#phaseChanged.emit(phase);
    if (phase.state !== 'finished' && this.isOver) this.#abort.abort();
  }
}
