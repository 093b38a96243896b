// What main and the core owe each other, and what the preload script shows to a window.

/** A notification as the core asks for it; main decides how it looks and whether the window is in front. */
export interface NotificationRequest {
  talkId: string;
  /** Whom the talk is with. */
  name: string;
  /** False: nobody but the person vouches for the name. */
  verified: boolean;
  body: string;
}

/** A small picture of a file's content. */
export interface Thumbnail {
  type: string;
  data: Uint8Array;
}

/** Main's functions, called by the core over the utility process's own port. */
export interface ShellSide {
  /** Undefined when nothing is kept under that key. Rejects when the store is there but locked or broken. */
  readSecret(key: string): Promise<string | undefined>;
  writeSecret(key: string, value: string): Promise<void>;
  deleteSecret(key: string): Promise<void>;
  /** The key of the database that a passphrase has opened in this run, kept in memory for the core after this one. */
  heldKey(): Promise<string | undefined>;
  holdKey(key: string): Promise<void>;
  /** The core waits for the passphrase, or no longer. */
  setLocked(isLocked: boolean): void;
  /** Opens with the system's program for it; resolves to '' or the system's own words of refusal. */
  openPath(path: string): Promise<string>;
  revealPath(path: string): Promise<void>;
  /** Of an image file, at most 128 pixels and 4 KiB; undefined where there is nothing to decode it. */
  thumbnail(path: string): Promise<Thumbnail | undefined>;
  notify(request: NotificationRequest): void;
  /** Unread messages in all talks, for dock, taskbar and tray. */
  setUnread(count: number): void;
}

/** The core's functions, called by main. */
export interface CoreControl {
  machineEvent(event: 'wake' | 'network-changed'): void;
  /** Nobody has touched the machine since then, in ms since the epoch; null: somebody is there. */
  idleSince(since: number | null): void;
  /** A talk is in front of the person's eyes (or none): it gets no notification. */
  talkInFront(talkId: string | null): void;
  /** Writes everything down and leaves all servers; resolves within 6 s. */
  shutDown(): Promise<void>;
}

/** How the core is started: argv of the utility process, as one JSON text. */
export interface CoreLaunch {
  profile: string;
  /** Absolute folder of this profile: database, log, parts. */
  folder: string;
  downloadFolder: string;
  version: string;
  /** Whether the operating system keeps secrets here. */
  secretStore: 'system' | 'none';
  /** True in demos and tests: discovery and listeners stay on the loopback interface. */
  loopbackOnly: boolean;
  /** Set when a core before this one died. */
  restarted: boolean;
}

/** What the window asks main to show it. */
export type Navigation = { to: 'talk'; talkId: string } | { to: 'address'; uri: string } | { to: 'settings' };

/** `window.aims`, put there by the preload script. Everything else goes over the port. */
export interface WindowBridge {
  readonly platform: 'win32' | 'darwin' | 'linux';
  /** BCP 47 tag of the system's language. */
  readonly systemLanguage: string;
  /** BCP 47 tag of the region whose customs the system follows; '' where it names none. */
  readonly region: string;
  /** How the system counts hours, whatever language is spoken. */
  readonly hourCycle: 'h12' | 'h23';
  /** The absolute path of a dropped or chosen file; '' when it has none. */
  pathForFile(file: File): string;
  chooseFiles(): Promise<string[]>;
  chooseFolder(): Promise<string | null>;
  chooseSavePath(suggestedName: string): Promise<string | null>;
  talkInFront(talkId: string | null): void;
  setTheme(theme: 'system' | 'light' | 'dark'): void;
  openExternal(uri: string): void;
  onNavigate(listener: (to: Navigation) => void): () => void;
}

/** The message with which the preload script hands the window its port to the core. */
export const PORT_MESSAGE = 'aims:core-port';

/** How main tells the preload script of a window what the bridge says of the system. */
export const REGION_SWITCH = '--aims-region=';
export const HOURS_SWITCH = '--aims-hours=';
