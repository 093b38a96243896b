import { createCipheriv, createDecipheriv, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { refuse } from '../../../contract/index.ts';
import { prepareWhole, putInPlace, writeWhole } from '../profile-files.ts';

/** Twice: with the loss of this file everything would be lost. */
const SEALED_FILES = ['database.key.sealed', 'database.key.sealed-copy'] as const;

const CIPHER = 'aes-256-gcm';
/** RFC 7914 §2: 128·N·r bytes, here 128 MiB, and about half a second on a machine of 2020. */
const COST = { N: 131_072, r: 8, p: 1 } as const;

const base64 = (bytes: number) => z.string().check(z.regex(/^[A-Za-z0-9+/]+=*$/), z.maxLength(bytes * 2));
const sealedSchema = z.object({
  kdf: z.literal('scrypt'),
  // a file that was spoilt must not ask for all the memory there is
  N: z.number().check(z.int(), z.minimum(16_384), z.maximum(1_048_576)),
  r: z.number().check(z.int(), z.minimum(1), z.maximum(16)),
  p: z.number().check(z.int(), z.minimum(1), z.maximum(4)),
  salt: base64(16),
  nonce: base64(12),
  tag: base64(16),
  sealed: base64(64),
});
type Sealed = z.infer<typeof sealedSchema>;

const fileIn = (folder: string, name: string): string => path.join(folder, name);

/** Whether the key of this profile's database waits for a passphrase. */
export const isSealed = (folder: string): boolean => SEALED_FILES.some((name) => fs.existsSync(fileIn(folder, name)));

/** RFC 8265 §4.2.2: other blanks become spaces, NFC; case and all else stay. */
const prepared = (passphrase: string): string => passphrase.replace(/\p{Zs}/gu, ' ').normalize('NFC');

const derived = (passphrase: string, salt: Buffer, cost: Pick<ScryptOptions, 'N' | 'r' | 'p'>): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const options = { ...cost, maxmem: 3 * 128 * (cost.N ?? COST.N) * (cost.r ?? COST.r) };
    scrypt(prepared(passphrase), salt, 32, options, (error, key) => (error ? reject(error) : resolve(key)));
  });

/** Keeps `key` (hexadecimal) on disk so that only `passphrase` gives it back; reads it back before it says so. */
export async function sealKey(folder: string, key: string, passphrase: string): Promise<void> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv(CIPHER, await derived(passphrase, salt, COST), nonce);
  const sealed = Buffer.concat([cipher.update(key, 'hex'), cipher.final()]);
  const content: Sealed = {
    kdf: 'scrypt',
    ...COST,
    salt: salt.toString('base64'),
    nonce: nonce.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    sealed: sealed.toString('base64'),
  };
  await replaceSealed(folder, JSON.stringify(content), async () => {
    if ((await unsealKey(folder, passphrase)) !== key)
      throw new Error('the sealed key reads other than it was written');
  });
}

/** Writes both copies, or leaves both as they were: the passphrase before must open what the new one does not. */
async function replaceSealed(folder: string, content: string, check: () => Promise<void>): Promise<void> {
  const files = SEALED_FILES.map((name) => fileIn(folder, name));
  const before = files.map(bytesOf);
  let replaced = 0;
  try {
    // a full disk shows here, while nothing is changed yet
    for (const file of files) prepareWhole(file, content);
    for (; replaced < files.length; replaced++) putInPlace(files[replaced] as string);
    await check();
  } catch (error) {
    for (const [number, file] of files.entries()) {
      attempt(() => fs.rmSync(`${file}.new`, { force: true }));
      if (number < replaced) attempt(() => putBack(file, before[number]));
    }
    throw error;
  }
}

function bytesOf(file: string): Buffer | 'none' | 'unreadable' {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : 'unreadable';
  }
}

/** Over one that could not be read the new copy stays: it may be the only one that opens. */
function putBack(file: string, before: ReturnType<typeof bytesOf> | undefined): void {
  if (before === 'none') fs.rmSync(file, { force: true });
  else if (before instanceof Buffer) writeWhole(file, before);
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // the fault that is told is the one before; the other copy is tried too when the key is opened
  }
}

/** Refuses with `passphrase-wrong`, or `key-damaged` when no copy of the file can be understood. */
export async function unsealKey(folder: string, passphrase: string): Promise<string> {
  let fault: unknown;
  // a change that was cut short leaves copies that differ
  for (const copy of readSealed(folder)) {
    const key = await derived(passphrase, Buffer.from(copy.salt, 'base64'), { N: copy.N, r: copy.r, p: copy.p });
    try {
      return opened(copy, key);
    } catch (cause) {
      fault = cause;
    }
  }
  throw refuse('passphrase-wrong', { cause: fault, retryable: true });
}

function opened({ nonce, tag, sealed }: Sealed, key: Buffer): string {
  const decipher = createDecipheriv(CIPHER, key, Buffer.from(nonce, 'base64'));
  decipher.setAuthTag(Buffer.from(tag, 'base64'));
  return Buffer.concat([decipher.update(Buffer.from(sealed, 'base64')), decipher.final()]).toString('hex');
}

/** Refuses with `key-damaged`; what it returns, at least one and each of them once, can be tried with a passphrase. */
export function readSealed(folder: string): Sealed[] {
  const copies = new Map<string, Sealed>();
  for (const name of SEALED_FILES) {
    try {
      const found = sealedSchema.safeParse(JSON.parse(fs.readFileSync(fileIn(folder, name), 'utf8')));
      if (found.success) copies.set(JSON.stringify(found.data), found.data);
    } catch {
      // not there, or no JSON: the other copy may be whole
    }
  }
  if (copies.size === 0) throw refuse('key-damaged', { retryable: true });
  return [...copies.values()];
}

export function removeSealed(folder: string): void {
  for (const name of SEALED_FILES) fs.rmSync(fileIn(folder, name), { force: true });
}

/** Keeps the sealed key beside the database that was set aside with it. */
export function setSealedAside(folder: string, place: string): void {
  for (const [number, name] of SEALED_FILES.entries()) {
    const file = fileIn(folder, name);
    if (fs.existsSync(file)) fs.renameSync(file, `${place}.key-sealed${number ? '-copy' : ''}`);
  }
}
