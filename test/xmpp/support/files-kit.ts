import { createCipheriv, createHash, randomUUID } from 'node:crypto';
import type {
  AcceptedFile,
  ByteSource,
  OutgoingFile,
  ProtocolTransfer,
  TransferPhase,
} from '../../../protocols/contract/index.ts';
import { next, type Person } from './kit.ts';

/** The same bytes for the same size, and no two parts of them alike. */
export const bytesOf = (size: number): Buffer =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(size));

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export interface Source extends ByteSource {
  closed: number;
}

export const sourceOf = (bytes: Buffer, size = bytes.length): Source => ({
  size,
  closed: 0,
  async read(buffer, position) {
    return bytes.copy(buffer, 0, position);
  },
  async close() {
    this.closed += 1;
  },
});

export const outgoing = (bytes: Buffer, name = 'relatório final.pdf', source = sourceOf(bytes)): OutgoingFile => {
  const hashes = [{ algorithm: 'sha-256', value: sha256(bytes) }] as const;
  return {
    id: randomUUID(),
    file: { name, type: 'application/pdf', size: bytes.length, hashes, modifiedAt: Date.parse('2026-01-02T03:04:05Z') },
    open: async () => source,
  };
};

export interface Kept {
  file: AcceptedFile;
  bytes: Buffer;
  closed: boolean;
  aborted: Error | undefined;
}

/** Takes bytes in order from `from` on. */
export const keep = (prefix: Buffer = Buffer.alloc(0), complete: () => Promise<void> = async () => {}): Kept => {
  const pieces: Buffer[] = [prefix];
  const kept: Kept = {
    get bytes() {
      return Buffer.concat(pieces);
    },
    closed: false,
    aborted: undefined,
    file: {
      from: prefix.length,
      complete,
      sink: {
        async write(data, position) {
          const expected = pieces.reduce((sum, piece) => sum + piece.length, 0);
          if (position !== expected) throw new Error(`byte ${position} where ${expected} was next`);
          pieces.push(Buffer.from(data));
        },
        async close() {
          kept.closed = true;
        },
        async abort(cause) {
          kept.aborted = cause;
        },
      },
    },
  };
  return kept;
};

/** The offer of this file; others come out of the archive. */
export const offerOf = (
  { id }: OutgoingFile,
  to: Person,
): Promise<{ transfer: ProtocolTransfer; key: string; sentAt: number }> =>
  next(to.set('fileTransfer').onOffer, ({ transfer }) => transfer.id === id);

const FINAL = ['finished', 'declined', 'cancelled', 'failed'];

/** All phases up to the last. */
export const phasesOf = (transfer: ProtocolTransfer): Promise<TransferPhase[]> =>
  new Promise((resolve) => {
    const phases: TransferPhase[] = [transfer.phase];
    const stop = transfer.onPhase((phase) => {
      phases.push(phase);
      if (!FINAL.includes(phase.state)) return;
      stop();
      resolve(phases);
    });
  });

export const namesOf = (phases: readonly TransferPhase[]): string[] => phases.map(({ state }) => state);
