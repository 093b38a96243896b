import path from 'node:path';
import { build } from 'vite';

/** Makes one file of a program in TypeScript, for a process of its own, and resolves to where it is. */
export const bundled = async (source: string, folder: string): Promise<string> => {
  const name = `${path.basename(source, '.ts')}.mjs`;
  await build({
    configFile: false,
    root: path.dirname(source),
    logLevel: 'silent',
    publicDir: false,
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: true,
      rolldownOptions: { input: source, output: { entryFileNames: name } },
    },
    ssr: { noExternal: true },
  });
  return path.join(folder, name);
};
