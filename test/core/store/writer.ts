import { openStore } from '../../../electron/core/store/open-store.ts';
import { lockProfile } from '../../../electron/core/store/profile-lock.ts';

// A process that holds a profile and writes rows as fast as it can, telling of each when it is on disk. It is killed.

const [folder, key] = process.argv.slice(2) as [string, string];
const lock = lockProfile(folder);
const { driver } = openStore(folder, key, Date.now, () => process.exit(3));
for (let row = 1; row <= 100_000; row++) {
  driver.run('INSERT INTO settings (key, value) VALUES (?, ?)', `row-${row}`, 'x'.repeat(200));
  process.stdout.write(`${row}\n`);
}
lock.release();
