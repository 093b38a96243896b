import type { Element } from '@xmpp/xml';
import type { AccountSettings } from '../../../protocols/contract/index.ts';
import { certificateFor } from './certificates.ts';
import { type Behaviour, type Connection, DOMAIN, HostileServer } from './hostile-server.ts';
import { type Person, person } from './kit.ts';

export const OWN = `ana@${DOMAIN}`;
export const BOB = 'xmpp:bob@campus.test';

/** Ana, online at a server of this behaviour, where Bob may see her and she does not see him. */
export const setUp = async (
  behaviour: Behaviour = {},
  options: Parameters<typeof person>[1] = {},
  settings: Partial<AccountSettings> = {},
): Promise<{ server: HostileServer; ana: Person; line: Connection }> => {
  const server = await HostileServer.start({ contacts: { 'bob@campus.test': 'from' }, ...behaviour });
  const ana = person(
    {
      address: `xmpp:${OWN}`,
      server: { host: '127.0.0.1', port: server.port },
      certificateAuthorities: [certificateFor(`DNS:${DOMAIN}`).cert],
      ...settings,
    },
    options,
  );
  ana.provider.start();
  await ana.reach('online');
  return { server, ana, line: await server.connection(0) };
};

/** Her list with Bob alone in it. */
export const roster = (subscription: string): Behaviour => ({ contacts: { 'bob@campus.test': subscription } });

export const message = (inside: string, { from = 'bob@campus.test/x', id = 'm', type = 'chat' } = {}): string =>
  `<message from='${from}' to='${OWN}/aims' type='${type}' id='${id}'>${inside}</message>`;

/** What is written now has been worked off when this resolves. */
export const workedOff = async (line: Connection): Promise<void> => {
  const id = `w${line.elements.length}`;
  line.write(`<iq type='get' id='${id}' from='bob@campus.test/x'><ping xmlns='urn:xmpp:ping'/></iq>`);
  await line.expect('the answer to a ping', (element) => element.attrs.id === id);
};

export const messagesOf = (line: Connection): Element[] => line.elements.filter((element) => element.is('message'));
