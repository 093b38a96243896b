import os from 'node:os';
import { powerMonitor } from 'electron';
import type { CoreControl } from '../contract/index.ts';
import { sleepWatch } from './sleep-watch.ts';

/** The system tells of no change of network; asking for the addresses every few seconds costs a fraction of a ms. */
const LOOK_EVERY = 5_000;

const addresses = (): string =>
  Object.entries(os.networkInterfaces())
    .flatMap(([name, list]) => (list ?? []).filter((entry) => !entry.internal).map((entry) => `${name} ${entry.cidr}`))
    .sort()
    .join();

/** Seconds without a key or a movement of the mouse, in any program, until the person counts as gone. */
const IDLE_AFTER = 300;

/** Tells of waking up, of a changed network, and whether somebody is at the machine. Call after `ready`. */
export function watchMachine(core: Pick<CoreControl, 'machineEvent' | 'idleSince'>): void {
  powerMonitor.on('resume', () => core.machineEvent('wake'));
  const wasAsleep = sleepWatch(LOOK_EVERY, Date.now);
  let before = addresses();
  let gone = false;
  setInterval(() => {
    if (wasAsleep()) core.machineEvent('wake');
    // whoever started the program was there, also on a screen that nobody has ever touched
    const idle = Math.min(powerMonitor.getSystemIdleTime(), process.uptime());
    // again and again: a core that has started meanwhile does not know yet
    if (idle >= IDLE_AFTER) core.idleSince(Date.now() - idle * 1000);
    else if (gone) core.idleSince(null);
    gone = idle >= IDLE_AFTER;
    const now = addresses();
    if (now === before) return;
    before = now;
    core.machineEvent('network-changed');
  }, LOOK_EVERY).unref();
}
