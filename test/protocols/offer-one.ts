import type {
  Address,
  FileTransferOperationSet,
  OutgoingFile,
  ProtocolTransfer,
} from '../../protocols/contract/index.ts';

/** An offer of a single file. */
export const offerOne = (files: FileTransferOperationSet, to: Address, file: OutgoingFile): ProtocolTransfer => {
  const [transfer] = files.offer(to, [file]);
  if (!transfer) throw new Error('no transfer for the file');
  return transfer;
};
