import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  key: string;
  cert: string;
}

const made = new Map<string, Certificate>();

/** A self-signed certificate for these names, made once per test file. */
export const certificateFor = (names: string): Certificate => {
  const known = made.get(names);
  if (known) return known;
  const dir = mkdtempSync(join(tmpdir(), 'aims-cert-'));
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      ...options,
      '-subj',
      '/CN=test',
      '-addext',
      `subjectAltName=${names}`,
      '-keyout',
      'key',
      '-out',
      'cert',
    ],
    { cwd: dir, stdio: 'ignore' },
  );
  const certificate = {
    key: readFileSync(join(dir, 'key'), 'utf8'),
    cert: readFileSync(join(dir, 'cert'), 'utf8'),
  };
  rmSync(dir, { recursive: true });
  made.set(names, certificate);
  return certificate;
};
