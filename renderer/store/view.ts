import type { Fault } from '../../electron/contract/index.ts';

export type SettingsSection =
  | 'accounts'
  | 'appearance'
  | 'language'
  | 'notifications'
  | 'privacy'
  | 'files'
  | 'shortcuts'
  | 'about';

/** A file about to be offered: one with a path, or a pasted picture. */
export type OfferItem =
  | { kind: 'path'; path: string; name: string; size: number | null }
  | { kind: 'data'; file: File; name: string; size: number };

/** What floats over the window; one at a time. */
export type Sheet =
  | { kind: 'settings'; section: SettingsSection; accountId?: string }
  | { kind: 'add-account' }
  | { kind: 'add-person'; address: string }
  | { kind: 'person'; personId: string }
  | { kind: 'certificate'; accountId: string }
  | { kind: 'remove-account'; accountId: string }
  | { kind: 'offer'; talkId: string; items: readonly OfferItem[] }
  | { kind: 'passphrase' }
  | { kind: 'link'; uri: string };

export interface Toast {
  id: number;
  text: string;
  fault?: Fault;
  undo?: () => void;
}

/** What this window shows; nothing of it matters to anybody else. */
export interface View {
  talkId: string | null;
  /** Narrow windows show one column: the list, or what is on top of it. */
  column: 'list' | 'talk' | 'transfers';
  listOrder: 'recent' | 'groups';
  query: string;
  panelOpen: boolean;
  searchOpen: boolean;
  sheet: Sheet | null;
  toasts: readonly Toast[];
  /** Talks and people being removed; they come back if it is undone. */
  leaving: Readonly<Record<string, true>>;
  /** The message a search led to. */
  target: { talkId: string; messageId: string } | null;
  /** A new object whenever a talk was chosen, also the one that is open: the composer takes the focus. */
  chosen: { talkId: string } | null;
  /** A new object whenever something was written or offered here: its talk shows the end, however far up one was reading. */
  wrote: { talkId: string } | null;
  /** Where reading stopped when the talk was opened. */
  unreadFrom: { talkId: string; sequence: number } | null;
  /** First start stays in front: an account is being made or connects for the first time. */
  signingIn: boolean;
  connected: boolean;
  /** Why the core could not start; it tries again when everything is fetched again. */
  notStarted: Fault | null;
}

export const firstView: View = {
  talkId: null,
  column: 'list',
  listOrder: 'recent',
  query: '',
  panelOpen: false,
  searchOpen: false,
  sheet: null,
  toasts: [],
  leaving: {},
  target: null,
  chosen: null,
  wrote: null,
  unreadFrom: null,
  signingIn: false,
  connected: false,
  notStarted: null,
};
