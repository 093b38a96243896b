import type { Address } from './address.ts';
import type { Subscribe } from './emitter.ts';

/**
 * Whether presence flows. `mutual`: both see each other; `pending`: we asked and wait; `outgoing`: we see them only;
 * `incoming`: they see us only; `none`.
 */
export type ContactSubscription = 'mutual' | 'outgoing' | 'incoming' | 'pending' | 'none';

export interface Contact {
  address: Address;
  name: string;
  groups: readonly string[];
  subscription: ContactSubscription;
}

/** Somebody asks to see our presence. */
export interface ContactRequest {
  address: Address;
  name?: string;
  note?: string;
}

export interface ContactListOperationSet {
  /** The list as known now, by name. */
  readonly contacts: readonly Contact[];
  readonly requests: readonly ContactRequest[];
  /** Where the list lives: on the server, only here, or found on the network by itself (not editable). */
  readonly kept: 'server' | 'local' | 'discovered';
  /** Fires with the whole new list after any change, also from another device. */
  readonly onChange: Subscribe<readonly Contact[]>;
  readonly onRequests: Subscribe<readonly ContactRequest[]>;
  /** Adds or changes; asks to see presence where the protocol does. */
  put(contact: { address: Address; name: string; groups: readonly string[] }): Promise<void>;
  remove(address: Address): Promise<void>;
  answerRequest(address: Address, answer: 'accept' | 'decline'): Promise<void>;
}
