import type { Address } from '../../contract/index.ts';

/** Where one request or response goes, as far as the network decides it. */
export interface Target {
  /** User part of the URI, where the network finds people by it. */
  user?: string | undefined;
  host: string;
  /** Undefined: the default of the transport. */
  port: number | undefined;
  /** `transport` parameter in lower case. */
  transport: string | undefined;
}

export type FlowProtocol = 'UDP' | 'TCP' | 'TLS';

/** One way messages go out and come in: a TCP or TLS connection, or a UDP socket towards one address. */
export interface Flow {
  readonly protocol: FlowProtocol;
  /** What goes into Via and Contact. */
  readonly local: { address: string; port: number };
  readonly remote: { address: string; port: number };
  readonly open: boolean;
  /** Whose other end it is, where the connection itself proves that. */
  readonly peer?: Address;
  /** It leads to somebody else than we asked; only what belongs to something of ours is taken from there. */
  readonly stranger?: boolean;
  /** Resolves when the bytes are handed to the system; rejects when the flow is broken. Bytes keep their order. */
  send(bytes: Buffer): Promise<void>;
}

/** What the SIP transport is told by whoever owns the sockets. None of these may throw. */
export interface NetworkEvents {
  /** A whole message: head without the empty line, body as bytes. */
  message(flow: Flow, head: string, body: Buffer): void;
  /** The head of a message whose body was too big to be kept. */
  oversized(flow: Flow, head: string): void;
  /** A flow broke by itself; what waits for an answer on it gets none. */
  flowBroken(flow: Flow, error: Error): void;
  /** Nothing can be sent any more until `open` is called again. */
  down(error: Error): void;
}

/** The sockets below a SIP transport: one server, or every peer on the local network. */
export interface Network {
  /** Protocol and address for Via and Contact; undefined while closed. */
  readonly local: { protocol: FlowProtocol; address: string; port: number } | undefined;
  /** Connects, or begins to listen. Rejects with a `ProviderError`. May be called again after `close` or `down`. */
  open(events: NetworkEvents): Promise<void>;
  /** Closes every socket; no event follows. Never rejects. */
  close(): Promise<void>;
  /** The way to a target for a request of so many bytes. Rejects when there is none. */
  flowFor(target: Target, bytes: number): Promise<Flow>;
  /** Finds out soon whether the flow still lives; a dead one is reported by events. */
  probe(): void;
}
