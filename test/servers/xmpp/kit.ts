import type { AccountSettings } from '../../../protocols/contract/index.ts';
import { type Person, person } from '../../xmpp/support/kit.ts';
import { campus, campusAuthority, user } from '../campus.ts';

/** An account of the campus on the real Prosody, not started yet. */
export const member = (
  name: string,
  options: Parameters<typeof person>[1] & { settings?: Partial<AccountSettings> } = {},
): Person => {
  const { jid, password } = user(name);
  const { settings, ...rest } = options;
  return person(
    {
      address: `xmpp:${jid}`,
      server: { host: campus().host, port: campus().ports.c2s },
      certificateAuthorities: [campusAuthority().toString()],
      ...settings,
    },
    { password, ...rest },
  );
};

/** The same, and online. */
export const online = async (...parameters: Parameters<typeof member>): Promise<Person> => {
  const made = member(...parameters);
  made.provider.start();
  await made.reach('online');
  return made;
};
