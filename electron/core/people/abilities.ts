import type { ContactCapabilities, ContactRequest, Provider } from '../../../protocols/contract/index.ts';
import { type LiveAddress, reachability } from './person-view.ts';

export const UNKNOWN = { state: 'unknown' } as const;

/** Of a person of whom no provider has told yet. */
export const nothingKnown = () => ({
  presence: UNKNOWN,
  permission: undefined,
  messagingOff: null,
  messagingMode: null,
  fileTransferOff: null,
});

/** A text that only has to wait for the connection is not off: it is kept here until then. */
export function abilitiesOf({
  messaging,
  fileTransfer,
}: ContactCapabilities): Pick<LiveAddress, 'messagingOff' | 'messagingMode' | 'fileTransferOff'> {
  return {
    messagingOff: messaging.on || messaging.off.retryable ? null : messaging.off.code,
    messagingMode: (messaging.on && messaging.mode) || null,
    fileTransferOff: fileTransfer.on ? null : fileTransfer.off.code,
  };
}

/** Whether a person is there, or was said to be. */
export const isReachable = ({ presence }: LiveAddress): boolean =>
  reachability(presence) > reachability({ state: 'offline' });

/** Requests of others to see us: our own account asking itself is none. */
export const othersOf = (provider: Provider): readonly ContactRequest[] =>
  (provider.operationSet('contactList')?.requests ?? []).filter(({ address }) => address !== provider.address);
