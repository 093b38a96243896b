import dgram from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Arrival, acceptInto, Content, fileOf, outcome } from '../../../sip/file-transfer/file-peers.ts';
import { draft, type Person } from '../../../sip/kit.ts';
import { campus, restoreCampus, user } from '../../campus.ts';
import { gate } from '../crashes/gate.ts';
import { member, online } from '../kit.ts';
import { sipp } from './sipp.ts';

afterEach(restoreCampus);

/** SIPp as somebody from elsewhere who reaches alice through the server. */
const towardsAlice = (transport: 'udp' | 'tcp', ...args: string[]): string[] => {
  const { host, ports } = campus();
  return [`${host}:${ports.sip}`, '-s', 'alice', '-t', transport === 'udp' ? 'u1' : 't1', ...args];
};

/** Whatever was done to it before, the account is there and takes a text. */
const livesOn = async (alice: Person): Promise<void> => {
  const bob = await online('bob');
  const text = draft('still there?');
  expect(await bob.set('messaging').send(user('alice').sip, text).outcome).toEqual({ state: 'sent' });
  expect(alice.received.filter(({ id }) => id === text.id).length).toBe(1);
  expect(alice.provider.registration.state).toBe('online');
  expect(alice.logs.filter((line) => line.startsWith('error'))).toEqual([]);
};

/** What SIPp logged: lines of an address and numbers; it writes nothing for a 0 that was never added to. */
const counts = (logged: string): Map<string, number[]> =>
  new Map(
    logged.split('\n').flatMap((line) => {
      const [, peer, numbers] = /^(sip:\S+) ([\d. ]*)$/.exec(line) ?? [];
      return peer && numbers !== undefined ? [[peer, numbers.split(' ').map(Number)] as const] : [];
    }),
  );
/** The texts of each sender, in the order they came. */
const gathered = (alice: Person): Map<string, string[]> => {
  const came = new Map<string, string[]>();
  alice.set('messaging').receiver = (message) => {
    const { peer, text } = message;
    if (!peer.endsWith('@elsewhere.test')) alice.received.push(message);
    else came.set(peer, [...(came.get(peer) ?? []), text]);
    return 'stored';
  };
  return came;
};

test.each(['udp', 'tcp'] as const)(
  'a flood over %s of people on the list, as fast as SIPp writes, is kept whole: all that was confirmed, once, each sender in order',
  { timeout: 60_000 },
  async (transport) => {
    const alice = member('alice', { transport, options: { xcapRoot: '' } });
    for (let nth = 1; nth <= 50; nth++)
      await alice.set('contactList').put({ address: `sip:caller${nth}@elsewhere.test`, name: '', groups: [] });
    alice.provider.start();
    await alice.reach('online');
    const came = gathered(alice);
    const before = process.memoryUsage().rss;
    const confirmed = counts(
      await sipp({
        scenario: 'flood',
        values: { END: `${Math.floor(Date.now() / 1000) + 3}` },
        args: towardsAlice(transport, '-m', '50', '-l', '50', '-r', '50', '-rp', '1'),
      }).ended,
    );
    expect(came.size).toBe(50);
    const wanted = Array.from(confirmed, ([peer, [sent = 0]]): [string, string[]] => [
      peer,
      Array.from({ length: sent }, (_, index) => `${index + 1}.000000 reunião 🎓`),
    ]);
    expect(came).toEqual(new Map(wanted));
    // a transaction is kept for half a minute (timer J), what it was about is not
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
    await livesOn(alice);
  },
);

test.each(['udp', 'tcp'] as const)(
  '10,000 messages over %s of 200 strangers, as fast as SIPp writes, bring a few of each of a few; the others are refused with 486',
  { timeout: 120_000 },
  async (transport) => {
    const alice = await online('alice', { transport });
    const came = gathered(alice);
    const before = process.memoryUsage().rss;
    const began = performance.now();
    const flood = sipp({
      scenario: 'strangers',
      values: { EACH: '50' },
      args: towardsAlice(transport, '-m', '200', '-l', '50', '-r', '1000'),
    });
    // somebody we know gets through in the middle of it
    let over = false;
    void flood.ended.then(() => (over = true));
    const bob = await online('bob');
    for (let nth = 0; nth < 5; nth++)
      expect(await bob.set('messaging').send(user('alice').sip, draft(`word ${nth}`)).outcome).toEqual({
        state: 'sent',
      });
    expect(over).toBe(false);
    const told = counts(await flood.ended);
    const seconds = (performance.now() - began) / 1000;
    expect(told.size).toBe(200);
    const sums = [...told.values()].map(([taken = 0, refused = 0]) => taken + refused);
    expect(sums).toEqual(Array.from({ length: 200 }, () => 50));
    // each text that was confirmed is here, and no other
    for (const [peer, [taken]] of told) expect([peer, came.get(peer)?.length ?? 0]).toEqual([peer, taken]);
    expect(came.size).toBeLessThanOrEqual(20 + seconds / 5);
    for (const texts of came.values()) expect(texts.length).toBeLessThanOrEqual(20 + seconds);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
    expect(alice.received.map(({ text }) => text)).toEqual(Array.from({ length: 5 }, (_, nth) => `word ${nth}`));
    await livesOn(alice);
  },
);

