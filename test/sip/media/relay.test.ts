import { describe, expect, test } from 'vitest';
import type { SrvRecord } from '../../../protocols/sip/locating/server-locator.ts';
import { locateRelay, parseRelay } from '../../../protocols/sip/media/relay.ts';

describe('a relay as it is written down', () => {
  test.each([
    ['relay.campus.test', { host: 'relay.campus.test', port: undefined, secure: true }],
    [' Relay.Campus.Test:2900 ', { host: 'relay.campus.test', port: 2900, secure: true }],
    ['[2001:db8::1]:2855', { host: '2001:db8::1', port: 2855, secure: true }],
    ['msrps://relay.campus.test:2855;tcp', { host: 'relay.campus.test', port: 2855, secure: true }],
    ['msrps://relay.campus.test/;tcp', { host: 'relay.campus.test', port: undefined, secure: true }],
    ['msrp://10.0.0.1:2855;tcp', { host: '10.0.0.1', port: 2855, secure: false }],
  ])('%s', (text, address) => expect(parseRelay(text)).toEqual(address));

  test.each(['', 'not a host', 'relay:0', 'relay:65536', 'sip:relay.test', 'msrps://', '[::g]:1', 'a..b', 'r\r\nX: y'])(
    'is none: %j',
    (text) => expect(parseRelay(text)).toBeUndefined(),
  );
});

describe('where a relay is', () => {
  const asked: string[] = [];
  const dns = (records: SrvRecord[]) => ({
    srv: async (name: string) => {
      asked.push(name);
      return records;
    },
  });
  const find = (text: string, records: SrvRecord[] = []) => {
    asked.length = 0;
    const address = parseRelay(text);
    if (!address) throw new Error('no relay');
    return locateRelay(address, ['PEM'], dns(records), () => 0);
  };

  test('is what DNS says where no port is written, best first, under the certificate of the written name', async () => {
    const found = await find('campus.test', [
      { name: 'b.campus.test', port: 9000, priority: 2, weight: 0 },
      { name: 'a.campus.test', port: 9001, priority: 1, weight: 0 },
    ]);
    expect(asked).toEqual(['_msrps._tcp.campus.test']);
    expect(found.map(({ uri }) => uri)).toEqual(['msrps://a.campus.test:9001;tcp', 'msrps://b.campus.test:9000;tcp']);
    expect(found[0]?.trust).toEqual({ ca: ['PEM'], serverName: 'campus.test', allowTcp: false });
  });

  test('is the name itself at the default port where DNS has no record, and nowhere where it says so', async () => {
    expect((await find('campus.test')).map(({ uri }) => uri)).toEqual(['msrps://campus.test:2855;tcp']);
    expect(await find('campus.test', [{ name: '.', port: 0, priority: 0, weight: 0 }])).toEqual([]);
  });

  test('is not asked of DNS where a port or an address is written', async () => {
    expect((await find('campus.test:2900')).map(({ uri }) => uri)).toEqual(['msrps://campus.test:2900;tcp']);
    expect((await find('[2001:db8::1]:2855')).map(({ uri }) => uri)).toEqual(['msrps://[2001:db8::1]:2855;tcp']);
    const [plain] = await find('msrp://10.0.0.1;tcp');
    expect(plain).toMatchObject({ uri: 'msrp://10.0.0.1:2855;tcp', trust: { allowTcp: true } });
    expect(asked).toEqual([]);
  });
});
