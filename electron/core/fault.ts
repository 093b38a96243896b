import { ProviderError } from '../../protocols/contract/index.ts';
import { CommandError, type Fault } from '../contract/index.ts';
import { isNoRoom } from './store/disk-room.ts';
import { StoreError } from './store/store-error.ts';

/** A provider's error as a fact for a window. */
export function faultOf(error: ProviderError): Fault {
  return {
    code: error.code,
    ...(error.protocolCode !== undefined && { protocolCode: error.protocolCode }),
    retryable: error.retryable,
    ...(error.limit !== undefined && { limit: error.limit }),
    ...(error.certificate && { certificate: error.certificate }),
  };
}

/** Expected errors of the layers below as the one kind a command may end with; bugs stay what they are. */
export function commandErrorOf(error: unknown): unknown {
  if (error instanceof ProviderError) return new CommandError(faultOf(error), { cause: error });
  if (error instanceof StoreError) return error.toFault();
  if (isNoRoom(error)) return new CommandError({ code: 'no-space', retryable: true }, { cause: error });
  return error;
}
