import { onTestFinished } from 'vitest';
import { type Fate, openLossyRelay } from './lossy-relay.ts';

export type { Fate } from './lossy-relay.ts';

/** A lossy relay that ends with the running test. Answers its own port. */
export const lossyForwarder = async (target: number, fate: Fate): Promise<number> => {
  const { port, close } = await openLossyRelay(target, fate);
  onTestFinished(close);
  return port;
};
