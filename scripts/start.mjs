// npm start: install what is missing, build, open the program. Arguments after `--` go to it (`--profile NAME`).
import { spawn } from 'node:child_process';
import { ensureBuild, ensureDependencies, root } from './prepare.mjs';

ensureDependencies();
await ensureBuild();
const { developmentSwitches, electronRuntime } = await import('./electron-runtime.mjs');
const { missingForDisplay, noScreen, runWithDisplay } = await import('./with-display.mjs');

const command = [electronRuntime().executable, ...developmentSwitches(), root, ...process.argv.slice(2)];
if (noScreen()) {
  const missing = missingForDisplay();
  if (missing.length) {
    console.error(`There is no screen here, and no ${missing.join(', ')} to stand in for one.`);
    console.error('On Debian or Ubuntu: node campus/install.mjs display');
    process.exit(1);
  }
  console.error('There is no screen here: the program runs in a virtual one. `npm run demo` shows what it does.');
  process.exitCode = await runWithDisplay(command);
} else {
  const child = spawn(command[0], command.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
