import path from 'node:path';
import { app, BrowserWindow, nativeTheme, systemPreferences } from 'electron';
import { HOURS_SWITCH, type Navigation, REGION_SWITCH } from '../../contract/shell.ts';
import { APP_ORIGIN } from '../app-protocol.ts';
import { type Customs, customsOf } from '../region.ts';
import { loadWindowState, saveWindowState } from './window-state.ts';

/** A page that dies this often in a minute stays dead: reloading it for ever helps nobody. */
const RELOADS_A_MINUTE = 3;

/**
 * Windows and macOS check spelling with dictionaries of their own. Linux has none that Chromium can read, and none is fetched from
 * anybody unasked.
 */
const CHECKS_SPELLING = process.platform !== 'linux';

/** Creates the one window of a profile: sandboxed, isolated, going nowhere but its own page. */
export function createMainWindow(folder: string, title: string): BrowserWindow {
  const state = loadWindowState(folder);
  const { region, hourCycle } = systemCustoms();
  const window = new BrowserWindow({
    width: 1120,
    height: 760,
    ...state?.bounds,
    minWidth: 320,
    minHeight: 420,
    title,
    show: false,
    autoHideMenuBar: true,
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#16181b' : '#fbfbfc',
    webPreferences: {
      preload: path.join(__dirname, '../preload/index.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: CHECKS_SPELLING,
      additionalArguments: [`${REGION_SWITCH}${region}`, `${HOURS_SWITCH}${hourCycle}`],
    },
  });
  if (state?.maximised) window.maximize();
  window.once('ready-to-show', () => window.show());
  window.on('close', () => saveWindowState(folder, window));
  // the page names its unread messages in its title; the window's own name must not overwrite that
  const { webContents } = window;
  webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  webContents.on('will-navigate', (event) => event.preventDefault());
  webContents.on('will-attach-webview', (event) => event.preventDefault());
  const { session } = webContents;
  session.setPermissionRequestHandler((_contents, _permission, decide) => decide(false));
  session.setPermissionCheckHandler(() => false);
  session.setSpellCheckerEnabled(CHECKS_SPELLING);
  // where the system lacks a language Chromium would ask its maker's server for it
  session.setSpellCheckerDictionaryDownloadURL('app://none/');

  const reloads: number[] = [];
  webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    const now = Date.now();
    while (reloads[0] !== undefined && now - reloads[0] > 60_000) reloads.shift();
    if (reloads.length >= RELOADS_A_MINUTE) return;
    reloads.push(now);
    webContents.reload();
  });
  // rejects too when the page is loaded anew before it was there
  window.loadURL(`${APP_ORIGIN}/index.html`).catch(() => undefined);
  return window;
}

/** Brings the window to the front and shows what was asked for. */
export function showWindow(window: BrowserWindow, to?: Navigation): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
  if (to) window.webContents.send('aims:navigate', to);
}

/** Of this computer, as they are now. */
function systemCustoms(): Customs {
  const isForced = (key: string): boolean =>
    process.platform === 'darwin' && systemPreferences.getUserDefault(key, 'boolean') === true;
  const forced = isForced('AppleICUForce24HourTime') ? 'h23' : isForced('AppleICUForce12HourTime') ? 'h12' : undefined;
  return customsOf(process.platform, process.env, app.getSystemLocale(), forced);
}
