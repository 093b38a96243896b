import type { Fault } from '../../../contract/index.ts';
import { isFinal, type TransferStage, unansweredOf } from './transfer-stage.ts';

/** What the log says of a step by which a transfer, or an attempt at it, ends. */
export interface Ended {
  level: 'info' | 'warn';
  event: 'transfer-ended' | 'transfer-unanswered' | 'transfer-not-accepted';
  facts: Record<string, string>;
}

const codesOf = ({ code, protocolCode }: Fault): Record<string, string> => ({
  code,
  ...(protocolCode === undefined ? {} : { protocolCode }),
});

/** Undefined for a step that ends nothing. */
export function endOf(stage: TransferStage, before: TransferStage): Ended | undefined {
  if (stage.state === 'offered') {
    if (stage.fault) return { level: 'warn', event: 'transfer-not-accepted', facts: codesOf(stage.fault) };
    return unansweredOf(stage) && !unansweredOf(before)
      ? { level: 'info', event: 'transfer-unanswered', facts: {} }
      : undefined;
  }
  if (!isFinal(stage)) return undefined;
  const { state } = stage;
  return {
    level: state === 'failed' ? 'warn' : 'info',
    event: 'transfer-ended',
    facts: {
      state,
      was: before.state,
      ...(state === 'cancelled' ? { by: stage.by } : {}),
      ...(state === 'failed' ? codesOf(stage.fault) : {}),
    },
  };
}
