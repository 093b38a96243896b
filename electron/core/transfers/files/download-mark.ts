import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * Tells the operating system that a file came from outside, so that it warns before it runs it. Windows: a stream beside
 * the content; macOS: the quarantine attribute. Linux looks at no such mark: there a received file is merely never
 * executable. A disk that cannot carry the mark (FAT) is no reason to refuse the file: never rejects.
 */
export async function markDownloaded(path: string, platform: NodeJS.Platform, now: number): Promise<void> {
  try {
    switch (platform) {
      case 'win32':
        await fs.writeFile(`${path}:Zone.Identifier`, '[ZoneTransfer]\r\nZoneId=3\r\n');
        return;
      case 'darwin': {
        const seconds = Math.floor(now / 1000).toString(16);
        await promisify(execFile)('/usr/bin/xattr', ['-w', 'com.apple.quarantine', `0081;${seconds};AIMS;`, path]);
        return;
      }
    }
  } catch {
    // no room for the mark on this disk, or no such tool
  }
}
