import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';

/**
 * The IPv4 address peers on the local network reach us at: the first that is not internal, real network cards before
 * what virtual machines and tunnels put there. 127.0.0.1 where there is no network: programs on this machine still see
 * each other.
 */
export function ownAddress(): string {
  const candidates = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address }) => ({
        address,
        virtual: /^(docker|br-|veth|virbr|vmnet|vboxnet|tun|tap|utun|wg|zt)/.test(name),
      })),
  );
  return (candidates.find(({ virtual }) => !virtual) ?? candidates[0])?.address ?? '127.0.0.1';
}

/**
 * Whether an IPv4 address is of this machine's own links, by their netmasks: nobody else is a neighbour, whatever reaches our
 * port (RFC 6762 §11).
 */
export function isOnLink(address: string, interfaces = networkInterfaces()): boolean {
  if (!isIPv4(address)) return false;
  const links = new BlockList();
  for (const { family, cidr } of Object.values(interfaces).flatMap((addresses) => addresses ?? [])) {
    const [network, prefix] = cidr?.split('/') ?? [];
    if (family === 'IPv4' && network !== undefined) links.addSubnet(network, Number(prefix), 'ipv4');
  }
  return links.check(address, 'ipv4');
}
