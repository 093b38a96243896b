import { createHash } from 'node:crypto';
import { type ByteSource, type FileHash, ProviderError } from '../../../../protocols/contract/index.ts';

/** Bytes between two looks at the signal; hashing them takes about a millisecond. */
const SLICE = 256 * 1024;
const OPENSSL_NAMES = { 'sha-256': 'sha256', 'sha-1': 'sha1' } as const;

export const newHash = (algorithm: FileHash['algorithm']) => createHash(OPENSSL_NAMES[algorithm]);

/** The hash that is hardest to forge, to check a received file by; undefined when none was given. */
export const strongestHash = (hashes: readonly FileHash[]): FileHash | undefined =>
  hashes.find((hash) => hash.algorithm === 'sha-256') ?? hashes.find((hash) => hash.algorithm === 'sha-1');

/**
 * Hashes everything a source has, in one reading, a slice at a time so that nothing else waits. Closes the source.
 * Rejects with what the source rejects with, or with `cancelled` by the signal.
 */
export async function hashSource(
  source: ByteSource,
  algorithms: readonly FileHash['algorithm'][],
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<FileHash[]> {
  try {
    const running = algorithms.map((algorithm) => ({ algorithm, hash: newHash(algorithm) }));
    const buffer = Buffer.allocUnsafe(Math.min(SLICE, Math.max(1, source.size)));
    for (let position = 0; position < source.size; ) {
      if (signal.aborted) throw new ProviderError('cancelled');
      const length = await source.read(buffer, position);
      if (length === 0) throw new ProviderError('source-changed');
      for (const { hash } of running) hash.update(buffer.subarray(0, length));
      position += length;
      onProgress(position);
    }
    if (signal.aborted) throw new ProviderError('cancelled');
    return running.map(({ algorithm, hash }) => ({ algorithm, value: hash.digest('hex') }));
  } finally {
    await source.close();
  }
}
