import type { WindowBridge } from '../../electron/contract/index.ts';

export type Shortcut =
  | 'find'
  | 'searchTalk'
  | 'transfers'
  | 'sendFile'
  | 'settings'
  | 'help'
  | 'nextTalk'
  | 'previousTalk';

interface Keys {
  key: string;
  ctrl?: true;
  alt?: true;
}

/** `ctrl` is Command on a Mac. */
const KEYS: Readonly<Record<Shortcut, Keys>> = {
  find: { key: 'k', ctrl: true },
  searchTalk: { key: 'f', ctrl: true },
  transfers: { key: 'j', ctrl: true },
  sendFile: { key: 'u', ctrl: true },
  settings: { key: ',', ctrl: true },
  help: { key: '/', ctrl: true },
  nextTalk: { key: 'ArrowDown', alt: true },
  previousTalk: { key: 'ArrowUp', alt: true },
};

type Platform = WindowBridge['platform'];

/** Which shortcut a key press is, if any. */
export function shortcutOf(
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>,
  platform: Platform,
): Shortcut | undefined {
  const ctrl = platform === 'darwin' ? event.metaKey : event.ctrlKey;
  const entries = Object.entries(KEYS) as [Shortcut, Keys][];
  return entries.find(
    ([, keys]) =>
      keys.key.toLowerCase() === event.key.toLowerCase() &&
      Boolean(keys.ctrl) === ctrl &&
      Boolean(keys.alt) === event.altKey,
  )?.[0];
}

const SHOWN: Readonly<Record<string, string>> = { ArrowDown: '↓', ArrowUp: '↑' };

/** As printed on the keys: `Ctrl K`, `⌘ K`. */
export function keysShown(shortcut: Shortcut, platform: Platform): string {
  const keys = KEYS[shortcut];
  const mac = platform === 'darwin';
  return [keys.ctrl && (mac ? '⌘' : 'Ctrl'), keys.alt && (mac ? '⌥' : 'Alt'), SHOWN[keys.key] ?? keys.key.toUpperCase()]
    .filter(Boolean)
    .join(' ');
}
