import path from 'node:path';
import { app, Menu, nativeImage, Tray } from 'electron';
import { words } from '../words.ts';

/**
 * The mark in the system's tray: click shows the window, the menu shows or quits. While the history waits for its
 * passphrase, that is what it says and what its menu offers. Linux desktops without a place for it show nothing; there,
 * starting the program again brings the window back.
 */
export class TrayMark {
  readonly #tray: Tray;
  readonly #icons: { quiet: Electron.NativeImage; unread: Electron.NativeImage };
  readonly #show: () => void;

  constructor(show: () => void) {
    const icon = (name: string): Electron.NativeImage =>
      nativeImage.createFromPath(path.join(app.getAppPath(), 'assets', `${name}.png`));
    this.#icons = { quiet: icon('tray'), unread: icon('tray-unread') };
    this.#show = show;
    this.#tray = new Tray(this.#icons.quiet);
    this.#tray.on('click', show);
    this.setLocked(false);
  }

  setUnread(count: number): void {
    this.#tray.setImage(count > 0 ? this.#icons.unread : this.#icons.quiet);
    this.#tray.setToolTip(count > 0 ? `AIMS – ${words().unread(count)}` : 'AIMS');
  }

  setLocked(isLocked: boolean): void {
    this.#tray.setToolTip(isLocked ? words().locked : 'AIMS');
    this.#tray.setContextMenu(
      Menu.buildFromTemplate([
        { label: isLocked ? words().unlock : words().show, click: this.#show },
        { type: 'separator' },
        { label: words().quit, click: () => app.quit() },
      ]),
    );
  }
}
