import type { Account, Person, Talk, Transfer } from '../../electron/contract/index.ts';
import type { Facts } from './facts.ts';

const LIVE: ReadonlySet<Transfer['state']> = new Set([
  'preparing',
  'waiting-for-peer',
  'offered',
  'accepted',
  'connecting',
  'running',
  'paused',
  'verifying',
]);
export const isLive = (transfer: Transfer): boolean => LIVE.has(transfer.state);
const isMoving = (transfer: Transfer): boolean =>
  transfer.state === 'running' || transfer.state === 'connecting' || transfer.state === 'verifying';

/** A person said no to the file, or took it back: an answer, and nothing that failed. */
export const isTurnedDown = (transfer: Transfer | undefined): transfer is Transfer =>
  transfer?.state === 'cancelled' || transfer?.state === 'declined';

/** `sip:ana@campus.pt` as a person reads it. */
export const bare = (address: string): string => address.slice(address.indexOf(':') + 1);

export const personOf = (facts: Facts, talk: Talk | undefined): Person | undefined =>
  talk && facts.people[talk.personId];

export const nameOf = (facts: Facts, talk: Talk | undefined): string =>
  personOf(facts, talk)?.name || (talk ? bare(talk.route.address) : '');

/** How we are called on this account. */
export const ownNameOf = (facts: Facts, accountId: string): string => {
  const account = facts.accounts.find(({ id }) => id === accountId);
  return account ? account.displayName || bare(account.address) : '';
};

export const hasAddress = (person: Person, accountId: string, address: string): boolean =>
  person.addresses.some((one) => one.accountId === accountId && one.address === address);

/**
 * Where seeing a person is a question that can be put again (RFC 6121 §3.1). Over SIP every subscription is one (RFC 6665), and a
 * contact is asked anew at each login.
 */
export const canAskToSee = (account: Account | undefined): boolean =>
  account?.protocol === 'xmpp' && account.registration.state === 'online';

/** Nobody but the person vouches for the name. */
export const isUnverified = (facts: Facts, talk: Talk | undefined): boolean =>
  personOf(facts, talk)?.verified === false;

export const accountOf = (facts: Facts, accountId: string): Account | undefined =>
  facts.accounts.find((account) => account.id === accountId);

/** Somebody can be added to its list. */
export const takesContacts = ({ enabled, contactList }: Account): boolean => enabled && contactList !== 'discovered';

export const talkOfPerson = (facts: Facts, personId: string): Talk | undefined => {
  const id = facts.talkOrder.find((talkId) => facts.talks[talkId]?.personId === personId);
  return id === undefined ? undefined : facts.talks[id];
};

export const unreadTotal = (facts: Facts): number =>
  Object.values(facts.talks).reduce((sum, talk) => sum + talk.unread, 0);

/** Share of all bytes on the way that are there, in whole percent, and how many files move; for the ring. */
export function transferTotals(facts: Facts): { running: number; share: number; asking: number } {
  let running = 0;
  let asking = 0;
  let done = 0;
  let all = 0;
  for (const transfer of Object.values(facts.transfers)) {
    if (transfer.state === 'offered' && transfer.direction === 'incoming') asking += 1;
    if (!isMoving(transfer)) continue;
    running += 1;
    done += transfer.bytes;
    all += transfer.file.size ?? transfer.bytes * 2;
  }
  return { running, share: all > 0 ? Math.round((done / all) * 100) / 100 : 0, asking };
}
