import { ProviderError, type ProviderErrorCode } from '../../../../protocols/contract/index.ts';

const CODES: Readonly<Record<string, ProviderErrorCode>> = {
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  // the file system (4 GiB on FAT) or a limit of the process allows no longer file
  EFBIG: 'no-space',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  EROFS: 'permission-denied',
  ENAMETOOLONG: 'name-refused',
  EINVAL: 'name-refused',
  EILSEQ: 'name-refused',
};

const SOURCE_CODES: Readonly<Record<string, ProviderErrorCode>> = {
  ENOENT: 'source-missing',
  ENOTDIR: 'source-missing',
  EISDIR: 'unreadable',
  EINVAL: 'unreadable',
  EIO: 'unreadable',
};

const TARGET_CODES: Readonly<Record<string, ProviderErrorCode>> = {
  // there is no such folder and none could be made, or a file is in its place
  EEXIST: 'permission-denied',
  ENOENT: 'permission-denied',
  ENOTDIR: 'permission-denied',
};

/** The system's own name of an error, `''` when it has none. */
export const errnoOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';

/** What the disk said, in the words of the contract. The path stays out of it: it may be private. */
export function diskError(side: 'source' | 'target', cause: unknown): ProviderError {
  if (cause instanceof ProviderError) return cause;
  const errno = errnoOf(cause);
  const code = (side === 'source' ? SOURCE_CODES : TARGET_CODES)[errno] ?? CODES[errno] ?? 'internal';
  return new ProviderError(code, { protocolCode: errno || undefined, cause });
}
