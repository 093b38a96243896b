import { builtinModules } from 'node:module';
import path from 'node:path';
import react from '@vitejs/plugin-react';
import { notePackages } from './third-party/packages.mjs';

export const root = path.resolve(import.meta.dirname, '..');
const builtins = [...builtinModules, ...builtinModules.map((name) => `node:${name}`)];
// libsql is native; bonjour-service and all else is bundled, so the package carries one module folder only
const external = ['electron', 'libsql'];

/** The packages of others in what is shipped, by folder; complete when the targets are built. */
export const bundled = new Set();

/** One CommonJS file for a Node side: the oldest runtime loads no ES modules in main and utility processes. */
const node = (name, input, { empty = true, shipped = true } = {}) => ({
  configFile: false,
  root,
  logLevel: 'warn',
  publicDir: false,
  plugins: shipped ? [notePackages(bundled)] : [],
  build: {
    ssr: true,
    target: 'node18',
    outDir: `out/${name}`,
    emptyOutDir: empty,
    minify: false,
    sourcemap: true,
    rolldownOptions: {
      input,
      external: [...external, ...builtins],
      output: { format: 'cjs', entryFileNames: 'index.cjs', codeSplitting: false },
    },
  },
  ssr: { noExternal: true, external },
});

export const targets = [
  node('main', 'electron/main/index.ts'),
  node('preload', 'electron/preload/index.ts'),
  node('core', 'electron/core/index.ts'),
  node('headless', 'electron/core/headless.ts', { shipped: false }),
  {
    configFile: false,
    root: path.join(root, 'renderer'),
    base: './',
    logLevel: 'warn',
    publicDir: false,
    plugins: [react(), notePackages(bundled)],
    css: { transformer: 'lightningcss' },
    build: {
      target: 'chrome114',
      chunkSizeWarningLimit: 4000,
      outDir: path.join(root, 'out/renderer'),
      emptyOutDir: true,
      sourcemap: true,
      modulePreload: { polyfill: false },
    },
  },
];
