import type { AccountSettings } from '../../../protocols/contract/index.ts';
import { next, type Person, person } from '../../xmpp/support/kit.ts';
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

/** Both see each other, whatever was before. */
export const befriend = async (one: Person, other: Person): Promise<void> => {
  for (const [asker, asked] of [
    [one, other],
    [other, one],
  ] as const) {
    const list = asked.set('contactList');
    const isAsked = list.requests.some(({ address: from }) => from === asker.provider.address);
    const request = isAsked
      ? undefined
      : next(list.onRequests, (requests) => requests.some(({ address: from }) => from === asker.provider.address));
    const sees = (): boolean =>
      asker
        .set('contactList')
        .contacts.some(
          ({ address: of, subscription }) =>
            of === asked.provider.address && ['mutual', 'outgoing'].includes(subscription),
        );
    const seen = sees() ? undefined : next(asker.set('contactList').onChange, sees);
    await asker.set('contactList').put({ address: asked.provider.address, name: 'A friend', groups: ['Class', 'Olá'] });
    if (sees()) continue;
    await request;
    await list.answerRequest(asker.provider.address, 'accept');
    await seen;
  }
};
