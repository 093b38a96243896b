import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('the API report says what the library offers', async () => {
  const script = path.resolve(import.meta.dirname, '../../scripts/msrp-api.mjs');
  const { stderr } = await promisify(execFile)(process.execPath, [script, '--check']);
  expect(stderr).toBe('');
}, 60_000);
