import { bareOf, domainOf, userOf } from '../../../protocols/contract/index.ts';
import type { PeerPresenceView, Permission, Person, PersonAddress } from '../../contract/index.ts';
import type { StoredAddress } from './person-rows.ts';

/** An address with what is known only while the program runs. */
export interface LiveAddress extends StoredAddress {
  presence: PeerPresenceView;
  permission: Permission | undefined;
  messagingOff: string | null;
  messagingMode: 'page' | 'session' | null;
  fileTransferOff: string | null;
}

export interface LivePerson {
  readonly id: string;
  readonly addresses: Map<string, LiveAddress>;
}

/** How likely somebody is to answer now; the highest of all addresses is the person's presence. */
const REACHABLE: Record<PeerPresenceView['state'], number> = {
  available: 5,
  busy: 4,
  away: 3,
  'do-not-disturb': 2,
  offline: 1,
  unknown: 0,
};

export const reachability = (presence: PeerPresenceView): number => REACHABLE[presence.state];

/** What is known of the accounts through which a person is known. */
interface KnownAccounts {
  isAccount: (accountId: string) => boolean;
  domainOf: (accountId: string) => string | undefined;
}

export function viewOf(
  person: LivePerson,
  { isAccount, domainOf: domainOfAccount }: KnownAccounts,
  keyOf: (address: LiveAddress) => PersonAddress['key'],
): Person {
  const all = [...person.addresses.values()];
  const shown = all.filter(({ accountId }) => isAccount(accountId));
  const keys = new Map(shown.map((address) => [address, keyOf(address)]));
  let presence: PeerPresenceView = { state: 'unknown' };
  for (const address of shown) {
    if (reachability(address.presence) > reachability(presence)) presence = address.presence;
  }
  return {
    id: person.id,
    ...nameOf(all, domainOfAccount, (address) => keys.get(address) === 'verified'),
    groups: [...new Set(shown.flatMap(({ listed, groups }) => (listed ? groups : [])))],
    addresses: shown.map((live): PersonAddress => {
      const { accountId, address, subscription, listed, permission, messagingOff, messagingMode, fileTransferOff } =
        live;
      const key = keys.get(live);
      return {
        accountId,
        address,
        presence: live.presence,
        subscription,
        listed,
        ...(permission ? { permission } : {}),
        ...(key ? { key } : {}),
        messagingOff,
        messagingMode,
        fileTransferOff,
      };
    }),
    presence,
  };
}

/**
 * The name this user gave a person goes before the person's own; else the address. Only within our own domain is its user part
 * alone a name: elsewhere anybody can have the same one, and from there nothing vouches for the address either.
 */
function nameOf(
  addresses: readonly LiveAddress[],
  domainOfAccount: (accountId: string) => string | undefined,
  isVerified: (address: LiveAddress) => boolean,
): { name: string; verified: boolean } {
  const given =
    addresses.find(({ listed, name }) => listed && name !== '') ?? addresses.find(({ name }) => name !== '');
  if (given) return { name: given.name, verified: true };
  const claiming = addresses.filter(({ claimedName }) => claimedName !== '');
  const claimed = claiming.find(isVerified) ?? claiming[0];
  if (claimed) return { name: claimed.claimedName, verified: isVerified(claimed) };
  const home = addresses.find(({ accountId, address }) => domainOf(address) === domainOfAccount(accountId));
  if (home) return { name: userOf(home.address) || bareOf(home.address), verified: true };
  return { name: bareOf(addresses[0]?.address ?? ''), verified: false };
}
