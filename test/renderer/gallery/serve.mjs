// node test/renderer/gallery/serve.mjs [port]: builds the window over the fake core and shows it on the loopback interface.
import os from 'node:os';
import path from 'node:path';
import react from '@vitejs/plugin-react';
import { build, preview } from 'vite';

const outDir = path.join(os.tmpdir(), 'aims-gallery');
const shared = { configFile: false, root: import.meta.dirname, logLevel: 'warn' };
await build({
  ...shared,
  plugins: [react()],
  css: { transformer: 'lightningcss' },
  build: { target: 'chrome114', outDir, emptyOutDir: true, chunkSizeWarningLimit: 2000 },
});
if (process.argv[2] !== 'build')
  await preview({
    ...shared,
    build: { outDir },
    preview: { host: '127.0.0.1', port: Number(process.argv[2] ?? 5199), strictPort: true },
  });
