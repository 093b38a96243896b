import {
  type Address,
  type FileRequest,
  type OutgoingFile,
  type ProtocolTransfer,
  ProviderError,
  type WantedFile,
} from '../../contract/index.ts';
import type { FileMedia } from './description/session-description.ts';
import { OutgoingTransfer } from './outgoing-transfer.ts';

/** A line by which the peer asks for a file of ours (RFC 5547 §8.3.2). */
export class RequestedFile implements FileRequest {
  readonly peer: Address;
  readonly wanted: WantedFile;
  /** First byte wanted. */
  readonly from: number;
  readonly #keep: (transfer: OutgoingTransfer) => void;
  readonly #decided: () => void;
  #answer: OutgoingTransfer | 'refused' | undefined;
  #fault: ProviderError | undefined;

  constructor(
    peer: Address,
    { selector, range }: FileMedia,
    { keep, decided }: { keep: (transfer: OutgoingTransfer) => void; decided: () => void },
  ) {
    this.#keep = keep;
    this.peer = peer;
    this.wanted = selector ?? { hashes: [] };
    this.from = (range?.start ?? 1) - 1;
    this.#decided = decided;
  }

  get decided(): boolean {
    return this.#answer !== undefined;
  }

  /** What goes out on the line. */
  get transfer(): OutgoingTransfer | undefined {
    return this.#answer === 'refused' || this.#answer?.over ? undefined : this.#answer;
  }

  give(file: OutgoingFile): ProtocolTransfer {
    const transfer = new OutgoingTransfer(this.peer, file);
    this.#keep(transfer);
    if (this.#answer) transfer.fail(new ProviderError('timeout'));
    else this.#settle(transfer);
    return transfer;
  }

  /** Why it is not to be had now, where that says nothing of the file: we are going. */
  get fault(): ProviderError | undefined {
    if (this.#answer === 'refused') return this.#fault;
    const phase = this.#answer?.phase;
    return phase?.state === 'failed' && phase.error.code === 'network' ? phase.error : undefined;
  }

  refuse(error?: ProviderError): void {
    if (!this.#answer) this.#fault = error;
    this.#settle('refused');
  }

  #settle(answer: OutgoingTransfer | 'refused'): void {
    if (this.#answer) return;
    this.#answer = answer;
    if (answer !== 'refused') answer.owner = { ended: () => this.#decided() };
    // whoever gives a file first wants to hear what becomes of it
    queueMicrotask(this.#decided);
  }
}
