import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { temporaryFolder } from './folder.ts';

/** A file system of its own that can be filled to the last byte, and emptied again. */
export interface SmallDisk {
  readonly folder: string;
  fill(): void;
  empty(): void;
}

/** Undefined, with the reason printed, where this user may not make one. */
export function smallDisk(mebibytes: number): SmallDisk | undefined {
  const folder = fs.mkdtempSync(path.join(temporaryFolder(), 'disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    console.log(`no disk of ${mebibytes} MiB here: ${error instanceof Error ? error.message.trim() : ''}`);
    return undefined;
  }
  // what is still open in there is closed by whoever opened it
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  const ballast = path.join(folder, 'ballast');
  return {
    folder,
    fill() {
      const handle = fs.openSync(ballast, 'a');
      expect(() => {
        for (;;) fs.writeSync(handle, Buffer.alloc(4096));
      }).toThrow('ENOSPC');
      fs.closeSync(handle);
    },
    empty: () => fs.rmSync(ballast),
  };
}
