import type { ProtocolTransfer, TransferPhase } from '../../../../protocols/contract/index.ts';
import { ProviderError } from '../../../../protocols/contract/index.ts';
import { tell, until } from './happening.ts';

const ROAD: readonly TransferPhase['state'][] = ['offered', 'accepted', 'connecting', 'running', 'finished'];
const ENDS: ReadonlySet<TransferPhase['state']> = new Set([
  'finished',
  'declined',
  'cancelled',
  'unanswered',
  'failed',
]);

/** As drawn at `TransferPhase`: one step at a time along the road, or off it. */
const mayMove = (from: TransferPhase['state'], to: TransferPhase['state']): boolean => {
  if (ENDS.has(from)) return false;
  if (ENDS.has(to) && to !== 'finished') return true;
  if (to === 'paused') return from === 'running' || from === 'paused';
  if (from === 'paused') return to === 'running' || to === 'finished';
  return ROAD.indexOf(to) === ROAD.indexOf(from) + 1;
};

/** Writes down one transfer, and objects to what the contract does not allow. */
export class Watched {
  readonly transfer: ProtocolTransfer;
  readonly phases: TransferPhase[] = [];
  readonly #faults: string[] = [];
  /** Byte events by time. */
  readonly #samples: { at: number; bytes: number }[] = [];

  constructor(transfer: ProtocolTransfer, direction: ProtocolTransfer['direction']) {
    this.transfer = transfer;
    if (transfer.direction !== direction) this.#faults.push(`is ${transfer.direction}`);
    if (transfer.phase.state !== 'offered') this.#faults.push(`begins as ${transfer.phase.state}`);
    let last = transfer.phase.state;
    let bytes = transfer.bytes;
    transfer.onPhase((phase) => {
      if (!mayMove(last, phase.state)) this.#faults.push(`went from ${last} to ${phase.state}`);
      if (transfer.phase !== phase) this.#faults.push(`tells ${phase.state} and is ${transfer.phase.state}`);
      if (phase.state === 'failed') this.#checkError(phase.error);
      if (phase.state === 'finished' && transfer.bytes !== transfer.file.size) {
        this.#faults.push(`finished with ${transfer.bytes} of ${transfer.file.size} bytes`);
      }
      last = phase.state;
      this.phases.push(phase);
      tell();
    });
    transfer.onBytes((now) => {
      if (now < bytes) this.#faults.push(`bytes fell from ${bytes} to ${now}`);
      if (now > (transfer.file.size ?? Number.POSITIVE_INFINITY))
        this.#faults.push(`${now} bytes of ${transfer.file.size}`);
      if (now !== transfer.bytes) this.#faults.push(`tells ${now} bytes and has ${transfer.bytes}`);
      if (ENDS.has(last)) this.#faults.push(`bytes after ${last}`);
      bytes = now;
      this.#samples.push({ at: performance.now(), bytes: now });
      tell();
    });
  }

  get phase(): TransferPhase {
    return this.transfer.phase;
  }

  get isOver(): boolean {
    return ENDS.has(this.phase.state);
  }

  /** The states since the offer. */
  get road(): string[] {
    return this.phases.map(({ state }) => state);
  }

  /** Waits until nothing can follow any more. */
  over(limit?: number): Promise<TransferPhase> {
    return until(`the transfer of ${this.#name()} ends`, () => this.isOver && this.phase, limit);
  }

  /** Waits until the transfer has been in this state. Throws when it ends without it. */
  reach(state: TransferPhase['state'], limit?: number): Promise<TransferPhase> {
    return until(
      `the transfer of ${this.#name()} is ${state}`,
      () => {
        const found = this.phases.find((phase) => phase.state === state);
        if (!found && this.isOver)
          throw new Error(`the transfer of ${this.#name()} ended as ${describePhase(this.phase)}`);
        return found;
      },
      limit,
    );
  }

  faults(): string[] {
    const { file, direction } = this.transfer;
    // the last one tells the end, whenever it is; before it, any eleven take more than a second (less a timer's granule)
    const sampled = this.#samples.slice(0, -1);
    const crowded = sampled.some(({ at }, index) => (sampled[index + 10]?.at ?? Number.POSITIVE_INFINITY) - at < 980);
    return [...this.#faults, ...(crowded ? ['more than ten byte events a second'] : [])].map(
      (fault) => `${direction} ${JSON.stringify(file.name)}: ${fault}`,
    );
  }

  #name(): string {
    return `${this.transfer.direction} ${JSON.stringify(this.transfer.file.name)} (now ${describePhase(this.phase)}, ${this.transfer.bytes} bytes)`;
  }

  #checkError(error: unknown): void {
    if (!(error instanceof ProviderError)) this.#faults.push(`no ProviderError but ${String(error)}`);
    else if (error.code === 'internal') this.#faults.push(`internal error ${error.message}, ${String(error.cause)}`);
  }
}

export const describePhase = (phase: TransferPhase): string => {
  if (phase.state === 'cancelled') return `cancelled{${phase.by}}`;
  return phase.state === 'failed' ? `failed{${phase.error.code}}` : phase.state;
};
