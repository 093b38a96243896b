import fs from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { build, type Plugin } from 'vite';

const root = path.resolve(import.meta.dirname, '../../..');

/**
 * A TypeScript entry of this repository as one file that plain Node runs, as the product's own build makes it. `registry` is
 * a module that stands in for `protocols/registry.ts`, which it may import itself.
 */
export async function bundle(entry: string, registry?: string): Promise<string> {
  // inside of node_modules, so that the native library is found from there
  const cache = path.join(root, 'node_modules/.cache/test-bundles');
  fs.mkdirSync(cache, { recursive: true });
  const outDir = fs.mkdtempSync(path.join(cache, 'bundle-'));
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    publicDir: false,
    plugins: registry === undefined ? [] : [inPlaceOfRegistry(path.join(root, registry))],
    build: {
      ssr: true,
      target: 'node18',
      outDir,
      emptyOutDir: true,
      minify: false,
      rolldownOptions: {
        input: path.join(root, entry),
        external: ['libsql', ...builtinModules, ...builtinModules.map((name) => `node:${name}`)],
        output: { format: 'cjs', entryFileNames: 'index.cjs', codeSplitting: false },
      },
    },
    ssr: { noExternal: true, external: ['libsql'] },
  });
  return path.join(outDir, 'index.cjs');
}

const inPlaceOfRegistry = (file: string): Plugin => ({
  name: 'registry',
  enforce: 'pre',
  resolveId: (source, importer) => (source.endsWith('protocols/registry.ts') && importer !== file ? file : null),
});
