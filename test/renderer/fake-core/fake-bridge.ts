import type { Navigation, WindowBridge } from '../../../electron/contract/index.ts';

export interface FakeBridge extends WindowBridge {
  readonly inFront: (string | null)[];
  readonly opened: string[];
  navigate(to: Navigation): void;
  files: string[];
  savePath: string | null;
}

/** What the preload script shows to a window, without the window. */
export function createFakeBridge(systemLanguage = 'en-GB'): FakeBridge {
  const listeners = new Set<(to: Navigation) => void>();
  const bridge: FakeBridge = {
    platform: 'linux',
    systemLanguage,
    region: systemLanguage,
    hourCycle: 'h23',
    inFront: [],
    opened: [],
    files: ['/home/ines/report.pdf'],
    savePath: '/tmp/elsewhere.bin',
    pathForFile: (file) => (file.type.startsWith('image/') ? '' : `/home/ines/${file.name}`),
    chooseFiles: async () => bridge.files,
    chooseFolder: async () => '/home/ines/Documentos',
    chooseSavePath: async () => bridge.savePath,
    talkInFront: (talkId) => void bridge.inFront.push(talkId),
    setTheme: () => {},
    openExternal: (uri) => void bridge.opened.push(uri),
    onNavigate: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    navigate: (to) => {
      for (const listener of listeners) listener(to);
    },
  };
  return bridge;
}
