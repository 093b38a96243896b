import fs from 'node:fs';
import type { CampusDescription } from '../../../campus/campus.mjs';
import { openLossyRelay } from '../../sip/transport/lossy-relay.ts';
import type { SideAccount } from './side.ts';

export const WAYS = ['local', 'sip-udp', 'sip-tls', 'xmpp'] as const;
export type Way = (typeof WAYS)[number];

export interface PreparedWay {
  readonly accounts: readonly [SideAccount, SideAccount];
  readonly close: () => void;
}

/** Of a hundred datagrams in each direction so many are lost, come twice, and come after the next. */
const LOST = 0.05;
const TWICE = 0.05;
const LATE = 0.05;

/** Two accounts of a way, and the network between them and their server. */
export async function prepareWay(way: Way, campus: CampusDescription, random: () => number): Promise<PreparedWay> {
  const user = (name: string) => {
    const found = campus.users.find((one) => one.name === name);
    if (!found) throw new RangeError(`the campus has no user ${name}`);
    return found;
  };
  const authorities = fs.readFileSync(campus.ca, 'utf8');
  const closes: (() => void)[] = [];
  const server = async (): Promise<object> => {
    switch (way) {
      case 'sip-udp': {
        const fate = () => {
          const drawn = random();
          if (drawn < LOST) return false;
          if (drawn < LOST + TWICE) return 'twice';
          return drawn < LOST + TWICE + LATE ? 'late' : true;
        };
        const { port, close } = await openLossyRelay(campus.ports.sip, fate);
        closes.push(close);
        return { transport: 'udp', server: { host: campus.host, port } };
      }
      case 'sip-tls':
        return {
          transport: 'tls',
          server: { host: campus.host, port: campus.ports.sips },
          options: { msrpRelay: campus.msrpRelay },
        };
      default:
        return { server: { host: campus.host, port: campus.ports.c2s } };
    }
  };
  const account = async (name: string, peer: string): Promise<SideAccount> => {
    if (way === 'local') return { signIn: { protocol: 'local', displayName: name }, peer: { displayName: peer } };
    const protocol = way === 'xmpp' ? 'xmpp' : 'sip';
    const addressOf = (one: string): string => (protocol === 'xmpp' ? user(one).jid : user(one).sip);
    return {
      signIn: {
        protocol,
        displayName: name,
        address: addressOf(name),
        password: user(name).password,
        authorities,
        ...(await server()),
      },
      peer: addressOf(peer),
    };
  };
  const [one, other] = way === 'sip-tls' ? ['carol', 'dave'] : ['alice', 'bob'];
  return {
    accounts: [await account(one, other), await account(other, one)],
    close: () => {
      for (const close of closes) close();
    },
  };
}
