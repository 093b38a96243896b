import { describe, expect, test } from 'vitest';
import type { Resolver } from '../../../protocols/sip/locating/server-locator.ts';
import { type Person, person } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';

/** An account whose domain has these servers, best first. */
const accountAt = (...servers: ScriptedServer[]): Person => {
  const resolver: Resolver = {
    naptr: async () => [],
    srv: async (name) =>
      name.startsWith('_sip._tcp')
        ? servers.map(({ port }, priority) => ({ name: 'localhost', port, priority, weight: 0 }))
        : [],
    addresses: async () => ['127.0.0.1'],
  };
  return person({ address: 'sip:ana@campus.test', transport: 'tcp', options: { xcapRoot: '' } }, { resolver });
};
const registers = ({ requests }: ScriptedServer): number =>
  requests.filter(({ method }) => method === 'REGISTER').length;

// RFC 3263 §4.3, RFC 3261 §21.5.4
describe('of several servers', () => {
  test('one that is overloaded for an hour is passed over at once', async () => {
    const [first, second] = [await ScriptedServer.open(), await ScriptedServer.open()];
    first.handler = (request) => request.answer(503, ['Retry-After: 3600']);
    const ana = accountAt(first, second);
    ana.provider.start();
    const { cause, retryAt } = await ana.reach('waiting');
    expect([cause.code, cause.protocolCode, retryAt - Date.now() <= 1_000]).toEqual([
      'server-unavailable',
      '503',
      true,
    ]);
    await ana.reach('online');
    expect([registers(first), registers(second)]).toEqual([1, 1]);
  });

  test('one that becomes overloaded while we are there is left for the next', async () => {
    const [first, second] = [await ScriptedServer.open(), await ScriptedServer.open()];
    const ana = accountAt(first, second);
    ana.provider.start();
    await ana.reach('online');
    first.handler = (request) => request.answer(503, ['Retry-After: 3600']);
    ana.provider.machineEvent('wake');
    const { retryAt } = await ana.reach('waiting');
    expect(retryAt - Date.now()).toBeLessThanOrEqual(1_000);
    await ana.reach('online');
    expect(registers(second)).toBe(1);
  });

  test('the last one that is overloaded too is waited for as long as it asks', async () => {
    const [first, second] = [await ScriptedServer.open(), await ScriptedServer.open()];
    first.handler = (request) => request.answer(503, ['Retry-After: 3600']);
    second.handler = (request) => request.answer(503, ['Retry-After: 100 (a moment);duration=60']);
    const ana = accountAt(first, second);
    ana.provider.start();
    await second.request('REGISTER');
    for (;;) {
      const { retryAt } = await ana.reach('waiting');
      if (retryAt - Date.now() > 2_000) {
        expect(Math.round((retryAt - Date.now()) / 10_000)).toBe(10);
        break;
      }
      await new Promise((resolve) => ana.provider.onRegistration(resolve));
    }
  });

  test.each([
    [403, 'stopped', 'policy'],
    [404, 'stopped', 'address-invalid'],
    [400, 'waiting', 'server-unavailable'],
  ] as const)('the next is not asked what the first has refused by %i', async (status, state, code) => {
    const [first, second] = [await ScriptedServer.open(), await ScriptedServer.open()];
    first.handler = (request) => request.answer(status);
    const ana = accountAt(first, second);
    ana.provider.start();
    expect((await ana.reach(state)).cause.code).toBe(code);
    if (state === 'waiting') await first.request('REGISTER', 2);
    expect(registers(second)).toBe(0);
  });
});
