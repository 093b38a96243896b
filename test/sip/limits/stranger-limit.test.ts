import { expect, test } from 'vitest';
import { StrangerLimit } from '../../../protocols/sip/limits/stranger-limit.ts';
import { anaAt } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';

const limit = (known: (peer: string) => boolean = () => false) => {
  const clock = { now: 0 };
  return { clock, strangers: new StrangerLimit(known, () => clock.now) };
};
/** What becomes of so many requests in a row. */
const taken = (strangers: StrangerLimit, peer: string, times: number): number =>
  Array.from({ length: times }, () => strangers.excess(peer)).filter((wait) => wait === undefined).length;

test('a stranger is taken twenty requests from at once, and one a second after that', () => {
  const { clock, strangers } = limit();
  expect(taken(strangers, 'sip:eve@elsewhere.test', 100)).toBe(20);
  expect(strangers.excess('sip:eve@elsewhere.test')).toBe(1);
  clock.now = 3_000;
  expect(taken(strangers, 'sip:eve@elsewhere.test', 100)).toBe(3);
  clock.now = 3_600_000;
  expect(taken(strangers, 'sip:eve@elsewhere.test', 100)).toBe(20);
  // a clock that goes back gives nothing
  clock.now = 0;
  expect(taken(strangers, 'sip:eve@elsewhere.test', 100)).toBe(0);
});

test('twenty strangers are met at once, and one each five seconds after that', () => {
  const { clock, strangers } = limit();
  const met = (from: number, to: number): number => {
    let count = 0;
    for (let nth = from; nth < to; nth++) count += taken(strangers, `sip:eve${nth}@elsewhere.test`, 1);
    return count;
  };
  expect(met(0, 1000)).toBe(20);
  expect(strangers.excess('sip:last@elsewhere.test')).toBe(5);
  // those who were met go on
  expect(met(0, 20)).toBe(20);
  clock.now = 10_000;
  expect(met(1000, 2000)).toBe(2);
});

test('whoever is known is never too much, and costs the others nothing', () => {
  const { strangers } = limit((peer) => peer === 'sip:bob@elsewhere.test');
  expect(taken(strangers, 'sip:bob@elsewhere.test', 10_000)).toBe(10_000);
  expect(taken(strangers, 'sip:eve@elsewhere.test', 100)).toBe(20);
});

test('strangers beyond the limit are refused with 486 and Retry-After; who is listed, written to or of our domain is not', async () => {
  const server = await ScriptedServer.open();
  const ana = anaAt(server.port);
  await ana.set('contactList').put({ address: 'sip:listed@elsewhere.test', name: 'Listed', groups: [] });
  ana.provider.start();
  await ana.reach('online');
  const writing = { id: 'x', text: 'hello', composedAt: 0 };
  await ana.set('messaging').send('sip:written@elsewhere.test', writing).outcome;
  let calls = 0;
  const message = async (from: string, method = 'MESSAGE'): Promise<[number, string | undefined]> => {
    const callId = `stranger-${++calls}`;
    const lines = [`From: <${from}>;tag=1`, `Call-ID: ${callId}`, 'Content-Type: text/plain'];
    if (method === 'INVITE') lines.push('Contact: <sip:eve@127.0.0.1>');
    server.sendRequest(method, 'sip:ana@campus.test', lines, 'x');
    const answer = await server.until(() => server.answers.find((each) => each.get('call-id') === callId));
    return [answer.start.kind === 'response' ? answer.start.status : 0, answer.get('retry-after')];
  };
  for (let nth = 0; nth < 20; nth++) expect(await message('sip:eve@elsewhere.test')).toEqual([200, undefined]);
  expect(await message('sip:eve@elsewhere.test')).toEqual([486, '1']);
  expect(await message('sip:eve@elsewhere.test', 'INVITE')).toEqual([486, '1']);
  for (let nth = 1; nth < 20; nth++) expect((await message(`sip:eve${nth}@elsewhere.test`))[0]).toBe(200);
  expect(await message('sip:eve20@elsewhere.test')).toEqual([486, '5']);
  for (const known of ['sip:bob@campus.test', 'sip:listed@elsewhere.test', 'sip:written@elsewhere.test'])
    for (let nth = 0; nth < 30; nth++) expect([known, ...(await message(known))]).toEqual([known, 200, undefined]);
  expect(ana.received.length).toBe(20 + 19 + 90);
});
