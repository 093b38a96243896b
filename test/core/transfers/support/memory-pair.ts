import type { TransferProvider } from '../../../../electron/core/transfers/index.ts';
import {
  type AcceptedFile,
  type ByteSource,
  type ContactCapabilities,
  Emitter,
  type FileFacts,
  type FileOffer,
  type FileRequest,
  type FileTransferOperationSet,
  type OpenOffer,
  type OutgoingFile,
  type ProtocolTransfer,
  ProviderError,
  type Registration,
  type TransferPhase,
} from '../../../../protocols/contract/index.ts';

export type Moment = 'accepted' | 'connecting' | 'running' | 'verifying';

const FINAL: ReadonlySet<string> = new Set(['finished', 'declined', 'cancelled', 'unanswered', 'failed']);

/** The protocol's share of a transfer, over nothing but memory; driven by its wire. */
export class MemoryTransfer implements ProtocolTransfer {
  readonly id: string;
  readonly direction: 'incoming' | 'outgoing';
  readonly peer: string;
  readonly file: FileFacts;
  phase: TransferPhase = { state: 'offered' };
  bytes = 0;
  readonly #phases = new Emitter<TransferPhase>();
  readonly #counts = new Emitter<number>();
  #take: (file: AcceptedFile) => void = () => {};
  readonly onPhase = this.#phases.on;
  readonly onBytes = this.#counts.on;
  /** What the keeper hands over, once a person accepts. */
  readonly taken: Promise<AcceptedFile>;
  onAccept: (file: AcceptedFile) => void = () => {};
  onDecline: () => void = () => {};
  onCancel: () => void = () => {};

  constructor(id: string, direction: 'incoming' | 'outgoing', peer: string, file: FileFacts) {
    this.id = id;
    this.direction = direction;
    this.peer = peer;
    this.file = file;
    this.taken = new Promise((resolve) => {
      this.#take = resolve;
    });
  }

  get listeners(): number {
    return this.#phases.size + this.#counts.size;
  }

  get over(): boolean {
    return FINAL.has(this.phase.state);
  }

  readonly pausable = true;
  /** Who holds the bytes. */
  readonly pausedBy = new Set<'us' | 'peer'>();
  #going: () => void = () => {};
  #held: Promise<void> | undefined;

  /** Resolves when nobody holds the bytes. */
  async going(): Promise<void> {
    await this.#held;
  }

  pause(): void {
    this.hold('us', true);
    this.onHold(true);
  }

  resume(): void {
    this.hold('us', false);
    this.onHold(false);
  }

  onHold: (held: boolean) => void = () => {};

  hold(by: 'us' | 'peer', held: boolean): void {
    if (this.over || this.phase.state === 'offered') return;
    if (held) this.pausedBy.add(by);
    else this.pausedBy.delete(by);
    const [holder] = [...this.pausedBy].sort().reverse();
    if (holder === undefined) {
      this.#held = undefined;
      this.#going();
      this.to({ state: 'running' });
    } else {
      this.#held ??= new Promise((resolve) => {
        this.#going = resolve;
      });
      this.to({ state: 'paused', by: holder });
    }
  }

  interrupt(): void {
    this.fail(new ProviderError('network', { retryable: true }));
  }

  fail(error: ProviderError): void {
    if (this.over) return;
    this.to({ state: 'failed', error });
    this.#going();
    this.onFail(error);
  }

  onFail: (error: ProviderError) => void = () => {};

  to(phase: TransferPhase): void {
    if (this.over) return;
    this.phase = phase;
    if (this.over) this.#going();
    this.#phases.emit(phase);
  }

  count(bytes: number): void {
    if (this.over) return;
    this.bytes = bytes;
    this.#counts.emit(bytes);
  }

  accept(file: AcceptedFile): void {
    this.#take(file);
    this.onAccept(file);
  }

  decline(): void {
    if (this.over) return;
    this.to({ state: 'declined' });
    this.onDecline();
  }

  cancel(): void {
    if (this.over) return;
    this.to({ state: 'cancelled', by: 'us' });
    this.onCancel();
  }
}

