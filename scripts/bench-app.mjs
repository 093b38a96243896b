// npm run bench:app: the program beside an empty window and a plain copy. `-- --write` keeps the table in docs/benchmarks.md.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuild, ensureDependencies, root } from './prepare.mjs';
import { noScreen, runWithDisplay } from './with-display.mjs';

ensureDependencies();
await ensureBuild();
if (noScreen()) {
  process.exitCode = await runWithDisplay([process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
} else {
  const { runnerImport } = await import('vite');
  const { module } = await runnerImport(path.join(root, 'test/bench/app.ts'), {
    configFile: false,
    root,
    logLevel: 'warn',
  });
  await module.run(process.argv.includes('--write'));
}
