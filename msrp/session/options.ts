import type { MsrpError } from '../errors.ts';
import type { RequestHead } from '../framing/head.ts';
import type { HeaderField } from '../grammar/headers.ts';
import type { AcceptHook } from '../receiving/incoming-message.ts';
import type { Chunking } from '../sending/chunk.ts';
import type { Wrapper } from '../wrapping/wrappers.ts';
import type { Role } from './roles.ts';

/*
 * idle --start, active--> connecting --connected, bind SEND answered--> bound --close--> closing --drained--> closed
 *   '----start, passive--> waiting ----first request came------------------^                                   ^
 * With relays, once waiting or bound:
 *   bound, waiting, moved --connection to the relay lost--> reconnecting --same path--> bound (or waiting, if it was)
 *                                                                '--another path--> moved --update, or a request--> bound
 * From anywhere a fault, a lost connection or `abort` leads to closed, with its cause.
 */
export type SessionState =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting' }
  | { readonly name: 'waiting' }
  | { readonly name: 'bound' }
  /** The connection to the relay was lost, and is made again. Messages handed over wait. */
  | { readonly name: 'reconnecting'; readonly cause: MsrpError }
  /** The peer has to be told `localPath`, which is another now, or to tell of its own. Messages handed over wait. */
  | { readonly name: 'moved' }
  | { readonly name: 'closing' }
  | { readonly name: 'closed'; readonly cause: MsrpError | undefined };

export interface SessionOptions {
  /** Decides about each incoming message before any of its bytes is kept. */
  readonly accept: AcceptHook;
  /** How outgoing messages are cut; `whole` unless said otherwise. */
  readonly chunking?: Chunking;
  /**
   * How To-Path and From-Path are compared with what was agreed: as whole URIs (RFC 4975 §6.1, the default), or by
   * session id alone for sessions through middleboxes (RFC 6714).
   */
  readonly matching?: 'uri' | 'session-id';
  /**
   * Bytes of chunks sent and not confirmed, all messages together; 1 MiB unless said otherwise. No further chunk is begun
   * while there are as many, or 256 chunks of the same message; only texts of up to 2048 bytes go on, 64 KiB of them. A
   * chunk can be confirmed once it has been ended (RFC 4975 §7.1.1): until then one that goes out whole is held back by
   * the window of the connection, and once something cut it, by this one.
   */
  readonly window?: number;
  /** Share of the connection beside other sessions on it; 1 unless said otherwise. */
  readonly weight?: number;
  /** Milliseconds between empty requests that keep the way open (NAT) and notice when it is not; none unless said otherwise. */
  readonly keepAlive?: number;
  /** Media types whose bodies are checked before they are sent or delivered; CPIM unless said otherwise. */
  readonly wrappers?: readonly Wrapper[];
  /** Answers requests other than SEND and REPORT; without it, or when it returns undefined, they get 501. */
  readonly request?: RequestHook;
}

/** Answers a request, now or later; its body is at most 10,240 bytes (RFC 4975 §7.1) and empty where there is none. */
export type RequestHook = (
  head: RequestHead,
  body: Uint8Array,
) => RequestAnswer | undefined | Promise<RequestAnswer | undefined>;

/** The answer to a request of the application's own kind. */
export interface RequestAnswer {
  readonly status: number;
  readonly comment?: string;
  readonly fields?: readonly HeaderField[];
}

export interface StartOptions {
  /**
   * Path of the peer as its session description has it: one or more URIs. A passive session that is started without it
   * takes whoever knows its own path.
   */
  readonly remotePath?: string;
  /** Who connects (RFC 6135); without it the one who offered, see `answerSetup` and `offererRole`. */
  readonly role: Role;
  /** Where to connect to instead of the host of the path (RFC 6714 §4.2: the address of the m= and c= lines). */
  readonly address?: { readonly host: string; readonly port: number };
  /** Values of the attribute `fingerprint` of the peer (RFC 8122); needed for `msrps` between peers. */
  readonly fingerprints?: readonly string[];
  /** Authorities besides those of the system, PEM, for a peer that is found by way of its relay and so has no fingerprint. */
  readonly ca?: readonly string[];
  /** Milliseconds until the session must be bound; 30,000 unless said otherwise. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** What a new description of the peer says. */
export interface PathUpdate {
  /** Path of the peer, whether it is another than before or not. */
  readonly remotePath: string;
  /** Who binds again (RFC 6135). */
  readonly role: Role;
}

/** How a relay is trusted. */
export interface RelayTrust {
  /** Authorities besides those of the system, PEM. */
  readonly ca?: readonly string[];
  /** Name its certificate must have, where it is not the host of its URI. */
  readonly serverName?: string;
  /** Allows a relay without TLS, for tests and closed networks. */
  readonly allowTcp?: boolean;
  readonly signal?: AbortSignal;
}

/** How a connection is to be made. */
export type ConnectionWishes = Pick<StartOptions, 'address' | 'fingerprints' | 'timeout' | 'signal'> & RelayTrust;
