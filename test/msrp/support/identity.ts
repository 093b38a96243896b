import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TlsIdentity } from '../../../msrp/index.ts';

/** A key and a certificate of its own making. */
export async function makeIdentity(name = 'localhost'): Promise<TlsIdentity> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'msrp-identity-'));
  try {
    const cert = path.join(folder, 'cert.pem');
    const key = path.join(folder, 'key.pem');
    const command = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name}`;
    const files = ['-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', cert];
    await promisify(execFile)('openssl', command.split(' ').concat(files));
    return { cert: await fs.readFile(cert, 'utf8'), key: await fs.readFile(key, 'utf8') };
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}
