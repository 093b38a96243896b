import type { ProtocolDescription } from '../contract/index.ts';
import { systemResolver } from './locating/server-locator.ts';
import { parseSipAddress } from './sip-address.ts';
import { SipProvider } from './sip-provider.ts';

/** SIP with a server: texts (RFC 3428), presence (RFC 3856) and files over MSRP (RFC 5547). */
export const sip: ProtocolDescription = {
  id: 'sip',
  scheme: 'sip',
  needsServer: true,
  parseAddress: parseSipAddress,
  create: (context) => new SipProvider(context, systemResolver),
};
