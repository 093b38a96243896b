import { openStore } from '../../../electron/core/store/open-store.ts';
import { lockProfile } from '../../../electron/core/store/profile-lock.ts';

// A process that holds a profile and writes rows as fast as it can, telling of each when it is on disk. It is killed, or
// meets a limit; then it exits with 4 where that means a full disk.

const [folder, key] = process.argv.slice(2) as [string, string];
const lock = lockProfile(folder);
// the system's own warning of a limit would end the process before the error is seen
process.on('SIGXFSZ', () => {});
const { driver } = openStore(folder, key, Date.now, (code) => process.exit(code === 'full' ? 4 : 3));
for (let row = 1; row <= 100_000; row++) {
  driver.run('INSERT INTO settings (key, value) VALUES (?, ?)', `row-${row}`, 'x'.repeat(200));
  process.stdout.write(`${row}\n`);
}
lock.release();
