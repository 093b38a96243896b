// One person in a process of its own that is going to be killed in the middle of a file: see doomed.ts.
import { randomBytes } from 'node:crypto';
import type { AccountSettings, Address, ProtocolDescription } from '../../../../protocols/contract/index.ts';
import { sip } from '../../../../protocols/sip/index.ts';
import { local } from '../../../../protocols/sip/local/index.ts';
import { memoryStorage } from '../../../protocols/attended.ts';

export interface DoomedStart {
  account: AccountSettings;
  password: string | undefined;
}
export interface DoomedOrder {
  offerTo: Address;
  name: string;
  size: number;
}
export type DoomedWord = { word: 'online' | 'sees'; address: Address } | { word: 'stalled' };

const PROTOCOLS: readonly ProtocolDescription[] = [sip, local];
/** So many bytes pass, and then this process is as still as if it hung. */
const ENOUGH = 300_000;

const tell = (word: DoomedWord): void => void process.send?.(word);
const start = JSON.parse(process.argv[2] ?? '') as DoomedStart;
const provider = PROTOCOLS.find(({ id }) => id === start.account.protocol)?.create({
  account: start.account,
  password: async () => start.password,
  storage: memoryStorage(),
  log: () => {},
  now: Date.now,
  random: Math.random,
  language: () => 'en',
});
const files = provider?.operationSet('fileTransfer');

/** Never resolves once enough has passed. */
const stallAt = (end: number): Promise<void> | undefined => {
  if (end < ENOUGH) return undefined;
  tell({ word: 'stalled' });
  return new Promise(() => {});
};

files?.onOffer(({ transfer }) => {
  transfer.accept({
    sink: { write: (data, position) => stallAt(position + data.length), close: async () => {}, abort: async () => {} },
    from: 0,
    complete: async () => {},
  });
});
provider?.onRegistration(({ state }) => {
  if (state === 'online') tell({ word: 'online', address: provider.address });
});
provider?.operationSet('contactList')?.onChange((contacts) => {
  for (const { address } of contacts) tell({ word: 'sees', address });
});
process.on('message', ({ offerTo, name, size }: DoomedOrder) => {
  const open = async () => ({
    size,
    read: async (buffer: Uint8Array, position: number) => {
      if (position > 0) await stallAt(position + buffer.length);
      const length = Math.min(buffer.length, size - position, ENOUGH);
      buffer.set(randomBytes(length));
      return length;
    },
    close: async () => {},
  });
  files?.offer(offerTo, [
    { id: randomBytes(16).toString('hex'), file: { name, type: 'application/octet-stream', size }, open },
  ]);
});
provider?.start();
