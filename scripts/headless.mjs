// npm run -s headless -- --profile NAME: the core without a window, JSON lines in and out.
import { createRequire } from 'node:module';
import path from 'node:path';
import { ensureBuild, ensureDependencies, root } from './prepare.mjs';

ensureDependencies();
await ensureBuild();
createRequire(import.meta.url)(path.join(root, 'out/headless/index.cjs'));
