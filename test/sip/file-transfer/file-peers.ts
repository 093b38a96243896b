import { createHash, randomBytes } from 'node:crypto';
import { onTestFinished, vi } from 'vitest';
import type {
  AcceptedFile,
  Address,
  ByteSink,
  ByteSource,
  OutgoingFile,
  ProtocolTransfer,
  TransferPhase,
} from '../../../protocols/contract/index.ts';
import { SipFileTransfer } from '../../../protocols/sip/file-transfer/file-transfer.ts';
import { Media } from '../../../protocols/sip/media/media.ts';
import type { RelayAccount } from '../../../protocols/sip/media/relay.ts';
import type { ChatLines } from '../../../protocols/sip/offers/invitations.ts';
import type { SipUserAgent } from '../../../protocols/sip/user-agent.ts';
import { directAgent } from '../direct-agents.ts';

export interface FilePeer {
  agent: SipUserAgent;
  /** Where its requests come from. */
  address: Address;
  uri: string;
  files: SipFileTransfer;
  /** What it wrote into the log. */
  logged: { event: string; facts: unknown }[];
}

/** A peer that sends and takes files on the loopback without a server; `secure` as if its signalling were TLS. */
export const filePeer = async (
  user: string,
  options: {
    secure?: boolean;
    host?: string;
    book?: ReadonlyMap<Address, string>;
    chats?: ChatLines;
    relay?: RelayAccount;
  } = {},
): Promise<FilePeer> => {
  const { agent, uri } = await directAgent(user, options.host);
  const media = new Media({ now: Date.now, log: () => {}, certificateAuthorities: [], relay: () => options.relay });
  const logged: FilePeer['logged'] = [];
  const files = new SipFileTransfer({
    media,
    log: (_, event, facts) => logged.push({ event, facts }),
    chats: options.chats ?? { join: async () => undefined },
    place: () => (agent.local ? { host: agent.local.address, secure: options.secure ?? false } : undefined),
    invite: (to, offer) => agent.invite(options.book?.get(to) ?? to, offer),
    now: Date.now,
    direct: true,
  });
  agent.onInvite = (session) => {
    if (!files.take(session)) session.reject(488);
  };
  onTestFinished(() => {
    files.stop();
    media.close();
  });
  return { agent, address: agent.address, uri, files, logged };
};

/** Content in memory; remembers whether it was closed. */
export class Content implements ByteSource {
  readonly bytes: Uint8Array;
  closed = 0;
  /** Throws when reading reaches this position. */
  failAt: { position: number; error: Error } | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  get size(): number {
    return this.bytes.length;
  }
  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (this.failAt && position + buffer.length > this.failAt.position) throw this.failAt.error;
    const piece = this.bytes.subarray(position, position + buffer.length);
    buffer.set(piece);
    return piece.length;
  }
  async close(): Promise<void> {
    this.closed++;
  }
}

/** What arrives, in memory; remembers how it ended. */
export class Arrival implements ByteSink {
  readonly bytes: Buffer;
  ends: ('closed' | 'aborted')[] = [];
  /** Throws when writing reaches this position. */
  failAt: { position: number; error: Error } | undefined;
  /** Called with each piece. */
  wrote: ((position: number) => void) | undefined;

  constructor(size: number, already: Uint8Array = new Uint8Array(0)) {
    this.bytes = Buffer.alloc(size);
    this.bytes.set(already);
  }
  write(data: Uint8Array, position: number): void {
    if (this.failAt && position + data.length > this.failAt.position) throw this.failAt.error;
    this.bytes.set(data, position);
    this.wrote?.(position + data.length);
  }
  async close(): Promise<void> {
    this.ends.push('closed');
  }
  async abort(): Promise<void> {
    this.ends.push('aborted');
  }
}