/** One end of the wire, as an account's provider. */
export class MemoryProvider implements TransferProvider {
  readonly address: string;
  readonly offers = new Emitter<FileOffer>();
  readonly capabilities = new Emitter<{ address: string; capabilities: ContactCapabilities }>();
  readonly sent: { transfer: MemoryTransfer; file: OutgoingFile }[] = [];
  readonly received: MemoryTransfer[] = [];
  readonly requests = new Emitter<FileRequest>();
  readonly closed = new Emitter<OpenOffer>();
  /** Open offers whose end was told. */
  readonly toldClosed: OpenOffer[] = [];
  onClose: (offer: OpenOffer) => void = () => {};
  onFetch: (transfer: MemoryTransfer) => void = () => {};
  /** How many files each offer had. */
  readonly offered: number[] = [];
  maximumBytes = Number.MAX_SAFE_INTEGER;
  maximumFiles = 1;
  off: ProviderError | undefined;
  onOutgoing: (transfer: MemoryTransfer, file: OutgoingFile) => void = () => {};
  registration: Registration = { state: 'online', since: 0 };
  readonly registrations = new Emitter<Registration>();
  readonly onCapabilities = this.capabilities.on;
  readonly onRegistration = this.registrations.on;
  readonly #files: FileTransferOperationSet;

  constructor(address: string) {
    this.address = address;
    const maximumBytes = () => this.maximumBytes;
    const maximumFiles = () => this.maximumFiles;
    this.#files = {
      onOffer: this.offers.on,
      get maximumBytes() {
        return maximumBytes();
      },
      get maximumFiles() {
        return maximumFiles();
      },
      onRequest: this.requests.on,
      onClosed: this.closed.on,
      close: (offer) => {
        this.toldClosed.push(offer);
        this.onClose(offer);
      },
      offer: (to, files) => {
        this.offered.push(files.length);
        return files.map((file) => {
          const transfer = new MemoryTransfer(file.id, 'outgoing', to, file.file);
          this.sent.push({ transfer, file });
          this.onOutgoing(transfer, file);
          return transfer;
        });
      },
    };
  }

  /** From now on files can be asked for; what is asked for comes into `received`. */
  allowRequests(): void {
    this.#files.fetch = (from, file) => {
      const transfer = new MemoryTransfer('asked', 'incoming', from, file);
      this.received.push(transfer);
      this.onFetch(transfer);
      return transfer;
    };
  }

  operationSet = ((name: string) =>
    name === 'fileTransfer' ? this.#files : undefined) as TransferProvider['operationSet'];

  capabilitiesOf(): ContactCapabilities {
    const fileTransfer = this.off ? ({ on: false, off: this.off } as const) : ({ on: true } as const);
    return { messaging: { on: true }, fileTransfer };
  }

  /** The peer goes, or comes back. */
  setOff(off: ProviderError | undefined, address: string): void {
    this.off = off;
    this.capabilities.emit({ address, capabilities: this.capabilitiesOf() });
  }

  /** Somebody offers a file: the transfer as its receiver sees it. */
  offerFrom(peer: string, file: FileFacts, key: string): MemoryTransfer {
    const transfer = new MemoryTransfer(key, 'incoming', peer, file);
    this.received.push(transfer);
    this.offers.emit({ transfer, key, sentAt: 1_000 });
    return transfer;
  }
}

/** A moment at which the wire stands still until it is let go. */
interface Halt {
  reached: Promise<void>;
  go: () => void;
}

/**
 * Joins two providers: what one offers the other is offered, and the bytes flow in chunks with back-pressure, or as the
 * test disturbs them.
 */
export class Wire {
  chunk = 64 * 1024;
  /** The connection breaks when so many bytes are over. */
  breakAt = Number.POSITIVE_INFINITY;
  /** Bytes sent after the last one. */
  surplus = 0;
  /** Changes what goes over. */
  tamper: (data: Uint8Array, position: number) => void = () => {};
  /** Called before each chunk. */
  onChunk: (position: number) => void = () => {};
  readonly #halts = new Map<Moment, { halt: Halt; open: Promise<void>; arrive: () => void }>();
  readonly #work: Promise<void>[] = [];

  constructor(left: MemoryProvider, right: MemoryProvider) {
    left.onOutgoing = (transfer, file) => this.#carry(transfer, file, left, right);
    right.onOutgoing = (transfer, file) => this.#carry(transfer, file, right, left);
  }

  /** The next transfers wait when they come to this moment. `running` is in the middle of the bytes. */
  haltAt(moment: Moment): Halt {
    let arrive = () => {};
    let go = () => {};
    const reached = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const open = new Promise<void>((resolve) => {
      go = resolve;
    });
    const halt = { reached, go };
    this.#halts.set(moment, { halt, open, arrive });
    return halt;
  }

