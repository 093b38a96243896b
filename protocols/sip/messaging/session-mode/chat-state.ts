import type { Clock } from '../../../../msrp/index.ts';
import type { Address } from '../../../contract/index.ts';
import type { Media, MediaPlace } from '../../media/media.ts';
import type { Rejection } from '../../sip-session.ts';
import type { ChatSession } from './chat-session.ts';
import type { SessionMessage } from './incoming-texts.ts';

export interface ChatContext {
  media: Media;
  /** Where we are; undefined while not connected. */
  place: () => MediaPlace | undefined;
  /** A message came. Throws an MsrpError to have it refused. */
  take: (session: ChatSession, message: SessionMessage) => void;
  /** It opened, closed, or is being moved. */
  changed: (session: ChatSession) => void;
  /** Whether a session may make us connect to these hosts; names are given as their addresses. Absent: it may. */
  mayConnect: ((peer: Address, hosts: readonly string[]) => boolean) | undefined;
  clock: Clock;
}

/** Why a session ended, for what is learned of the peer. */
export type ChatEnd =
  | { cause: 'refused'; rejection: Rejection }
  /** No connection could be made, or it broke. */
  | { cause: 'media' }
  /** Ours or the peer's wish, or idleness. */
  | { cause: 'left' };

/**
 * ```
 * opening --connected and bound--> open --idle, BYE, connection lost, stop--> closed
 *  |   ^                            |
 *  |   +--address changed, ---------+
 *  |      connection to our relay lost
 *  +--refused, no connection, nobody answers--> closed
 * ```
 */
export type ChatState = { state: 'opening' } | { state: 'open' } | { state: 'closed'; end: ChatEnd };
