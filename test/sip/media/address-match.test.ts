import { describe, expect, test } from 'vitest';
import { addressMatches } from '../../../protocols/sip/media/address-match.ts';

const names: Record<string, string[]> = {
  'relay.campus.test': ['192.0.2.1', '2001:db8::1'],
  'other.campus.test': ['192.0.2.9'],
};
const find = async (name: string): Promise<string[]> => {
  const found = names[name];
  if (!found) throw new Error('ENOTFOUND');
  return found;
};
const path = (...hosts: string[]): string[] => hosts.map((host) => `msrp://${host}/s;tcp`);

describe('c= and m= are an address of the path', () => {
  test.each([
    ['to the letter', '192.0.2.1', 7654, path('192.0.2.1:7654')],
    ['in another case', 'Relay.campus.test', 7654, path('relay.campus.test:7654')],
    ['in another writing of IPv6', '2001:DB8:0:0::1', 7654, path('[2001:db8::1]:7654')],
    ['by the name of the path', '192.0.2.1', 7654, path('relay.campus.test:7654')],
    ['by one of several addresses', '2001:db8:0::1', 7654, path('relay.campus.test:7654')],
    ['by the name in c=', 'relay.campus.test', 7654, path('192.0.2.1:7654')],
    ['of its last URI, as Blink behind a relay has it', '192.0.2.7', 7654, path('192.0.2.1:2855', '192.0.2.7:7654')],
    ['or say nothing: no address', undefined, 7654, path('192.0.2.1:7000')],
    ['or say nothing: port 9', '192.0.2.8', 9, path('192.0.2.1:7000')],
    ['or say nothing: any address', '0.0.0.0', 7654, path('192.0.2.1:7000')],
    ['or say nothing: any address of IPv6', '0::0', 7654, path('192.0.2.1:7000')],
  ])('%s', async (_, host, port, uris) => {
    expect(await addressMatches({ ...(host === undefined ? {} : { host }), port, path: uris }, find)).toBe(true);
  });
});

describe('something in between has changed them', () => {
  test.each([
    ['another port', '192.0.2.1', 7655, path('192.0.2.1:7654')],
    ['another address', '192.0.2.2', 7654, path('192.0.2.1:7654')],
    ['a name with another address', 'other.campus.test', 7654, path('relay.campus.test:7654')],
    ['a name nobody knows', 'none.campus.test', 7654, path('192.0.2.1:7654')],
    ['none of several URIs', '192.0.2.9', 2855, path('192.0.2.1:2855', '192.0.2.7:7654')],
  ])('%s', async (_, host, port, uris) => {
    expect(await addressMatches({ host, port, path: uris }, find)).toBe(false);
  });
});
