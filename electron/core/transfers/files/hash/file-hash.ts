import { type FileHash, ProviderError } from '../../../../../protocols/contract/index.ts';
import { diskError } from '../disk-error.ts';
import { type SourceStamp, sameStamp, stampOf } from '../file-source.ts';
import { FollowingHash } from './following-hash.ts';

/** The hash that is hardest to forge, to check a received file by; undefined when none was given. */
export const strongestHash = (hashes: readonly FileHash[]): FileHash | undefined =>
  hashes.find((hash) => hash.algorithm === 'sha-256') ?? hashes.find((hash) => hash.algorithm === 'sha-1');

/**
 * Hashes a whole file in one reading, in another thread. Rejects with `source-changed` unless the file is what its stamp
 * says from before the first byte to after the last, with `cancelled` by the signal, or with what the disk says.
 */
export async function hashFile(
  file: string,
  stamp: SourceStamp,
  algorithms: readonly FileHash['algorithm'][],
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<FileHash[]> {
  const check = async (): Promise<void> => {
    if (!sameStamp(await stampOf(file), stamp)) throw new ProviderError('source-changed');
  };
  // looked at before it is opened: opening a pipe would wait for its other end
  await check();
  const hash = await FollowingHash.open(file, algorithms).catch((cause: unknown) => {
    throw diskError('source', cause);
  });
  try {
    const hashes = await hash.digest(stamp.size, signal, onProgress);
    await check();
    return hashes;
  } finally {
    await hash.close();
  }
}