export const fileOf = (content: Content, facts: Partial<OutgoingFile['file']> = {}): OutgoingFile => ({
  id: `t-${randomBytes(8).toString('hex')}`,
  file: {
    name: 'reunião 😀.bin',
    type: 'application/octet-stream',
    size: content.size,
    hashes: (['sha256', 'sha1'] as const).map((name) => ({
      algorithm: name === 'sha1' ? ('sha-1' as const) : ('sha-256' as const),
      value: createHash(name).update(content.bytes).digest('hex'),
    })),
    ...facts,
  },
  open: async () => content,
});

/** The next offers a peer gets, in their order. */
export const nextOffers = (peer: FilePeer, count: number): Promise<ProtocolTransfer[]> =>
  new Promise((resolve) => {
    const transfers: ProtocolTransfer[] = [];
    const stop = peer.files.onOffer(({ transfer }) => {
      if (transfers.push(transfer) < count) return;
      stop();
      resolve(transfers);
    });
  });

/** The next offer a peer gets. */
export const nextOffer = (peer: FilePeer): Promise<{ transfer: ProtocolTransfer; key: string }> =>
  new Promise((resolve) => {
    const stop = peer.files.onOffer((offer) => {
      stop();
      resolve(offer);
    });
  });

export const acceptInto = (transfer: ProtocolTransfer, arrival: ByteSink, file: Partial<AcceptedFile> = {}): void =>
  transfer.accept({ sink: arrival, from: 0, complete: async () => {}, ...file });

const FINAL = ['finished', 'declined', 'cancelled', 'unanswered', 'failed'] as const;

/** Resolves at the first of the states. */
export const phase = <State extends TransferPhase['state']>(
  transfer: ProtocolTransfer,
  ...states: State[]
): Promise<Extract<TransferPhase, { state: State }>> =>
  new Promise((resolve) => {
    const is = (p: TransferPhase): p is Extract<TransferPhase, { state: State }> =>
      (states as readonly string[]).includes(p.state);
    if (is(transfer.phase)) return resolve(transfer.phase);
    const stop = transfer.onPhase((p) => {
      if (!is(p)) return;
      stop();
      resolve(p);
    });
  });

/** The final phase in short: `finished`, `failed network`, `cancelled us`… */
export const outcome = async (transfer: ProtocolTransfer): Promise<string> => {
  const last = await phase(transfer, ...FINAL);
  if (last.state === 'failed') return `failed ${last.error.code}`;
  if (last.state === 'unanswered') return last.asked ? 'unanswered, asked' : 'unanswered';
  return last.state === 'cancelled' ? `cancelled ${last.by}` : last.state;
};

/** Writes down every phase in order. */
export const recordPhases = (transfer: ProtocolTransfer): string[] => {
  const seen: string[] = [transfer.phase.state];
  const stop = transfer.onPhase(({ state }) => {
    seen.push(state);
    if ((FINAL as readonly string[]).includes(state)) stop();
  });
  return seen;
};

/** Two peers who know each other by the addresses their requests come from, as people at a server do. */
export const twoAcquaintances = async (): Promise<{ ana: FilePeer; bob: FilePeer }> => {
  const book = new Map<Address, string>();
  const [ana, bob] = await Promise.all(['ana', 'bob'].map((user) => filePeer(user, { book })));
  if (!ana || !bob) throw new Error('no peers');
  for (const peer of [ana, bob]) book.set(peer.address, peer.uri);
  return { ana, bob };
};

export type Peers = { from: FilePeer; to: FilePeer; address: Address };
export const twoPeers = async (options: { secure?: boolean; host?: string } = {}): Promise<Peers> => {
  const from = await filePeer('ana', options);
  const to = await filePeer('bob', options);
  return { from, to, address: to.uri };
};

/** Time is held until `pass` lets it go on. What moves bytes goes on by itself. */
export const holdTime = (): void => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
};

/** In steps: what a timer does may take sockets and further timers. */
export const pass = async (milliseconds: number): Promise<void> => {
  for (let passed = 0; passed < milliseconds; passed += 1000) {
    await vi.advanceTimersByTimeAsync(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
};
