import { onTestFinished } from 'vitest';
import type { SipSession, SipSessionState } from '../../protocols/sip/sip-session.ts';
import { hostText } from '../../protocols/sip/transport/wire/via.ts';
import { SipUserAgent } from '../../protocols/sip/user-agent.ts';
import { DirectNetwork } from './direct-network.ts';

/** A connected user agent without a server, stopped when the test ends. */
export const directAgent = async (
  user: string,
  host = '127.0.0.1',
): Promise<{ agent: SipUserAgent; uri: string; udpUri: string }> => {
  const agent = new SipUserAgent({
    address: `sip:${user}@${hostText(host)}`,
    displayName: `${user} "quoted" \\ ąę`,
    network: new DirectNetwork({ host, port: 0 }),
    log: () => {},
    accept: ['text/plain'],
  });
  await agent.connect();
  onTestFinished(() => agent.stop());
  const uri = `sip:${user}@${hostText(host)}:${agent.local?.port}`;
  return { agent, uri, udpUri: `${uri};transport=udp` };
};

/** Resolves at the first state the test waits for. */
export const reached = <State extends SipSessionState['state']>(
  session: SipSession,
  state: State,
): Promise<Extract<SipSessionState, { state: State }>> =>
  new Promise((resolve) => {
    const is = (s: SipSessionState): s is Extract<SipSessionState, { state: State }> => s.state === state;
    if (is(session.state)) return resolve(session.state);
    session.onState((s) => {
      if (is(s)) resolve(s);
    });
  });

/** The next incoming session of an agent. */
export const incoming = (agent: SipUserAgent): Promise<SipSession> =>
  new Promise((resolve) => {
    agent.onInvite = resolve;
  });
