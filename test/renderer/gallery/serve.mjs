// node test/renderer/gallery/serve.mjs: the window over the fake core at http://127.0.0.1:5199/
import path from 'node:path';
import react from '@vitejs/plugin-react';
import { createServer } from 'vite';

const root = path.resolve(import.meta.dirname, '../../..');
const server = await createServer({
  configFile: false,
  root: import.meta.dirname,
  plugins: [react()],
  css: { transformer: 'lightningcss' },
  server: { host: '127.0.0.1', port: 5199, strictPort: true, fs: { allow: [root] } },
  cacheDir: path.join(root, 'node_modules/.cache/gallery'),
});
await server.listen();