/** A UDP port nobody has now; SIPp cannot tell which one it took. */
const freePort = async (): Promise<number> => {
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
};

const capture = (name: string): string =>
  readFileSync(path.join(import.meta.dirname, '../../../sip/captures', name), 'utf8');
/** Each offer of a capture, with line ends as they went over the wire. */
const offersIn = (name: string): string[] =>
  capture(name)
    .split(/^### /m)
    .flatMap((section) => (section.startsWith('OFFER\n') ? [section.slice('OFFER\n'.length)] : []))
    .map((sdp) => `${sdp.trim().replaceAll('\n', '\r\n')}\r\n`);
const OFFERS = [...offersIn('sdp-tcp.txt'), ...offersIn('sdp-msrptls.txt')];
const pushed = OFFERS.filter((sdp) => sdp.includes('a=sendonly'));
const [PUSH = '', ...otherPushes] = pushed;

const call = (scenario: string, offer: string, values: Record<string, string> = {}, args: string[] = []) =>
  sipp({
    scenario,
    values: { OFFER: offer, TYPE: 'application/sdp', ...values },
    args: towardsAlice('tcp', ...(args.length > 0 ? args : ['-m', '1'])),
  }).ended;

describe('an INVITE', () => {
  test('with a file, as real clients offer it, is answered when it is accepted and ended by BYE', async () => {
    expect(pushed.length).toBe(4);
    const alice = await online('alice');
    const ends: Promise<string>[] = [];
    alice.set('fileTransfer').onOffer(({ transfer }) => {
      ends.push(outcome(transfer));
      acceptInto(transfer, new Arrival(transfer.file.size ?? 0));
    });
    for (const offer of pushed) await call('answered', offer);
    // nobody came to bring the bytes
    expect(await Promise.all(ends)).toEqual(pushed.map(() => 'cancelled peer'));
    await livesOn(alice);
  });

  test('that asks for a file, as real clients do, is refused with 488', async () => {
    const asked = OFFERS.filter((sdp) => sdp.includes('a=recvonly'));
    expect(asked.length).toBe(4);
    const alice = await online('alice');
    alice.set('fileTransfer').onOffer(() => expect.unreachable());
    alice.set('fileTransfer').onRequest?.((request) => request.refuse());
    for (const offer of asked) await call('refused', offer, { STATUS: '488' });
    await livesOn(alice);
  });

  test.each([
    ['is closed', PUSH.replace(/m=message \d+/, 'm=message 0')],
    ['has no path', PUSH.replace(/a=path.*\r\n/, '')],
    ['has a TLS path on a TCP line', PUSH.replace('msrp://', 'msrps://')],
    ['has a TCP path on a TLS line', PUSH.replace('TCP/MSRP', 'TCP/TLS/MSRP')],
    ['is for a transport nobody knows', PUSH.replace('TCP/MSRP', 'UDP/SMOKE')],
    ['is for a telephone', 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n'],
  ])('whose media line %s is refused', async (_name, offer) => {
    const alice = await online('alice');
    alice.set('fileTransfer').onOffer(() => expect.unreachable());
    await call('refused', offer, { STATUS: '488' });
    await livesOn(alice);
  });

  test('with a chat, as real clients offer it, is answered and ended by BYE', async () => {
    const chats = OFFERS.filter((sdp) => !sdp.includes('file-selector'));
    expect(chats.length).toBe(2);
    const alice = await online('alice');
    for (const offer of chats) await call('answered', offer);
    await livesOn(alice);
  });

  test('with two files, or a file beside a telephone, is about each file by itself', async () => {
    const [, media = ''] = PUSH.split(/(?=^m=)/m);
    const second = (otherPushes[0] ?? '').split(/(?=^m=)/m)[1] ?? '';
    const alice = await online('alice');
    const names: string[] = [];
    alice.set('fileTransfer').onOffer(({ transfer }) => {
      names.push(transfer.file.name);
      // the second is not wanted
      if (transfer.file.name === 'small.txt') transfer.decline();
      else acceptInto(transfer, new Arrival(transfer.file.size ?? 0));
    });
    await call('answered', PUSH + second);
    await call('answered', PUSH.replace(media, `m=audio 9 RTP/AVP 0\r\n${media}`));
    expect(names).toEqual(['payload ünï.bin', 'small.txt', 'payload ünï.bin']);
    await livesOn(alice);
  });

  test('with another body than a description is refused with 415, and with none that can be read with 488', async () => {
    const alice = await online('alice');
    await call('refused', '{}', { TYPE: 'application/json', STATUS: '415' });
    await call('refused', 'm=message hello', { STATUS: '488' });
    await livesOn(alice);
  });
});

describe('a CANCEL', () => {
  test.each([
    ['before it rings', ''],
    ['while it rings', '<recv response="180"/>'],
  ])('%s without a Reason says that nobody answered in time, and the offer stays', async (WHEN, RINGING) => {
    const alice = await online('alice');
    const ends: Promise<string>[] = [];
    alice.set('fileTransfer').onOffer(({ transfer }) => void ends.push(outcome(transfer)));
    await call('cancelled', PUSH, { WHEN, RINGING }, ['-m', '20', '-l', '20', '-r', '40']);
    for (const end of ends) expect(await end).toBe('unanswered, asked');
    await livesOn(alice);
  });
});

describe('a CANCEL that crosses the 200', () => {
  const [CHAT = ''] = OFFERS.filter((sdp) => !sdp.includes('file-selector'));
  test.each([
    ['with its INVITE', ''],
    ['when the 200 is there', '<recv response="180" optional="true"/><recv response="200" rrs="true"/>'],
  ])('of a chat or a file, sent %s, leaves no session behind', async (WHEN, WAIT) => {
    const alice = await online('alice');
    const ends: Promise<string>[] = [];
    alice.set('fileTransfer').onOffer(({ transfer }) => {
      ends.push(outcome(transfer));
      acceptInto(transfer, new Arrival(transfer.file.size ?? 0));
    });
    // an answer may come in one segment with the one before, while SIPp is not waiting for it yet
    const patient = ['-default_behaviors', 'all,-abortunexp'];
    for (const offer of [CHAT, PUSH])
      await call('crossing', offer, { WHEN, WAIT }, ['-m', '20', '-l', '20', '-r', '40', ...patient]);
    expect(ends.length).toBeLessThanOrEqual(20);
    for (const end of ends) expect(await end).toBe('cancelled peer');
    await livesOn(alice);
  });

  test('of the one we called is acknowledged and said goodbye to', async () => {
    const port = await freePort();
    const answer = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=message 9 TCP/MSRP *'];
    const media = ['a=path:msrp://127.0.0.1:9/crossed;tcp', 'a=accept-types:*', 'a=setup:passive', 'a=recvonly', ''];
    const server = sipp({
      scenario: 'crossed',
      values: { ANSWER: [...answer, ...media].join('\r\n') },
      args: ['-p', `${port}`, '-t', 'u1', '-m', '3'],
    });
    const way = await gate('udp', port);
    const alice = member('alice', { transport: 'udp', server: { host: '127.0.0.1', port: way.port } });
    alice.provider.start();
    await alice.reach('online');
    way.holds = (direction, data) => direction === 'back' && data.includes('180 Ringing');
    const [sending] = alice.set('fileTransfer').offer(user('bob').sip, [fileOf(new Content(Buffer.alloc(1000)))]);
    if (!sending) expect.unreachable();
    await way.held();
    sending.cancel();
    way.release();
    expect(await outcome(sending)).toBe('cancelled us');
    await server.ended;
  });
});

test('notifications out of order, of other dialogs, too late or with a document type change nothing', async () => {
  const port = await freePort();
  const server = sipp({
    scenario: 'notifier',
    // alice's registration, her watchers, bob
    args: ['-p', `${port}`, '-t', 'u1', '-m', '3'],
  });
  const alice = member('alice', { transport: 'udp', server: { host: '127.0.0.1', port } });
  await alice.set('contactList').put({ address: user('bob').sip, name: 'Bob', groups: [] });
  const notes: unknown[] = [];
  alice.set('presence').onPresence(({ presence }) => void notes.push(presence.note ?? presence.state));
  alice.provider.start();
  await server.ended;
  expect(notes).toEqual(['first', 'second', 'third', 'unknown', 'fourth', 'unknown']);
  expect(alice.logs.filter((line) => line.startsWith('error'))).toEqual([]);
});
