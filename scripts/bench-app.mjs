// npm run bench:app: the program beside an empty window and a plain copy, about seven minutes.
//   --only NAME   only this section: start, idle or file; may be given again
//   --write       keeps the table in docs/benchmarks.md
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureBuild, ensureDependencies, root } from './prepare.mjs';
import { noScreen, runWithDisplay } from './with-display.mjs';

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true, default: [] }, write: { type: 'boolean', default: false } },
});
ensureDependencies();
await ensureBuild();
if (noScreen()) {
  process.exitCode = await runWithDisplay([process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
} else {
  const { runnerImport } = await import('vite');
  const { module } = await runnerImport(path.join(root, 'test/bench/app/app.ts'), {
    configFile: false,
    root,
    logLevel: 'warn',
  });
  await module.run(values.only, values.write);
}
