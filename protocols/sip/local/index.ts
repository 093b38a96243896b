import type { ProtocolDescription } from '../../contract/index.ts';
import { parseLocalAddress } from './identity/instance.ts';
import { LocalProvider } from './local-provider.ts';

/**
 * SIP without a server: people on one network find each other (RFC 6763), and talk and send files directly.
 *
 * The account's own address is made here, from an id kept in the account's storage: `provider.address` says it. What
 * `AccountSettings.address` holds does not matter.
 */
export const local: ProtocolDescription = {
  id: 'local',
  scheme: 'sip',
  needsServer: false,
  parseAddress: parseLocalAddress,
  create: (context) => new LocalProvider(context),
};
