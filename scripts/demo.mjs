// npm run demo: two windows on this machine that see each other. With no screen, or with `-- --play`, it plays by itself.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuild, ensureDependencies, root } from './prepare.mjs';

ensureDependencies();
await ensureBuild();
const { noScreen, missingForDisplay, runWithDisplay } = await import('./with-display.mjs');

const play = noScreen() || process.argv.includes('--play');
if (play && process.platform === 'linux' && !process.env.AIMS_INSIDE_DISPLAY) {
  if (missingForDisplay().length) {
    const { install, installCommand } = await import('../campus/install.mjs');
    install('display');
    if (missingForDisplay().length) {
      console.error(`There is no screen, and nothing to stand in for one. Run: ${installCommand('display')}`);
      process.exit(1);
    }
  }
  const again = [process.execPath, fileURLToPath(import.meta.url), '--play'];
  process.exitCode = await runWithDisplay(again, { keyring: true, env: { AIMS_INSIDE_DISPLAY: '1' } });
} else {
  const { runnerImport } = await import('vite');
  const { module } = await runnerImport(path.join(root, 'test/windows/demo.ts'), {
    configFile: false,
    root,
    logLevel: 'warn',
  });
  console.log(play ? 'The demo plays in two real windows:' : 'The demo:');
  await (play ? module.play() : module.open());
}
