import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ProfileFiles } from '../../../electron/core/store/profile-files.ts';
import { temporaryFolder } from '../support/folder.ts';

describe('a database whose passphrase was forgotten', () => {
  it('is set aside with all that lies beside it, its log first', () => {
    const folder = temporaryFolder();
    const suffixes = ['', '-shm', '-wal', '.kept', '.key-print', '.other'];
    for (const suffix of suffixes) fs.writeFileSync(path.join(folder, `aims.db${suffix}`), suffix);
    const rename = vi.spyOn(fs, 'renameSync');
    const place = new ProfileFiles(folder).setSealedAside(0);
    const moved = rename.mock.calls.map(([from]) => path.basename(String(from)));
    rename.mockRestore();
    // killed before the end, a new database must not meet the log of the old one
    expect(moved.slice(0, 3)).toEqual(['aims.db-wal', 'aims.db-shm', 'aims.db']);
    expect(fs.readdirSync(folder).sort()).toEqual(suffixes.map((suffix) => path.basename(place) + suffix).sort());
  });
});
