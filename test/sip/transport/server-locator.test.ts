import { describe, expect, onTestFinished, test } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import {
  type Candidate,
  type LocatorQuery,
  locateServer,
  type NaptrRecord,
  orderByWeight,
  type Resolver,
  type SrvRecord,
} from '../../../protocols/sip/locating/server-locator.ts';
import { ServerNetwork } from '../../../protocols/sip/transport/server-network.ts';
import { ScriptedServer } from '../scripted-server.ts';

const naptr = (service: string, replacement: string, order = 1): NaptrRecord => ({
  flags: 's',
  service,
  replacement,
  order,
  preference: 0,
});
const srv = (name: string, port: number, priority = 0, weight = 0): SrvRecord => ({ name, port, priority, weight });

const resolver = (records: {
  naptr?: NaptrRecord[];
  srv?: Record<string, SrvRecord[]>;
  addresses?: Record<string, string[]>;
}): Resolver => ({
  naptr: async () => records.naptr ?? [],
  srv: async (name) => records.srv?.[name] ?? [],
  addresses: async (host) => records.addresses?.[host] ?? [],
});

const locate = async (query: Partial<LocatorQuery>, records: Parameters<typeof resolver>[0], random = () => 0) =>
  (await locateServer({ domain: 'campus.test', ...query }, resolver(records), random)).map(
    ({ protocol, address, port }) => `${protocol} ${address} ${port}`,
  );

const addresses = {
  'a.campus.test': ['192.0.2.1', '2001:db8::1'],
  'b.campus.test': ['192.0.2.2'],
  'campus.test': ['192.0.2.9'],
};

describe('RFC 3263', () => {
  test('NAPTR names the SRV record, and TLS wins whatever its order', async () => {
    expect(
      await locate(
        {},
        {
          naptr: [naptr('SIP+D2U', '_sip._udp.x', 1), naptr('SIPS+D2T', '_sips._tcp.x', 9)],
          srv: { '_sips._tcp.x': [srv('a.campus.test', 5061)], '_sip._udp.x': [srv('b.campus.test', 5060)] },
          addresses,
        },
      ),
    ).toEqual(['TLS 192.0.2.1 5061', 'TLS 2001:db8::1 5061']);
  });

  test('without NAPTR the names are made from the domain', async () => {
    const records = { srv: { '_sip._tcp.campus.test': [srv('b.campus.test', 5070)] }, addresses };
    expect(await locate({}, records)).toEqual(['TCP 192.0.2.2 5070']);
    expect(await locate({ transport: 'tcp' }, records)).toEqual(['TCP 192.0.2.2 5070']);
  });

  test('what offers TLS is never tried with less', async () => {
    const both = {
      '_sips._tcp.campus.test': [srv('a.campus.test', 5061)],
      '_sip._tcp.campus.test': [srv('b.campus.test', 5060)],
    };
    expect((await locate({}, { srv: both, addresses })).every((each) => each.startsWith('TLS'))).toBe(true);
  });

  test('priorities in order, within one priority drawn by weight', async () => {
    const records = {
      srv: {
        '_sips._tcp.campus.test': [
          srv('b.campus.test', 3, 2),
          srv('b.campus.test', 1, 1, 10),
          srv('b.campus.test', 2, 1, 90),
        ],
      },
      addresses,
    };
    const ports = async (random: number) => (await locate({}, records, () => random)).map((each) => each.split(' ')[2]);
    expect(await ports(0)).toEqual(['1', '2', '3']);
    expect(await ports(0.9)).toEqual(['2', '1', '3']);
  });

  test('without any record the domain itself, over TLS unless said otherwise', async () => {
    expect(await locate({}, { addresses })).toEqual(['TLS 192.0.2.9 5061']);
    expect(await locate({ transport: 'udp' }, { addresses })).toEqual(['UDP 192.0.2.9 5060']);
    expect(await locate({ domain: '192.0.2.5' }, {})).toEqual(['TLS 192.0.2.5 5061']);
  });

  test('a server given is taken as it is', async () => {
    const server = (port: number) => ({ server: { host: 'b.campus.test', port } });
    const records = { srv: { '_sips._tcp.campus.test': [srv('a.campus.test', 1)] }, addresses };
    expect(await locate(server(5060), records)).toEqual(['TCP 192.0.2.2 5060']);
    expect(await locate(server(9999), records)).toEqual(['TLS 192.0.2.2 9999']);
    expect(await locate({ ...server(9999), transport: 'udp' }, records)).toEqual(['UDP 192.0.2.2 9999']);
    expect(await locate({ server: { host: '[::1]', port: 5060 } }, records)).toEqual(['TCP ::1 5060']);
  });

  test('nothing there at all is host-unknown, and may be there later', async () => {
    const failure = await locateServer({ domain: 'nowhere.test' }, resolver({}), () => 0).catch((error) => error);
    expect(failure).toBeInstanceOf(ProviderError);
    expect(failure).toMatchObject({ code: 'host-unknown', retryable: true });
    // RFC 2782: "." says that the service is decidedly not there
    await expect(locate({}, { srv: { '_sips._tcp.campus.test': [srv('.', 0)] } })).rejects.toThrow('host-unknown');
  });
});

