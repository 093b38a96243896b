import type { AccountSettings } from '../../../protocols/contract/index.ts';
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
