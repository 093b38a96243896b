import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { parseUri } from '../../../msrp/index.ts';
import type { MediaAddress } from './media.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addSubnet('0.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
loopback.addAddress('::', 'ipv6');

const linkLocal = new BlockList();
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4');
linkLocal.addSubnet('fe80::', 10, 'ipv6');

const plain = (host: string): string => host.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
const within = (list: BlockList, host: string): boolean =>
  isIP(host) > 0 && list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');

/**
 * Whether a description leads to this machine itself or to what only it can see: its writer would make us speak to programs
 * that are closed to them. `here`: our own address towards the server; on loopback all of it is in the open.
 *
 * @example leadsInside(['127.0.0.1'], '192.0.2.7') // true
 */
export const leadsInside = (hosts: readonly string[], here: string, interfaces = networkInterfaces()): boolean => {
  if (within(loopback, plain(here))) return false;
  const own = Object.values(interfaces).flatMap((all) => (all ?? []).map(({ address }) => plain(address)));
  return hosts.map(plain).some((host) => {
    const name = host.toLowerCase().replace(/\.$/, '');
    if (name === 'localhost' || name.endsWith('.localhost')) return true;
    return within(loopback, host) || within(linkLocal, host) || own.includes(host);
  });
};

/** Every host a description could make us connect to: that of its c= line, and those of its path. */
export const hostsOf = ({ host, path }: Pick<MediaAddress, 'host' | 'path'>): readonly string[] => [
  ...(host === undefined ? [] : [host]),
  ...path.map((uri) => parseUri(uri).host),
];
