import path from 'node:path';
import {
  app,
  type BrowserWindow,
  dialog,
  type IpcMainEvent,
  type IpcMainInvokeEvent,
  ipcMain,
  nativeTheme,
  shell,
} from 'electron';
import { APP_ORIGIN } from '../app-protocol.ts';
import type { CoreProcess } from '../core-process.ts';

const EXTERNAL = /^(https?|mailto|sips?|xmpp):/i;

/** Only the top frame of our own page is listened to. */
const fromOurPage = (window: BrowserWindow, event: IpcMainEvent | IpcMainInvokeEvent): boolean => {
  const frame = event.senderFrame;
  return event.sender === window.webContents && frame?.parent === null && frame.url.startsWith(`${APP_ORIGIN}/`);
};

/** What the page may ask of main: dialogs, the theme, a link in the system's browser. Everything is checked. */
export function answerWindow(window: () => BrowserWindow | undefined, core: CoreProcess): void {
  const invoke = <T>(channel: string, answer: (window: BrowserWindow, argument: unknown) => T): void =>
    ipcMain.handle(channel, (event, argument: unknown) => {
      const current = window();
      if (!current || !fromOurPage(current, event)) throw new Error('refused');
      return answer(current, argument);
    });
  const listen = (channel: string, hear: (window: BrowserWindow, argument: unknown) => void): void => {
    ipcMain.on(channel, (event, argument: unknown) => {
      const current = window();
      if (current && fromOurPage(current, event)) hear(current, argument);
    });
  };

  listen('aims:port', (current) => core.attach(current.webContents));
  listen('aims:talk-in-front', (_current, talkId) => core.talkInFront(typeof talkId === 'string' ? talkId : null));
  listen('aims:theme', (_current, theme) => {
    if (theme === 'system' || theme === 'light' || theme === 'dark') nativeTheme.themeSource = theme;
  });
  listen('aims:open-external', (_current, uri) => {
    if (typeof uri === 'string' && uri.length <= 2048 && EXTERNAL.test(uri)) {
      // no program for it: the system says so
      shell.openExternal(uri).catch(() => undefined);
    }
  });
  invoke('aims:choose-files', async (current) => {
    const { canceled, filePaths } = await dialog.showOpenDialog(current, {
      properties: ['openFile', 'multiSelections'],
      defaultPath: app.getPath('documents'),
    });
    return canceled ? [] : filePaths;
  });
  invoke('aims:choose-folder', async (current) => {
    const { canceled, filePaths } = await dialog.showOpenDialog(current, {
      properties: ['openDirectory', 'createDirectory'],
      defaultPath: app.getPath('downloads'),
    });
    return canceled ? null : (filePaths[0] ?? null);
  });
  invoke('aims:choose-save-path', async (current, name) => {
    const suggested = path.basename(typeof name === 'string' ? name : 'file');
    const { canceled, filePath } = await dialog.showSaveDialog(current, {
      defaultPath: path.join(app.getPath('downloads'), suggested),
    });
    return canceled || !filePath ? null : filePath;
  });
}
