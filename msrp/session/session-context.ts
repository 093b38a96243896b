import type { Clock } from '../clock.ts';
import type { ConnectedSession, Connection } from '../connection/connection.ts';
import type { Identifiers } from '../grammar/identifiers.ts';
import type { MsrpUri } from '../grammar/uri.ts';
import type { BlockPools } from '../sending/block-pools.ts';
import type { ConnectionWishes } from './options.ts';

/** What a session needs from its endpoint. */
export interface SessionContext {
  readonly clock: Clock;
  /** From 0 to 1, 1 not included. */
  readonly random: () => number;
  readonly identifiers: Identifiers;
  readonly blocks: BlockPools;
  /** From now on requests for this session id go to `port`; the returned function ends that. */
  register(sessionId: string, port: ConnectedSession): () => void;
  /** Finds a connection, or makes one; `port` is attached to it. */
  connect(target: MsrpUri, options: ConnectionWishes, port: ConnectedSession): Promise<JoinedConnection>;
}

/** A connection a session has become part of. */
export interface JoinedConnection {
  readonly connection: Connection;
  /** It was there before; the peer may be about to close it. */
  readonly reused: boolean;
}
