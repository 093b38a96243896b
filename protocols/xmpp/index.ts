import type { ProtocolDescription } from '../contract/index.ts';
import { parseAddress } from './address.ts';
import { XmppProvider } from './provider.ts';

/** XMPP (RFC 6120, 6121, 7590 and the extensions a campus messenger needs). */
export const xmpp: ProtocolDescription = {
  id: 'xmpp',
  scheme: 'xmpp',
  needsServer: true,
  parseAddress,
  create: (context) => new XmppProvider(context),
};
