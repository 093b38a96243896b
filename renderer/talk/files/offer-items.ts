import type { WindowBridge } from '../../../electron/contract/index.ts';
import type { OfferItem } from '../../store/view.ts';

const nameIn = (path: string): string => path.split(/[\\/]/).at(-1) || path;

/** Files that were dropped, pasted or chosen: by their path when they have one, else by what is in them. */
export const itemsFromFiles = (files: readonly File[], bridge: WindowBridge, pastedName: string): OfferItem[] =>
  files.map((file) => {
    const path = bridge.pathForFile(file);
    const name = file.name || `${pastedName}.${file.type.split('/')[1] ?? 'png'}`;
    return path ? { kind: 'path', path, name, size: file.size } : { kind: 'data', file, name, size: file.size };
  });

export const itemsFromPaths = (paths: readonly string[]): OfferItem[] =>
  paths.map((path) => ({ kind: 'path', path, name: nameIn(path), size: null }));
