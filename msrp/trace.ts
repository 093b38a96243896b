import { channel } from 'node:diagnostics_channel';

/** What the channel `msrp:frame` carries. Bodies are not in it; paths are, and with them session ids, which are secrets. */
export interface TracedFrame {
  readonly direction: 'in' | 'out';
  /** Address and port of the other side. */
  readonly peer: string;
  /** Start line and header fields of the frame, as text. */
  readonly head: string;
}

const frames = channel('msrp:frame');

/** Publishes the head of a frame to whoever listens; costs nothing while nobody does. */
export function traceFrame(direction: TracedFrame['direction'], peer: () => string, head: () => string): void {
  if (!frames.hasSubscribers) return;
  const traced: TracedFrame = { direction, peer: peer(), head: head() };
  frames.publish(traced);
}
