import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { parsePath } from '../../../msrp/index.ts';
import type { MsrpLine } from '../offers/msrp-line.ts';

/** Addresses of a name; empty when DNS knows none. */
export type AddressLookup = (name: string) => Promise<readonly string[]>;

const systemLookup: AddressLookup = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

/** RFC 6714 §4.4: IPv6 addresses are compared in the one form of RFC 5952, which is also that of a URL. */
const canonical = (address: string): string =>
  isIPv6(address) ? new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1) : address;

const nowhere: readonly string[] = ['0.0.0.0', '::'];

/** True when c= and m= name a place somebody could connect to. */
export const namesPlace = ({ host, port }: Pick<MsrpLine, 'host' | 'port'>): boolean =>
  host !== undefined && port !== 0 && port !== 9 && !nowhere.includes(isIP(host) === 6 ? canonical(host) : host);

/**
 * Whether c= and m= are the address of one of the URIs in the path (RFC 6714 §4.4). When they are not, something in between
 * has put its own there. Also true when they name no place.
 *
 * @example await addressMatches({ host: '192.0.2.1', port: 7654, path: ['msrp://relay.example.org:7654/x;tcp'] })
 */
export async function addressMatches(
  line: Pick<MsrpLine, 'host' | 'port' | 'path'>,
  find: AddressLookup = systemLookup,
): Promise<boolean> {
  const { host, port } = line;
  if (host === undefined || !namesPlace(line)) return true;
  const path = parsePath(line.path.join(' '));
  // most are the same to the letter, and need no DNS
  const candidates = path.filter((uri) => (uri.port ?? 2855) === port);
  if (candidates.some((uri) => uri.host.toLowerCase() === host.toLowerCase())) return true;
  const here = await found(host, find);
  for (const uri of candidates) {
    for (const address of await found(uri.host, find)) if (here.has(address)) return true;
  }
  return false;
}

/** A host of a URI as an address: without the brackets of IPv6. */
export const plainHost = (host: string): string => host.replace(/^\[|\]$/g, '');

/** The addresses of a host, in the order of DNS; none when it knows none. */
export const addressesOf = async (host: string): Promise<readonly string[]> =>
  isIP(plainHost(host)) ? [plainHost(host)] : [...(await found(host, systemLookup))];

async function found(host: string, find: AddressLookup): Promise<ReadonlySet<string>> {
  if (isIP(host)) return new Set([canonical(host)]);
  try {
    return new Set((await find(host)).map(canonical));
  } catch {
    return new Set();
  }
}
