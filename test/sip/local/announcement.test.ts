import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Announcement,
  type DnsRecord,
  readRecords,
  recordsOf,
  SERVICE,
} from '../../../protocols/sip/local/announcement.ts';
import { sample } from '../../extent.ts';

const id = 'abcdefghij234567klmn';
const instance = `${id}.${SERVICE}`;
const txt = (...strings: string[]): Buffer[] => strings.map((string) => Buffer.from(string));
const srv = (data: unknown = { port: 5070, target: 'x.local' }, name = instance, ttl = 120): DnsRecord => ({
  name,
  type: 'SRV',
  ttl,
  data,
});
const good = txt('v=1', 'name=Ana', 'state=away');

describe('an announcement', () => {
  const pairs: Announcement[] = [
    { id, port: 5070, name: 'Ana Ñandú 😀', presence: { state: 'available' } },
    {
      id,
      port: 1,
      name: '',
      presence: { state: 'do-not-disturb', note: 'in class = room 5', idleSince: 1_763_000_000_000 },
    },
  ];
  test.each(pairs)('comes back from its records as it was: $name', (announcement) => {
    expect(readRecords(recordsOf(announcement, '127.0.0.1'))).toEqual({ present: [announcement], leaving: [] });
  });

  test('survives the DNS codec', () => {
    // the codec below bonjour-service, found from there since it is no dependency of ours
    const require = createRequire(createRequire(import.meta.url).resolve('bonjour-service'));
    const packet = createRequire(require.resolve('multicast-dns'))('dns-packet') as {
      encode(packet: object): Buffer;
      decode(bytes: Buffer): { answers: DnsRecord[] };
    };
    const announcement = {
      id,
      port: 5070,
      name: 'ü'.repeat(300),
      presence: { state: 'busy', note: '😀'.repeat(200) },
    } as const;
    const answers = recordsOf(announcement, '192.0.2.1');
    const { present } = readRecords(packet.decode(packet.encode({ type: 'response', answers })).answers);
    expect(present).toEqual([
      { id, port: 5070, name: 'ü'.repeat(60), presence: { state: 'busy', note: '😀'.repeat(60) } },
    ]);
  });

  test('tells programs from before ids were keys to be brought up to date, and is told from theirs', () => {
    const records = recordsOf({ id, port: 5070, name: 'Ana', presence: { state: 'away', note: 'lunch' } }, '192.0.2.1');
    const strings = records.find(({ type }) => type === 'TXT')?.data as string[];
    // what such a program shows as the note
    expect(strings.find((string) => string.startsWith('note='))).toMatch(/^note=.*Update AIMS/);
    const before = [srv(), { name: instance, type: 'TXT', ttl: 1, data: txt('v=1', 'name=Ana', 'note=lunch') }];
    expect(readRecords(before).present).toEqual([
      { id, port: 5070, name: 'Ana', presence: { state: 'available', note: 'lunch' }, outdated: true },
    ]);
  });

  test('with a life of zero is a goodbye', () => {
    const records = recordsOf({ id, port: 5070, name: '', presence: { state: 'away' } }, '127.0.0.1');
    expect(readRecords(records.map((record) => ({ ...record, ttl: 0 })))).toEqual({ present: [], leaving: [id] });
  });

  test.each([
    ['Ana.Sousa (ist1) <a@b> "&"', 'Ana.Sousa (ist1) <a@b> "&"'],
    ['\u202eana\u202c\u200b', 'ana'],
    ['\u200b\ufeff\u2066', ''],
    ['👩\u200d💻', '👩\u200d💻'],
    [`${'a'.repeat(59)}😀😀`, `${'a'.repeat(59)}😀`],
  ])('calls %j what can be seen of it', (name, shown) => {
    const records = [srv(), { name: instance, type: 'TXT', ttl: 1, data: txt('v=1', `name=${name}`) }];
    expect(readRecords(records).present[0]?.name).toBe(shown);
  });

  test('names and notes cannot carry control characters, and a state nobody knows is somebody there', () => {
    const records = [
      srv(),
      { name: instance, type: 'TXT', ttl: 1, data: txt('v=1', 'name=A\r\nB\u0000', 'state=dancing', 'note=\u0007') },
    ];
    expect(readRecords(records).present).toMatchObject([
      { id, port: 5070, name: 'A B', presence: { state: 'available' } },
    ]);
  });
});

describe('foreign and malformed records are passed over', () => {
  const withTxt = (data: unknown): DnsRecord => ({ name: instance, type: 'TXT', ttl: 1, data });
  const cases: [string, DnsRecord[]][] = [
    [
      'another service',
      [srv(undefined, `${id}._printer._tcp.local`), { ...withTxt(good), name: `${id}._printer._tcp.local` }],
    ],
    ['an id of another form', [srv(undefined, `Bob.${SERVICE}`), { ...withTxt(good), name: `Bob.${SERVICE}` }]],
    ['an id with a dot', [srv(undefined, `a.b.${SERVICE}`), { ...withTxt(good), name: `a.b.${SERVICE}` }]],
    ['no TXT', [srv()]],
    ['a TXT of another version', [srv(), withTxt(txt('v=2', 'name=Ana'))]],
    ['a TXT that is none', [srv(), withTxt(5)]],
    ['a TXT without keys', [srv(), withTxt(txt('', '=', 'v'))]],
    ['no port', [srv({}), withTxt(good)]],
    ['port 0', [srv({ port: 0 }), withTxt(good)]],
    ['a port beyond all', [srv({ port: 65_536 }), withTxt(good)]],
    ['a port that is no number', [srv({ port: '5070' }), withTxt(good)]],
    ['no SRV data', [srv(null), withTxt(good)]],
    ['a TXT only', [withTxt(good)]],
  ];
  test.each(cases)('%s', (_, records) => {
    expect(readRecords(records)).toEqual({ present: [], leaving: [] });
  });

  test('whatever a packet holds, reading it does not throw', () => {
    const anything = fc.record({
      name: fc.oneof(fc.constant(instance), fc.string()),
      type: fc.constantFrom('SRV', 'TXT', 'PTR', 'A'),
      ttl: fc.nat(),
      data: fc.oneof(fc.anything(), fc.array(fc.string().map((text) => Buffer.from(text)))),
    });
    fc.assert(
      fc.property(fc.array(anything), (records) => void readRecords(records as DnsRecord[])),
      sample(100),
    );
  });
});
