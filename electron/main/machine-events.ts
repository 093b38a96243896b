import os from 'node:os';
import { powerMonitor } from 'electron';

/** The system tells of no change of network; asking for the addresses every few seconds costs a fraction of a ms. */
const LOOK_EVERY = 5_000;

const addresses = (): string =>
  Object.entries(os.networkInterfaces())
    .flatMap(([name, list]) => (list ?? []).filter((entry) => !entry.internal).map((entry) => `${name} ${entry.cidr}`))
    .sort()
    .join();

/** Tells of waking up and of a changed network. Call after `ready`. */
export function watchMachine(tell: (event: 'wake' | 'network-changed') => void): void {
  powerMonitor.on('resume', () => tell('wake'));
  let before = addresses();
  setInterval(() => {
    const now = addresses();
    if (now === before) return;
    before = now;
    tell('network-changed');
  }, LOOK_EVERY).unref();
}
