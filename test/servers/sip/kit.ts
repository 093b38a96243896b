import { onTestFinished } from 'vitest';
import type { AccountSettings } from '../../../protocols/contract/index.ts';
import { DigestClient } from '../../../protocols/sip/authentication/digest-client.ts';
import { ServerNetwork } from '../../../protocols/sip/transport/server-network.ts';
import { SipUserAgent } from '../../../protocols/sip/user-agent.ts';
import { type Person, person } from '../../sip/kit.ts';
import { campus, campusAuthority, user } from '../campus.ts';

export type Transport = 'udp' | 'tcp' | 'tls';

/** An account of the campus on the real Kamailio, not started yet. */
export const member = (
  name: string,
  settings: Partial<AccountSettings> = {},
  options: Parameters<typeof person>[1] = {},
): Person => {
  const { sip, password } = user(name);
  const { host, ports } = campus();
  const transport = settings.transport ?? 'tcp';
  return person(
    {
      address: sip,
      displayName: name,
      server: { host, port: transport === 'tls' ? ports.sips : ports.sip },
      transport,
      certificateAuthorities: [campusAuthority().toString()],
      ...settings,
    },
    { password, ...options },
  );
};

/** The same, and online. */
export const online = async (...parameters: Parameters<typeof member>): Promise<Person> => {
  const made = member(...parameters);
  made.provider.start();
  await made.reach('online');
  return made;
};

const openUserAgent = async (name: string, protocol: 'UDP' | 'TCP'): Promise<SipUserAgent> => {
  const { sip, password } = user(name);
  const { host, ports } = campus();
  const agent = new SipUserAgent({
    address: sip,
    displayName: '',
    network: new ServerNetwork({
      locate: async () => [{ protocol, address: host, port: ports.sip }],
      trust: { certificateAuthorities: [], trustedFingerprints: [], names: [] },
      onStep: () => {},
    }),
    log: () => {},
    accept: [],
  });
  await agent.connect();
  agent.setCredentials(new DigestClient(name, password));
  return agent;
};

/** The user agent of an account without a registration, for what no program of ours does; stopped when the test ends. */
export const userAgentOf = async (name: string, protocol: 'UDP' | 'TCP'): Promise<SipUserAgent> => {
  const agent = await openUserAgent(name, protocol);
  onTestFinished(() => agent.stop());
  return agent;
};

/** Takes back all devices of this person that the server still believes in, from tests before in which it died. */
export const logOutEverywhere = async (name: string): Promise<void> => {
  const agent = await openUserAgent(name, 'TCP');
  const to = agent.uri;
  const server = to.clone();
  server.user = undefined;
  // RFC 3261 §10.2.2
  const headers = ['Contact: *', 'Expires: 0'];
  const { status } = await agent.request({ method: 'REGISTER', to: server, toHeader: to, headers });
  await agent.stop();
  if (status !== 200) throw new Error(`${status} to the end of every registration of ${name}`);
};
