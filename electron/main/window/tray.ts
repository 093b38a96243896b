import path from 'node:path';
import { app, Menu, nativeImage, Tray } from 'electron';
import { words } from '../words.ts';

/**
 * The mark in the system's tray: click shows the window, the menu shows or quits. Linux desktops without a place for it
 * show nothing; there, starting the program again brings the window back.
 */
export class TrayMark {
  readonly #tray: Tray;
  readonly #icons: { quiet: Electron.NativeImage; unread: Electron.NativeImage };

  constructor(show: () => void) {
    const icon = (name: string): Electron.NativeImage =>
      nativeImage.createFromPath(path.join(app.getAppPath(), 'assets', `${name}.png`));
    this.#icons = { quiet: icon('tray'), unread: icon('tray-unread') };
    this.#tray = new Tray(this.#icons.quiet);
    this.#tray.setToolTip('AIMS');
    this.#tray.on('click', show);
    this.#tray.setContextMenu(
      Menu.buildFromTemplate([
        { label: words().show, click: show },
        { type: 'separator' },
        { label: words().quit, click: () => app.quit() },
      ]),
    );
  }

  setUnread(count: number): void {
    this.#tray.setImage(count > 0 ? this.#icons.unread : this.#icons.quiet);
    this.#tray.setToolTip(count > 0 ? `AIMS – ${words().unread(count)}` : 'AIMS');
  }
}
