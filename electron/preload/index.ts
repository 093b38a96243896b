import { contextBridge, ipcRenderer, webUtils } from 'electron';
import { HOURS_SWITCH, type Navigation, PORT_MESSAGE, REGION_SWITCH, type WindowBridge } from '../contract/shell.ts';

// The narrow door between the page and main. The port to the core is handed on untouched: it cannot cross the bridge.

let early: Navigation[] = [];
const listeners = new Set<(to: Navigation) => void>();
ipcRenderer.on('aims:navigate', (_event, to: Navigation) => {
  if (listeners.size === 0) early.push(to);
  for (const listener of listeners) listener(to);
});
ipcRenderer.on(PORT_MESSAGE, (event) => window.postMessage(PORT_MESSAGE, '*', event.ports));

const given = (name: string): string => process.argv.find((word) => word.startsWith(name))?.slice(name.length) ?? '';

const bridge: WindowBridge = {
  platform: process.platform === 'win32' || process.platform === 'darwin' ? process.platform : 'linux',
  systemLanguage: navigator.language,
  region: given(REGION_SWITCH),
  hourCycle: given(HOURS_SWITCH) === 'h12' ? 'h12' : 'h23',
  // Electron before 29 has no webUtils; its File carries the path itself
  pathForFile: (file) => webUtils?.getPathForFile(file) ?? (file as File & { path?: string }).path ?? '',
  chooseFiles: () => ipcRenderer.invoke('aims:choose-files'),
  chooseFolder: () => ipcRenderer.invoke('aims:choose-folder'),
  chooseSavePath: (suggestedName) => ipcRenderer.invoke('aims:choose-save-path', suggestedName),
  talkInFront: (talkId) => ipcRenderer.send('aims:talk-in-front', talkId),
  setTheme: (theme) => ipcRenderer.send('aims:theme', theme),
  openExternal: (uri) => ipcRenderer.send('aims:open-external', uri),
  onNavigate: (listener) => {
    listeners.add(listener);
    for (const to of early) listener(to);
    early = [];
    return () => listeners.delete(listener);
  },
};
contextBridge.exposeInMainWorld('aims', bridge);
// asked for once the page listens; asked again by every reload
window.addEventListener('DOMContentLoaded', () => ipcRenderer.send('aims:port'));
