// A screen, a session bus and a password store for machines that have none: Xvfb, a private D-Bus, gnome-keyring.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

const has = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

/** True where no window can be shown to a person. */
export const noScreen = () => process.platform === 'linux' && !(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);

/** What is missing to run windows without a screen; empty when nothing is. */
export const missingForDisplay = () => ['xvfb-run', 'dbus-run-session'].filter((command) => !has(command));

const BUS = (folder) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=${folder}</listen><auth>EXTERNAL</auth>
<servicedir>/nonexistent</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`;

/**
 * Runs a command inside a private screen. Everything it started ends with it.
 * @param {string[]} command
 * @param {{ keyring?: boolean, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<number>} its exit code
 */
export function runWithDisplay(command, options = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'aims-display-'));
  const bus = path.join(folder, 'bus.conf');
  fs.writeFileSync(bus, BUS(folder));
  fs.mkdirSync(path.join(folder, 'data'));
  const keyring = options.keyring && has('gnome-keyring-daemon');
  const unlock = keyring ? 'printf "\\n" | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; ' : '';
  const child = spawn(
    'dbus-run-session',
    [
      `--config-file=${bus}`,
      '--',
      'sh',
      '-c',
      `export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS; ${unlock}exec "$@"`,
      '_',
      ...['xvfb-run', '-a', '-s', '-screen 0 1720x1000x24 -nolisten tcp', ...command],
    ],
    {
      stdio: ['inherit', 'inherit', 'pipe'],
      detached: true,
      env: {
        ...process.env,
        ...options.env,
        NO_AT_BRIDGE: '1',
        XDG_RUNTIME_DIR: folder,
        ...(keyring && { XDG_DATA_HOME: path.join(folder, 'data'), AIMS_TEST_KEYRING: '1' }),
      },
    },
  );
  // dbus-daemon complains about a limit it may not raise; everything else is passed on
  readline.createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.includes('Failed to set fd limit')) process.stderr.write(`${line}\n`);
  });
  const end = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // the group has already ended
    }
  };
  const onSignal = (signal) => end(signal);
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      end('SIGTERM');
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
      fs.rmSync(folder, { recursive: true, force: true });
      resolve(code ?? 1);
    });
  });
}
