import {
  type ByteSource,
  type FileFacts,
  type OutgoingFile,
  ProviderError,
} from '../../../../protocols/contract/index.ts';
import { FileSource } from '../files/file-source.ts';
import { iconOf } from '../files/icon-url.ts';
import type { SendingRow } from '../ledger/transfer-row.ts';

/** A file of ours as a provider gets it. */
export interface OfferedFile {
  outgoing: OutgoingFile;
  /** What the file itself ran into: a provider may hide that behind a fault of its own. */
  fault: () => ProviderError | undefined;
}

/** What the offer of a prepared row carries; undefined before it is prepared. */
export function offeredFile(row: SendingRow): OfferedFile | undefined {
  const { stamp, source, offerId } = row.side;
  if (!stamp || row.size === null) return undefined;
  const icon = iconOf(row.icon);
  const file: FileFacts & { size: number } = {
    name: row.name,
    type: row.type,
    size: row.size,
    hashes: row.hashes,
    ...(row.modifiedAt === null ? {} : { modifiedAt: row.modifiedAt }),
    ...(icon ? { icon } : {}),
  };
  // the first cause is kept
  let fault: ProviderError | undefined;
  const keep = (error: unknown): never => {
    fault ??= ProviderError.from(error);
    throw fault;
  };
  const open = async (): Promise<ByteSource> => {
    const opened = await FileSource.open(source, stamp).catch(keep);
    return {
      size: opened.size,
      read: (buffer, position) => opened.read(buffer, position).catch(keep),
      close: () => opened.close(),
    };
  };
  return { outgoing: { id: offerId, file, open }, fault: () => fault };
}
