export { createTransfers } from './create-transfers.ts';
export { TRANSFER_TABLE } from './transfer-table.ts';
export type {
  FileLine,
  TransferProvider,
  Transfers,
  TransfersContext,
  TransferTalks,
} from './transfers.ts';
