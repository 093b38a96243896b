export { TRANSFER_TABLE } from './transfer-table.ts';
export type {
  FileLine,
  TransferClock,
  TransferProvider,
  Transfers,
  TransfersContext,
  TransferTalks,
} from './transfers.ts';
