import { app, Notification, shell } from 'electron';
import type { NotificationRequest, ShellSide } from '../contract/index.ts';
import type { SecretFile } from './secret-file.ts';
import { thumbnailOf } from './thumbnail.ts';
import { words } from './words.ts';

interface ShellParts {
  secrets: SecretFile;
  showTalk: (talkId: string) => void;
  setUnread: (count: number) => void;
  setLocked: (isLocked: boolean) => void;
}

/** What main does for the core. */
export function createShellSide({ secrets, showTalk, setUnread, setLocked }: ShellParts): ShellSide {
  // one notification per talk: a newer one takes the older one's place
  const shown = new Map<string, Notification>();
  const notify = ({ talkId, name, verified, body }: NotificationRequest): void => {
    if (!Notification.isSupported()) return;
    shown.get(talkId)?.close();
    const notification = new Notification({ title: verified ? name : words().unverified(name), body, silent: false });
    shown.set(talkId, notification);
    const forget = (): void => {
      if (shown.get(talkId) === notification) shown.delete(talkId);
    };
    notification.on('click', () => showTalk(talkId));
    notification.on('close', forget);
    notification.on('failed', forget); // macOS refuses unsigned programs; the unread mark still tells
    notification.show();
  };
  // in memory only, and handed over by the port: a command line is read by everybody on the machine
  let held: string | undefined;
  return {
    readSecret: (key) => secrets.read(key),
    writeSecret: (key, value) => secrets.write(key, value),
    deleteSecret: (key) => secrets.delete(key),
    heldKey: async () => held,
    holdKey: async (key) => {
      held = key;
    },
    setLocked,
    openPath: (path) => shell.openPath(path),
    revealPath: async (path) => shell.showItemInFolder(path),
    thumbnail: thumbnailOf,
    notify,
    setUnread: (count) => {
      app.setBadgeCount(count);
      setUnread(count);
    },
  };
}
