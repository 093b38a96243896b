// Peers that are not AIMS: made frame by frame on the MSRP library and the SIP user agent, as they behave.
import { onTestFinished } from 'vitest';
import { MemorySink, MsrpEndpoint, type MsrpListener, type MsrpSession } from '../../../msrp/index.ts';
import type { SipSession, SipSessionState } from '../../../protocols/sip/sip-session.ts';
import type { SipUserAgent } from '../../../protocols/sip/user-agent.ts';
import { directAgent, incoming, reached } from '../direct-agents.ts';

export const lines = (...text: string[]): string => `${text.join('\r\n')}\r\n`;
export const head = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];

export const endpointOf = async (): Promise<{ endpoint: MsrpEndpoint; listener: MsrpListener }> => {
  const endpoint = new MsrpEndpoint();
  onTestFinished(() => endpoint.close());
  return { endpoint, listener: await endpoint.listen({ host: '127.0.0.1' }) };
};

export const pathOf = (sdp: string): string => /^a=path:(.*)$/m.exec(sdp)?.[1]?.trim() ?? '';

export interface Receiver {
  session: MsrpSession;
  sip: SipSession;
  sink: MemorySink;
}

/** Somebody who takes an offer of ours with an answer of the test's own. */
export const receiver = async (
  answer: (path: string, port: number, offer: string) => string[],
  size = 10_000_000,
): Promise<{ agent: SipUserAgent; uri: string; taken: Promise<Receiver> }> => {
  const { agent, uri } = await directAgent('blink');
  const { endpoint, listener } = await endpointOf();
  const sink = new MemorySink(size);
  const taken = incoming(agent).then(async (sip) => {
    const session = endpoint.createSession({ listener, accept: () => ({ sink }) });
    const offer = sip.remote?.sdp ?? '';
    sip.accept({ sdp: lines(...head, ...answer(session.localPath, listener.port, offer)) });
    await session.start({ remotePath: pathOf(offer), role: 'passive' }).catch(() => {});
    return { session, sip, sink };
  });
  return { agent, uri, taken };
};

/** Somebody who offers us a file with an offer of the test's own. */
export const sender = async (
  to: string,
  offer: (path: string, port: number) => string[],
): Promise<{
  sip: SipSession;
  session: MsrpSession;
  listener: MsrpListener;
  start: (role?: 'active' | 'passive') => Promise<void>;
}> => {
  const { agent } = await directAgent('blink');
  const { endpoint, listener } = await endpointOf();
  // bad wrappers go out as they are
  const session = endpoint.createSession({ listener, wrappers: [], accept: () => ({ refuse: 403 }) });
  const sip = agent.invite(to, { sdp: lines(...head, ...offer(session.localPath, listener.port)) });
  const start = async (role: 'active' | 'passive' = 'active'): Promise<void> => {
    const { remote } = await reached(sip, 'established');
    await session.start({ remotePath: pathOf(remote.sdp), role });
  };
  return { sip, session, listener, start };
};

export const media = (path: string, port: number, ...attributes: string[]): string[] => [
  `m=message ${port} TCP/MSRP *`,
  `a=path:${path}`,
  'a=accept-types:*',
  ...attributes,
];

export const ended = (sip: SipSession): Promise<Extract<SipSessionState, { state: 'ended' }>> => reached(sip, 'ended');

/** Goes on until nobody wants it any more. */
export async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.alloc(4096);
}
