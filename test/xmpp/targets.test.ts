import type { SrvRecord } from 'node:dns';
import { expect, it } from 'vitest';
import { locate } from '../../protocols/xmpp/stream/targets.ts';

const resolver = (records: Record<string, Partial<SrvRecord>[]>) => ({
  resolveSrv: async (name: string): Promise<SrvRecord[]> => {
    const found = records[name];
    if (!found) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    return found.map((record) => ({ name: 'im', port: 5222, priority: 1, weight: 1, ...record }));
  },
});
const PLAIN = '_xmpp-client._tcp.campus.test';
const DIRECT = '_xmpps-client._tcp.campus.test';

it('falls back to the domain itself when there are no records', async () => {
  expect(await locate('campus.test', Math.random, resolver({}))).toEqual([
    { host: 'campus.test', port: 5222, tls: 'starttls' },
  ]);
});

it('takes lower priorities first, direct TLS and STARTTLS mixed', async () => {
  const records = {
    [PLAIN]: [
      { name: 'c', priority: 30 },
      { name: 'a', priority: 10, port: 15222 },
    ],
    [DIRECT]: [{ name: 'b', priority: 20, port: 443 }],
  };
  expect(await locate('campus.test', Math.random, resolver(records))).toEqual([
    { host: 'a', port: 15222, tls: 'starttls' },
    { host: 'b', port: 443, tls: 'direct' },
    { host: 'c', port: 5222, tls: 'starttls' },
  ]);
});

it('draws within one priority in proportion to the weight, zero last but not never', async () => {
  const records = {
    [PLAIN]: [
      { name: 'zero', weight: 0 },
      { name: 'one', weight: 1 },
      { name: 'three', weight: 3 },
    ],
  };
  const first = async (random: number): Promise<string | undefined> =>
    (await locate('campus.test', () => random, resolver(records)))[0]?.host;
  expect(await first(0)).toBe('zero');
  expect(await first(0.2)).toBe('one');
  expect(await first(0.3)).toBe('three');
  expect(await first(0.999)).toBe('three');
  const all = await locate('campus.test', () => 0.999, resolver(records));
  expect(all.map(({ host }) => host)).toEqual(['three', 'one', 'zero']);
});

it('believes a dot: no direct TLS, or no service at all, and then no fallback', async () => {
  expect(
    await locate('campus.test', Math.random, resolver({ [DIRECT]: [{ name: '.' }], [PLAIN]: [{ name: 'a' }] })),
  ).toEqual([{ host: 'a', port: 5222, tls: 'starttls' }]);
  await expect(locate('campus.test', Math.random, resolver({ [PLAIN]: [{ name: '.' }] }))).rejects.toMatchObject({
    code: 'host-unknown',
  });
  await expect(locate('campus.test', Math.random, resolver({ [PLAIN]: [{ name: '' }] }))).rejects.toMatchObject({
    code: 'host-unknown',
  });
});

it('asks for the name DNS knows', async () => {
  const asked: string[] = [];
  await locate('bücher.test', Math.random, {
    resolveSrv: async (name) => {
      asked.push(name);
      return [];
    },
  });
  expect(asked).toEqual(['_xmpps-client._tcp.xn--bcher-kva.test', '_xmpp-client._tcp.xn--bcher-kva.test']);
});