describe('never less than was offered', () => {
  const tcp = { '_sip._tcp.campus.test': [srv('b.campus.test', 5060)] };

  test('TLS whose servers are not found is host-unknown, not TCP', async () => {
    const records = { srv: { ...tcp, '_sips._tcp.campus.test': [srv('gone.campus.test', 5061)] }, addresses };
    await expect(locate({}, records)).rejects.toThrow('host-unknown');
  });

  test('a question about TLS that fails is no answer that there is none', async () => {
    const broken = {
      ...resolver({ srv: tcp, addresses }),
      srv: async (name: string) => {
        if (name.startsWith('_sips')) throw new ProviderError('unreachable', { retryable: true });
        return tcp['_sip._tcp.campus.test'];
      },
    };
    await expect(locateServer({ domain: 'campus.test' }, broken, () => 0)).rejects.toThrow('unreachable');
  });

  test('TLS that is decidedly not there (RFC 2782 ".") is not tried at the domain either', async () => {
    await expect(locate({}, { srv: { '_sips._tcp.campus.test': [srv('.', 0)] }, addresses })).rejects.toThrow();
    expect(await locate({}, { srv: { ...tcp, '_sips._tcp.campus.test': [srv('.', 0)] }, addresses })).toEqual([
      'TCP 192.0.2.2 5060',
    ]);
  });
});

describe('a DNS that is partly broken', () => {
  const fault = new ProviderError('unreachable', { retryable: true, cause: new Error('SERVFAIL') });
  const sips = { '_sips._tcp.campus.test': [srv('a.campus.test', 1), srv('b.campus.test', 2)] };

  test('servers that know no NAPTR are asked for SRV', async () => {
    const records = { ...resolver({ srv: sips, addresses }), naptr: () => Promise.reject(fault) };
    expect((await locateServer({ domain: 'campus.test' }, records, () => 0)).map(({ port }) => port)).toEqual([
      1, 1, 2,
    ]);
  });

  test('one target whose address cannot be asked for does not hide the others, all of them do', async () => {
    const records = (broken: readonly string[]) => ({
      ...resolver({ srv: sips, addresses }),
      addresses: async (host: string) => {
        if (broken.includes(host)) throw fault;
        return ['192.0.2.7'];
      },
    });
    const found = await locateServer({ domain: 'campus.test' }, records(['a.campus.test']), () => 0);
    expect(found.map(({ port }) => port)).toEqual([2]);
    const all = locateServer({ domain: 'campus.test' }, records(['a.campus.test', 'b.campus.test']), () => 0);
    await expect(all).rejects.toBe(fault);
  });
});

describe('RFC 2782 weights', () => {
  test('draw in their proportion, and what weighs nothing seldom but not never', () => {
    const records = [srv('zero', 0, 1, 0), srv('one', 1, 1, 10), srv('three', 3, 1, 30)];
    const counts = new Map<string, number>();
    for (let step = 0; step <= 400; step++) {
      const [first] = orderByWeight(records, () => step / 401);
      counts.set(first?.name ?? '', (counts.get(first?.name ?? '') ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({ zero: 1, one: 100, three: 300 });
  });

  test('all of weight 0 are all there, once each', () => {
    const records = [1, 2, 3].map((port) => srv('x', port, 1, 0));
    expect(
      orderByWeight(records, () => 0.999)
        .map(({ port }) => port)
        .toSorted((a, b) => a - b),
    ).toEqual([1, 2, 3]);
  });
});

describe('failover', () => {
  const network = (ports: number[]) => {
    const tried: string[] = [];
    const made = new ServerNetwork({
      locate: async () => ports.map((port) => ({ protocol: 'TCP' as const, address: '127.0.0.1', port })),
      trust: { certificateAuthorities: [], trustedFingerprints: [], names: [] },
      onStep: (step) => tried.push(step),
    });
    const events = { message: () => {}, oversized: () => {}, flowBroken: () => {}, down: () => {} };
    const open = async (): Promise<number | undefined> => {
      await made.open(events);
      return (await made.flowFor({ host: 'x', port: 1, transport: undefined }, 1)).remote.port;
    };
    return { made, open, tried };
  };

  test('the next server is tried when one does not answer', async () => {
    const gone = await ScriptedServer.open();
    const { port } = gone;
    await gone.close();
    const server = await ScriptedServer.open();
    const { made, open, tried } = network([port, server.port]);
    expect(await open()).toBe(server.port);
    expect(tried).toEqual(['locating', 'connecting', 'connecting']);
    await made.close();
  });

  test('while DNS is down the server is looked for where it was, and where DNS says that it is gone it is gone', async () => {
    const server = await ScriptedServer.open();
    let locating = async (): Promise<readonly Candidate[]> => [
      { protocol: 'TCP', address: '127.0.0.1', port: server.port },
    ];
    const made = new ServerNetwork({
      locate: () => locating(),
      trust: { certificateAuthorities: [], trustedFingerprints: [], names: [] },
      onStep: () => {},
    });
    onTestFinished(() => made.close());
    const down = new ProviderError('unreachable', { retryable: true, cause: new Error('SERVFAIL') });
    const open = () => made.open({ message: () => {}, oversized: () => {}, flowBroken: () => {}, down: () => {} });
    await open();
    locating = () => Promise.reject(down);
    await open();
    expect(made.local?.protocol).toBe('TCP');
    locating = () => Promise.reject(new ProviderError('host-unknown', { retryable: true }));
    await expect(open()).rejects.toThrow('host-unknown');
  });

  test('a server that could not serve us comes last next time, until one has', async () => {
    const [first, second] = [await ScriptedServer.open(), await ScriptedServer.open()];
    const { made, open } = network([first.port, second.port]);
    expect(await open()).toBe(first.port);
    made.avoidCurrent();
    expect(await open()).toBe(second.port);
    made.approveCurrent();
    expect(await open()).toBe(first.port);
    await made.close();
  });
});
