import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { isOnLink } from '../../../protocols/sip/local/own-address.ts';

const ipv4 = (cidr: string | null): NetworkInterfaceInfo => ({
  family: 'IPv4',
  address: cidr?.split('/')[0] ?? '',
  netmask: '',
  mac: '',
  internal: false,
  cidr,
});
const ipv6: NetworkInterfaceInfo = { ...ipv4('fe80::1/64'), family: 'IPv6', scopeid: 2 };

test.each([
  ['10.5.3.7', true],
  ['10.5.4.7', false],
  ['192.168.1.255', true],
  ['127.0.0.1', true],
  ['8.8.8.8', false],
  ['fe80::2', false],
  ['nonsense', false],
])('%s is a neighbour: %s', (address, expected) => {
  const interfaces = { lo: [ipv4('127.0.0.1/8')], eth0: [ipv4('10.5.3.1/24'), ipv6], wlan0: [ipv4('192.168.1.9/24')] };
  expect(isOnLink(address, interfaces)).toBe(expected);
});

test('without a network nobody is', () => {
  expect([isOnLink('10.5.3.7', {}), isOnLink('10.5.3.7', { eth0: undefined, eth1: [ipv4(null)] })]).toEqual([
    false,
    false,
  ]);
});
