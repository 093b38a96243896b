import type { Address } from './address.ts';
import type { Subscribe } from './emitter.ts';

/**
 * Whether presence flows. `mutual`: both see each other; `pending`: we asked and wait; `outgoing`: we see them only;
 * `incoming`: they see us only; `none`.
 */
export type ContactSubscription = 'mutual' | 'outgoing' | 'incoming' | 'pending' | 'none';

export interface Contact {
  address: Address;
  /** What this account's person calls them; '' when nothing. Never what they say of themselves, unless the list is `discovered`. */
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

/**
 * What somebody sees of our presence. `ask`: nothing until we say (they are shown as a request while they watch);
 * `polite-block`: that we are offline; `block`: nothing, and they are told so.
 */
export type ContactPermission = 'allow' | 'polite-block' | 'block' | 'ask';

/** Who may see us, where that can be said person by person. */
export interface ContactPermissions {
  /** Also for people on no list. */
  of(address: Address): ContactPermission;
  /** Resolves when the server has it. Rejects with a `ProviderError`. */
  set(address: Address, permission: ContactPermission): Promise<void>;
  /** Fires after any change, also from another device: `of` may say something else for anybody. */
  readonly onChange: Subscribe<void>;
}

export interface ContactListOperationSet {
  /** The list as known now, by name. */
  readonly contacts: readonly Contact[];
  readonly requests: readonly ContactRequest[];
  /**
   * Where the list lives: on the server (`waiting`: with changes made here that it could not be given yet), only here, or
   * found on the network by itself (not editable). A list kept here may become the server's when a server for it is found;
   * `onChange` fires then.
   */
  readonly kept: 'server' | 'waiting' | 'local' | 'discovered';
  /** How many entries of the list on the server cannot be shown, as they are no address of this protocol. Absent: none. */
  readonly unread?: number;
  /** Fires with the whole new list after any change, also from another device. */
  readonly onChange: Subscribe<readonly Contact[]>;
  readonly onRequests: Subscribe<readonly ContactRequest[]>;
  /**
   * Adds or changes; asks to see presence where the protocol does. Resolves when it is kept where the list is, or waits here for
   * a server that is away. Rejects with a `ProviderError`; then nothing has changed.
   */
  put(contact: { address: Address; name: string; groups: readonly string[] }): Promise<void>;
  remove(address: Address): Promise<void>;
  /** Accepting lets them see us and, over SIP, puts them on the list; declining keeps them from asking again. */
  answerRequest(address: Address, answer: 'accept' | 'decline'): Promise<void>;
  /** Absent where the server keeps no rules; may come and go with the connection. */
  readonly permissions?: ContactPermissions | undefined;
}
