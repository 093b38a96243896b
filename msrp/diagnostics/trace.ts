import { channel } from 'node:diagnostics_channel';

/** What the channel `msrp:frame` carries. Bodies are not in it; paths are, and with them session ids, which are secrets. */
export interface TracedFrame {
  readonly direction: 'in' | 'out';
  /** Address and port of the other side. */
  readonly peer: string;
  /** Start line and header fields of the frame, as text. */
  readonly head: string;
}

/** What the channel `msrp:connection` carries: each connection when it is there, and when it is gone. */
export interface TracedConnection {
  readonly event: 'opened' | 'closed';
  readonly peer: string;
  /** Code of what ended it; `connection-lost` where the peer just closed it, undefined where this side did. */
  readonly cause: string | undefined;
}

/** What the channel `msrp:session` carries: each state a session enters. */
export interface TracedSession {
  readonly state: string;
  /** Address and port of the other side, once there is a connection. */
  readonly peer: string | undefined;
  /** Code of what ended it. */
  readonly cause: string | undefined;
}

/** What the channel `msrp:message` carries: what became of each message. */
export interface TracedMessage {
  readonly direction: 'in' | 'out';
  readonly messageId: string;
  /** As in `SendOutcome` and `ReceiveOutcome`, and `refused` for messages the application did not take. */
  readonly outcome: string;
  /** Code of what went wrong. */
  readonly cause: string | undefined;
}

/** The channels of `node:diagnostics_channel`, and what they carry. */
interface Traced {
  readonly 'msrp:frame': TracedFrame;
  readonly 'msrp:connection': TracedConnection;
  readonly 'msrp:session': TracedSession;
  readonly 'msrp:message': TracedMessage;
}

const channels = {
  'msrp:frame': channel('msrp:frame'),
  'msrp:connection': channel('msrp:connection'),
  'msrp:session': channel('msrp:session'),
  'msrp:message': channel('msrp:message'),
};

/** Publishes to whoever listens; costs nothing while nobody does. */
export function trace<Name extends keyof Traced>(name: Name, make: () => Traced[Name]): void {
  const to = channels[name];
  if (to.hasSubscribers) to.publish(make());
}

/** Publishes a frame; called for each one, so nothing is made of it while nobody listens. */
export function traceFrame(direction: TracedFrame['direction'], peer: () => string, head: () => string): void {
  trace('msrp:frame', () => ({ direction, peer: peer(), head: head() }));
}
