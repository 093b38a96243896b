import { expect } from 'vitest';
import type { MsrpSession, SessionOptions } from '../../../msrp/index.ts';
import { endpoint, Mailbox, type RawPeer, rawServer } from './support.ts';
import { TestClock } from './test-clock.ts';

/** A session, and the peer it has connected to. */
export interface SendingSession {
  session: MsrpSession;
  peer: RawPeer;
  peerPath: string;
  clock: TestClock;
  /** A response of the peer to a frame of ours. */
  answer: (frame: string, status?: number, comment?: string) => void;
  report: (messageId: string, status: string, range: string) => void;
}

/** A session that has connected to a peer of which the test writes every byte. */
export async function bound(options: Partial<SessionOptions> = {}): Promise<SendingSession> {
  const clock = new TestClock();
  const server = await rawServer();
  const own = endpoint({ clock });
  const session = own.createSession({ host: '127.0.0.1', accept: new Mailbox().accept, ...options });
  const peerPath = `msrp://127.0.0.1:${server.port}/peersession;tcp`;
  const started = session.start({ remotePath: peerPath, role: 'active' });
  const peer = await server.peer();
  const answer: SendingSession['answer'] = (frame, status = 200, comment = ' OK') => {
    const tid = /^MSRP (\S+) /.exec(frame)?.[1];
    peer.write(
      `MSRP ${tid} ${status}${comment}\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${peerPath}\r\n-------${tid}$\r\n`,
    );
  };
  const report: SendingSession['report'] = (messageId, status, range) =>
    peer.write(
      `MSRP reporttid REPORT\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${peerPath}\r\nMessage-ID: ${messageId}\r\n` +
        `Byte-Range: ${range}\r\nStatus: 000 ${status}\r\n-------reporttid$\r\n`,
    );
  const bind = await peer.frame();
  expect(bind).toMatch(
    /^MSRP \w{16} SEND\r\nTo-Path: \S+\r\nFrom-Path: \S+\r\nMessage-ID: \w{24}\r\nByte-Range: 1-0\/0\r\n-------\w{16}\$\r\n$/,
  );
  answer(bind);
  await started;
  return { session, peer, peerPath, clock, answer, report };
}