  /** From now on one may ask the other for files, and each learns what the other says of open offers. */
  joinRequests(asker: MemoryProvider, sender: MemoryProvider): void {
    asker.allowRequests();
    asker.onFetch = (incoming) => {
      incoming.onAccept = (accepted) => {
        const give = (file: OutgoingFile): MemoryTransfer => {
          const outgoing = new MemoryTransfer(file.id, 'outgoing', asker.address, file.file);
          queueMicrotask(() => this.#work.push(this.#run(outgoing, incoming, file, accepted)));
          return outgoing;
        };
        const refuse = (): void => incoming.to({ state: 'failed', error: new ProviderError('source-missing') });
        const { hashes = [] } = incoming.file;
        sender.requests.emit({ peer: asker.address, wanted: { hashes }, from: accepted.from, give, refuse });
      };
    };
    // the key of an offer is its id here
    asker.onClose = ({ key }) => sender.closed.emit({ peer: asker.address, direction: 'outgoing', key });
    sender.onClose = ({ key }) => asker.closed.emit({ peer: sender.address, direction: 'incoming', key });
  }

  /** Lets everything go on that stands still. */
  release(): void {
    for (const { halt } of this.#halts.values()) halt.go();
  }

  async idle(): Promise<void> {
    await Promise.all(this.#work);
  }

  async #at(moment: Moment): Promise<void> {
    const halt = this.#halts.get(moment);
    halt?.arrive();
    await halt?.open;
  }

  #carry(outgoing: MemoryTransfer, file: OutgoingFile, from: MemoryProvider, to: MemoryProvider): void {
    queueMicrotask(() => {
      if (outgoing.over) return;
      const incoming = new MemoryTransfer(file.id, 'incoming', from.address, file.file);
      to.received.push(incoming);
      incoming.onAccept = (accepted) => this.#work.push(this.#run(outgoing, incoming, file, accepted));
      incoming.onDecline = () => outgoing.to({ state: 'declined' });
      incoming.onCancel = () => outgoing.to({ state: 'cancelled', by: 'peer' });
      outgoing.onCancel = () => incoming.to({ state: 'cancelled', by: 'peer' });
      incoming.onFail = (error) => outgoing.to({ state: 'failed', error });
      outgoing.onFail = (error) => incoming.to({ state: 'failed', error });
      incoming.onHold = (held) => outgoing.hold('peer', held);
      outgoing.onHold = (held) => incoming.hold('peer', held);
      to.offers.emit({ transfer: incoming, key: file.id, sentAt: 1_000 });
    });
  }

  async #run(
    outgoing: MemoryTransfer,
    incoming: MemoryTransfer,
    file: OutgoingFile,
    accepted: AcceptedFile,
  ): Promise<void> {
    const { sink, from } = accepted;
    const both = (phase: TransferPhase) => {
      outgoing.to(phase);
      incoming.to(phase);
    };
    let source: ByteSource | undefined;
    try {
      both({ state: 'accepted' });
      await this.#at('accepted');
      both({ state: 'connecting' });
      await this.#at('connecting');
      if (incoming.over) return;
      source = await file.open();
      both({ state: 'running' });
      const { size } = source;
      const buffer = Buffer.alloc(this.chunk);
      let halted = false;
      for (let position = from; position < size && !incoming.over; ) {
        if (!halted && position >= size / 2) {
          halted = true;
          await this.#at('running');
        }
        if (position >= this.breakAt) throw new ProviderError('network');
        this.onChunk(position);
        await Promise.all([incoming.going(), outgoing.going()]);
        if (incoming.over) break;
        const length = await source.read(buffer, position);
        const data = buffer.subarray(0, length);
        this.tamper(data, position);
        await sink.write(data, position);
        position += length;
        incoming.count(position);
        outgoing.count(position);
      }
      if (this.surplus > 0 && !incoming.over) await sink.write(Buffer.alloc(this.surplus), size);
      if (incoming.over) return;
      await sink.close();
      await this.#at('verifying');
      await accepted.complete();
      both({ state: 'finished' });
    } catch (error) {
      both({ state: 'failed', error: ProviderError.from(error) });
    } finally {
      await source?.close();
      if (incoming.phase.state !== 'finished') await sink.abort(new Error('over'));
    }
  }
}
