import { afterEach, expect, test, vi } from 'vitest';
import { anaAt, draft } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';

afterEach(() => void vi.useRealTimers());

test.each([
  ['at once', '0'],
  ['before now', '-5'],
  ['in a thousand years', '99999999999'],
  ['at a date, which SIP has not', '18 Nov 2026 10:00:00 GMT'],
  ['in so long, with a comment', '3 (overloaded);duration=60'],
  ['at no time it says', undefined],
])('a server that refuses everything by 503 and wants to be asked again %s is not flooded', async (_when, retry) => {
  const server = await ScriptedServer.open();
  const headers = retry === undefined ? [] : [`Retry-After: ${retry}`];
  server.handler = (request) => (request.method === 'REGISTER' ? request.answer(200) : request.answer(503, headers));
  const ana = anaAt(server.port);
  await ana.set('contactList').put({ address: 'sip:bob@campus.test', name: '', groups: [] });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  ana.provider.start();
  await ana.reach('online');
  await expect(ana.set('presence').publish({ state: 'away', note: '' })).rejects.toMatchObject({ retryable: true });
  const { outcome } = ana.set('messaging').send('sip:bob@campus.test', draft('x'));
  const failed = await outcome;
  expect(failed).toMatchObject({ state: 'failed', error: { code: 'server-unavailable', retryable: true } });
  // what the program above waits for, in seconds: no timer counts further than 24 days
  if (failed.state === 'failed') expect(failed.error.retryAfter ?? 0).toBeLessThanOrEqual(86_400);
  for (let second = 0; second < 20; second++) {
    await vi.advanceTimersByTimeAsync(1_000);
    // so that what was sent is answered in the second it was sent in
    await ana.set('messaging').send('sip:bob@campus.test', draft('y')).outcome;
  }
  const counts = new Map<string, number>();
  for (const { method, head } of server.requests) {
    const what = `${method} ${head.get('event') ?? ''}`;
    if (method !== 'MESSAGE') counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  // each of them every two seconds at most, beside those we and the login asked for
  expect(Math.max(...counts.values())).toBeLessThanOrEqual(13);
  expect(ana.provider.registration.state).toBe('online');
});
