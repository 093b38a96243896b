import type { Address } from './address.ts';
import type { Subscribe } from './emitter.ts';

export type PresenceState = 'available' | 'away' | 'busy' | 'do-not-disturb' | 'offline';

/** What others see of us. */
export interface OwnPresence {
  state: PresenceState;
  note?: string;
  /** ms since the epoch when we last touched the machine; absent while active. */
  idleSince?: number;
}

/** What we know of another. `unknown`: we may not see it, or nobody told us yet. */
export interface PeerPresence {
  state: PresenceState | 'unknown';
  note?: string;
  idleSince?: number;
}

export interface PresenceOperationSet {
  /** Remembers and publishes; published again by itself after every reconnect. Resolves when the server took it. */
  publish(presence: OwnPresence): Promise<void>;
  presenceOf(address: Address): PeerPresence;
  readonly onPresence: Subscribe<{ address: Address; presence: PeerPresence }>;
}
