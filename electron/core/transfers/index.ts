export { createTransfers } from './create-transfers.ts';
export type {
  FileLine,
  TransferProvider,
  Transfers,
  TransfersContext,
  TransferTalks,
} from './transfers.ts';
