import { onTestFinished } from 'vitest';
import { ServerNetwork } from '../../protocols/sip/transport/server-network.ts';
import type { KeepAlive } from '../../protocols/sip/transport/stream-flow.ts';
import { SipUserAgent } from '../../protocols/sip/user-agent.ts';

/** A connected user agent of sip:ana@campus.test at a server on 127.0.0.1. */
export const serverAgent = async (
  port: number,
  protocol: 'TCP' | 'UDP' = 'TCP',
  keepAlive?: KeepAlive,
): Promise<{ agent: SipUserAgent; logs: string[] }> => {
  const logs: string[] = [];
  const network = new ServerNetwork({
    locate: async () => [{ protocol, address: '127.0.0.1', port }],
    trust: { certificateAuthorities: [], trustedFingerprints: [], names: ['campus.test'] },
    onStep: () => {},
    ...(keepAlive ? { keepAlive } : {}),
  });
  const agent = new SipUserAgent({
    address: 'sip:ana@campus.test',
    displayName: 'Ana',
    network,
    log: (level, event, facts) => void logs.push(`${level} ${event} ${JSON.stringify(facts ?? {})}`),
    accept: ['text/plain'],
  });
  await agent.connect();
  onTestFinished(() => agent.stop());
  return { agent, logs };
};
