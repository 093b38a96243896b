import { randomInt } from 'node:crypto';
import type { SipSession } from '../sip-session.ts';

/** How often an offer is made again when the peer offers at the same time. */
export const GLARE_TRIES = 3;

/** RFC 3261 §14.1: an offer was refused because the peer was making one, too. */
export const isGlare = (error: unknown): boolean => error instanceof Error && error.message === '491';

/** RFC 3261 §14.1: milliseconds until the offer may be made again; who began the call waits longer. */
export const glarePause = ({ direction }: Pick<SipSession, 'direction'>): number =>
  direction === 'outgoing' ? randomInt(2_100, 4_000) : randomInt(0, 2_000);
