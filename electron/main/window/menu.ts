import { Menu } from 'electron';
import { words } from '../words.ts';

/** The roles a keyboard needs: editing, zoom, quit. Shown on macOS, hidden behind Alt elsewhere. */
export function setMenu(): void {
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      ...(process.platform === 'darwin' ? [{ role: 'appMenu' as const }] : []),
      { label: words().edit, role: 'editMenu' },
      {
        label: words().view,
        submenu: [
          { role: 'resetZoom' },
          { role: 'zoomIn' },
          { role: 'zoomOut' },
          { type: 'separator' },
          { role: 'togglefullscreen' },
          { type: 'separator' },
          { role: 'quit' },
        ],
      },
    ]),
  );
}
