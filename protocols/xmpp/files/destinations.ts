import { BlockList, isIP, isIPv4 } from 'node:net';

// RFC 6890 and its registries: what leads to this machine, to a neighbour on the link, or to nobody in particular.
const NEVER = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  NEVER.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  NEVER.addSubnet(network, prefix, 'ipv6');

// The same registries: networks that are somebody's own.
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['fc00::', 7],
  ['fec0::', 10],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv6');

/** RFC 4291 §2.5.5.2, RFC 6052 §2.1: an IPv4 address may hide in one of IPv6. */
const EMBEDDED = /^(?:::ffff:|64:ff9b::)(?:(\d+\.\d+\.\d+\.\d+)|([\da-f]{1,4}):([\da-f]{1,4}))$/;

const plainAddress = (address: string): string => {
  const text = address.toLowerCase().replace(/%.*$/, '');
  const [, dotted, high, low] = EMBEDDED.exec(text) ?? [];
  if (dotted !== undefined) return dotted;
  if (high === undefined || low === undefined) return text;
  const number = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
};

const within = (list: BlockList, address: string): boolean => list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');

export interface Home {
  /** The domain of the account. */
  domain: string;
  /** The server typed in by hand, if there is one. */
  serverHost: string | undefined;
  /** The address the account's server was reached at. */
  serverAddress: () => string | undefined;
}

/**
 * Where files may be fetched from and sent to. A link comes from anybody, and must not make the program speak to this
 * machine or to what stands behind a firewall: such addresses are left to the account's own server, and private ones to
 * hosts under the account's own domain as well, which only its administrator can name.
 */
export class Destinations {
  readonly #home: Home;

  constructor(home: Home) {
    this.#home = home;
  }

  /** `host` as the address of the file names it; `address` is one that it has. */
  permits(host: string, address: string): boolean {
    const plain = plainAddress(address);
    if (!isIP(plain)) return false;
    const never = within(NEVER, plain);
    if (!never && !within(PRIVATE, plain)) return true;
    const server = this.#home.serverAddress();
    if (server !== undefined && plainAddress(server) === plain) return true;
    return !never && this.#isOwn(host);
  }

  /** False for a literal address that is not permitted; a name is judged by its addresses, when it is resolved. */
  mayName(host: string): boolean {
    return !isIP(host) || this.permits(host, host);
  }

  #isOwn(host: string): boolean {
    const { domain, serverHost } = this.#home;
    const name = host.toLowerCase().replace(/\.$/, '');
    return name === domain || name.endsWith(`.${domain}`) || name === serverHost?.toLowerCase();
  }
}
