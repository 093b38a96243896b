import fs from 'node:fs';
import path from 'node:path';
import { type BrowserWindow, type Rectangle, screen } from 'electron';

interface WindowState {
  bounds: Rectangle;
  maximised: boolean;
}

const overlaps = (a: Rectangle, b: Rectangle): boolean =>
  a.x < b.x + b.width - 40 && b.x < a.x + a.width - 40 && a.y < b.y + b.height - 40 && b.y < a.y + a.height - 40;

/** Where the window was when it was last closed, if that place is still on a screen. */
export function loadWindowState(folder: string): WindowState | undefined {
  try {
    const state: WindowState = JSON.parse(fs.readFileSync(path.join(folder, 'window.json'), 'utf8'));
    return screen.getAllDisplays().some(({ workArea }) => overlaps(workArea, state.bounds)) ? state : undefined;
  } catch {
    return undefined; // first start, or a file that somebody damaged: the default place is as good
  }
}

export function saveWindowState(folder: string, window: BrowserWindow): void {
  const state: WindowState = { bounds: window.getNormalBounds(), maximised: window.isMaximized() };
  try {
    fs.writeFileSync(path.join(folder, 'window.json'), JSON.stringify(state));
  } catch {
    // a full disk must not keep the window from closing; only its place is forgotten
  }
}
