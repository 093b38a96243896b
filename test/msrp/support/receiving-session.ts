import { expect } from 'vitest';
import type {
  AcceptHook,
  ByteSink,
  EndpointOptions,
  MsrpSession,
  ReceiveOutcome,
  SessionOptions,
} from '../../../msrp/index.ts';
import { deferred, endpoint, Mailbox, RawPeer } from './support.ts';

export const PEER = 'msrp://127.0.0.1:9/peersession;tcp';

/** A session, and the peer it is bound to. */
export interface ReceivingSession {
  session: MsrpSession;
  peer: RawPeer;
  mailbox: Mailbox;
  port: number;
  /** A SEND of the peer. */
  send: (options: {
    tid: string;
    body?: string;
    flag?: string;
    range?: string | undefined;
    id?: string;
    extra?: string;
    type?: string | undefined;
  }) => string;
}

/** A session bound to a peer of which the test writes every byte. */
export async function bound(
  options: Partial<SessionOptions> = {},
  endpointOptions: EndpointOptions = {},
): Promise<ReceivingSession> {
  const mailbox = new Mailbox();
  const own = endpoint(endpointOptions);
  const listener = await own.listen({ host: '127.0.0.1' });
  const session = own.createSession({ listener, accept: mailbox.accept, ...options });
  const peer = await RawPeer.connect(listener.port);
  const send: ReceivingSession['send'] = ({
    tid,
    body,
    flag = '$',
    range = '1-*/*',
    id = 'message1',
    extra = '',
    type = 'text/plain',
  }) =>
    `MSRP ${tid} SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${PEER}\r\nMessage-ID: ${id}\r\n` +
    `Byte-Range: ${range}\r\n${extra}${body === undefined ? '' : `Content-Type: ${type}\r\n\r\n${body}\r\n`}-------${tid}${flag}\r\n`;
  peer.write(send({ tid: 'bindbind', range: '1-0/0', id: 'bind' }));
  await session.start({ remotePath: PEER, role: 'passive' });
  expect(await peer.frame()).toBe(
    `MSRP bindbind 200 OK\r\nTo-Path: ${PEER}\r\nFrom-Path: ${session.localPath}\r\n-------bindbind$\r\n`,
  );
  return { session, peer, mailbox, port: listener.port, send };
}

/** Accepts one message with the sink given. */
export function accepting(sink: ByteSink, more: { size?: number; signal?: AbortSignal } = {}) {
  const ended = deferred<ReceiveOutcome>();
  const accept: AcceptHook = () => ({ sink, ended: ended.resolve, ...more });
  return { accept, outcome: ended.promise };
}
