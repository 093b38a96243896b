import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { app, type BrowserWindow } from 'electron';
import { registerAppScheme, serveApp } from './app-protocol.ts';
import { CoreProcess } from './core-process.ts';
import { type LaunchOptions, parseLaunchOptions } from './launch-options.ts';
import { watchMachine } from './machine-events.ts';
import { SecretFile, secretStoreKind } from './secret-file.ts';
import { createShellSide } from './shell-side.ts';
import { createMainWindow, showWindow } from './window/main-window.ts';
import { setMenu } from './window/menu.ts';
import { TrayMark } from './window/tray.ts';
import { answerWindow } from './window/window-calls.ts';
import { words } from './words.ts';

// The whole of main in one place: one profile, one core, one window. It never touches the network or the messages.

const LINK_SCHEMES = ['sip', 'sips', 'im', 'pres', 'xmpp'];

let options: LaunchOptions;
try {
  options = parseLaunchOptions(process.argv);
} catch (error) {
  console.error((error as Error).message);
  process.exit(2);
}
const dataFolder = options.dataFolder ?? path.join(app.getPath('appData'), 'AIMS');
const folder = path.join(dataFolder, 'profiles', options.profile);
// Chromium's own files, and with them the lock that makes a second start of this profile show the first one's window
let browserFolder = path.join(folder, 'browser');
try {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
} catch {
  // the core meets the same, says it in the window, and tries again when it is asked to; until then Chromium is elsewhere
  const elsewhere = fs.mkdtempSync(path.join(os.tmpdir(), 'aims-'));
  browserFolder = elsewhere;
  app.on('quit', () => fs.rmSync(elsewhere, { recursive: true, force: true }));
}
app.setPath('userData', browserFolder);

if (!app.requestSingleInstanceLock({ link: options.link })) {
  console.error(words().profileInUse);
  app.exit(0);
} else {
  // root needs --no-sandbox, and Chromium refuses both words together
  if (!process.argv.includes('--no-sandbox')) app.enableSandbox();
  registerAppScheme();
  for (const scheme of LINK_SCHEMES) {
    // only the installed program: a development run must not become the system's handler
    if (app.isPackaged) app.setAsDefaultProtocolClient(scheme);
  }
  app
    .whenReady()
    .then(run)
    .catch((error: unknown) => {
      // without this it would go on with neither a window nor a word
      console.error(error);
      app.exit(1);
    });
}

async function run(): Promise<void> {
  let window: BrowserWindow | undefined;
  let quitting = false;
  let tray: TrayMark | undefined;

  const open = (): BrowserWindow => {
    if (window && !window.isDestroyed()) return window;
    const created = createMainWindow(folder, 'AIMS');
    created.on('close', (event) => {
      // a tray is sure to be there only on Windows; on macOS the dock stays
      if (!quitting && process.platform !== 'linux') {
        event.preventDefault();
        created.hide();
      }
    });
    created.on('closed', () => {
      if (window === created) window = undefined;
    });
    window = created;
    return created;
  };
  const show = (): void => showWindow(open());
  const openLink = (uri: string): void => showWindow(open(), { to: 'address', uri });

  const secrets = new SecretFile(folder);
  const shell = createShellSide({
    secrets,
    showTalk: (talkId) => showWindow(open(), { to: 'talk', talkId }),
    setUnread: (count) => tray?.setUnread(count),
    setLocked: (isLocked) => tray?.setLocked(isLocked),
  });
  setMenu();
  serveApp(path.join(app.getAppPath(), 'out/renderer'));
  const core = new CoreProcess(
    {
      profile: options.profile,
      folder,
      downloadFolder: options.dataFolder ? path.join(folder, 'Downloads') : app.getPath('downloads'),
      version: app.getVersion(),
      secretStore: await secretStoreKind(),
      loopbackOnly: options.loopbackOnly,
      restarted: false,
    },
    shell,
  );
  answerWindow(() => window, core);
  // before the core, which may say at once that it waits for a passphrase
  tray = new TrayMark(show);
  core.start();
  const isAtLogin = options.atLogin || (process.platform === 'darwin' && app.getLoginItemSettings().wasOpenedAtLogin);
  if (!isAtLogin) open();
  watchMachine(core);

  if (options.link) {
    const { link } = options;
    open().webContents.once('did-finish-load', () => openLink(link));
  }
  // argv of the second start is reordered by Chromium: what it wants comes as data
  app.on('second-instance', (_event, _argv, _folder, data) => {
    const link = (data as { link?: string } | null)?.link;
    if (link) openLink(link);
    else show();
  });
  app.on('open-url', (event, uri) => {
    event.preventDefault();
    openLink(uri);
  });
  app.on('activate', show);
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  let stopped = false;
  app.on('before-quit', (event) => {
    quitting = true;
    if (stopped) return;
    // the core first writes down and leaves its servers; then the program may go
    event.preventDefault();
    const leave = (): void => {
      stopped = true;
      app.quit();
    };
    core.stop().then(leave, leave);
  });
}
