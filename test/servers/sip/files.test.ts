import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { type FileRequest, isWanted, type ProtocolTransfer, ProviderError } from '../../../protocols/contract/index.ts';
import { Arrival, acceptInto, Content, fileOf, outcome } from '../../sip/file-transfer/file-peers.ts';
import { draft, type Person } from '../../sip/kit.ts';
import { kamailio, restoreCampus, user } from '../campus.ts';
import { logOutEverywhere, online, type Transport } from './kit.ts';

afterEach(restoreCampus);

/** The next offers that somebody gets. */
const offers = (person: Person, count: number): Promise<ProtocolTransfer[]> =>
  new Promise((resolve) => {
    const transfers: ProtocolTransfer[] = [];
    const stop = person.set('fileTransfer').onOffer(({ transfer }) => {
      if (transfers.push(transfer) < count) return;
      stop();
      resolve(transfers);
    });
  });

describe.each<{ transport: Transport }>([{ transport: 'udp' }, { transport: 'tcp' }, { transport: 'tls' }])(
  'over $transport',
  ({ transport }) => {
    test('eight files with their pictures go in one offer; each is answered by itself', async () => {
      const alice = await online('alice', { transport });
      const bob = await online('bob', { transport });
      const offered = offers(bob, 8);
      const contents = Array.from({ length: 8 }, (_, index) => new Content(randomBytes(100_000 + index)));
      const icon = { type: 'image/jpeg', data: randomBytes(1_000) };
      const sending = alice.set('fileTransfer').offer(
        user('bob').sip,
        contents.map((content, index) => fileOf(content, { name: `relatório ${index}.png`, type: 'image/png', icon })),
      );
      const received = await offered;
      expect(received.map(({ file }) => file.name)).toEqual(contents.map((_, index) => `relatório ${index}.png`));
      expect(received.filter(({ file }) => file.icon !== undefined).length).toBeGreaterThan(4);
      const arrivals = received.map((transfer, index) => {
        const arrival = new Arrival(100_000 + index);
        if (index === 3) transfer.decline();
        else acceptInto(transfer, arrival);
        return arrival;
      });
      const expected = contents.map((_, index) => (index === 3 ? 'declined' : 'finished'));
      expect(await Promise.all(sending.map(outcome))).toEqual(expected);
      expect(await Promise.all(received.map(outcome))).toEqual(expected);
      for (const [index, arrival] of arrivals.entries()) {
        if (index !== 3) expect(Buffer.compare(arrival.bytes, contents[index]?.bytes ?? Buffer.alloc(0))).toBe(0);
      }
    });

    test('one of two is cancelled by the sender before the answer, and the other arrives', async () => {
      const alice = await online('alice', { transport });
      const bob = await online('bob', { transport });
      const offered = offers(bob, 2);
      const contents = [new Content(randomBytes(50_000)), new Content(randomBytes(60_000))];
      const sending = alice.set('fileTransfer').offer(
        user('bob').sip,
        contents.map((content) => fileOf(content)),
      );
      const received = await offered;
      sending[0]?.cancel();
      for (const transfer of received) acceptInto(transfer, new Arrival(60_000));
      expect(await Promise.all(sending.map(outcome))).toEqual(['cancelled us', 'finished']);
      expect(await Promise.all(received.map(outcome))).toEqual(['cancelled peer', 'finished']);
    });

    test.each([
      ['accepts', 'finished', 'cancelled elsewhere'],
      ['declines', 'declined', 'declined'],
    ])(
      'two devices are offered a file; one %s, and the other knows what became of it',
      async (answer, end, elsewhere) => {
        await logOutEverywhere('bob');
        const alice = await online('alice', { transport });
        const devices = [await online('bob', { transport }), await online('bob', { transport })];
        const offered = Promise.all(devices.map((device) => offers(device, 1)));
        const [sending] = alice.set('fileTransfer').offer(user('bob').sip, [fileOf(new Content(randomBytes(50_000)))]);
        const [[lab], [home]] = (await offered) as [[ProtocolTransfer], [ProtocolTransfer]];
        // each has rung, for Kamailio too: it gives no Reason to the CANCEL of a branch that rings only after the answer of another
        await Promise.all(
          devices.map((device) => device.set('messaging').send(user('alice').sip, draft('it rings')).outcome),
        );
        if (answer === 'accepts') acceptInto(lab, new Arrival(50_000));
        else lab.decline();
        expect(await Promise.all([sending as ProtocolTransfer, lab, home].map(outcome))).toEqual([end, end, elsewhere]);
      },
    );

    test('a file that cannot be kept is told as such, alone and among others, and never as declined', async () => {
      const alice = await online('alice', { transport });
      const bob = await online('bob', { transport });
      const contents = [new Content(randomBytes(50_000)), new Content(randomBytes(60_000))];
      const full = new ProviderError('no-space');
      const alone = offers(bob, 1);
      const [one] = alice.set('fileTransfer').offer(user('bob').sip, [fileOf(new Content(randomBytes(9)))]);
      (await alone)[0]?.fail(full);
      expect(await outcome(one as ProtocolTransfer)).toBe('failed peer-cannot-keep');
      const offered = offers(bob, 2);
      const sending = alice.set('fileTransfer').offer(
        user('bob').sip,
        contents.map((content) => fileOf(content)),
      );
      const [first, second] = (await offered) as [ProtocolTransfer, ProtocolTransfer];
      acceptInto(second, new Arrival(60_000));
      first.fail(full);
      expect(await Promise.all(sending.map(outcome))).toEqual(['failed peer-cannot-keep', 'finished']);
    });

    test('a file is asked for from the middle on, and given to nobody else', async () => {
      const alice = await online('alice', { transport });
      const bob = await online('bob', { transport });
      const carol = await online('carol', { transport });
      const content = new Content(randomBytes(200_000));
      const file = fileOf(content);
      const requests: FileRequest[] = [];
      alice.set('fileTransfer').onRequest?.((request) => {
        requests.push(request);
        if (request.peer === user('bob').sip && isWanted(file.file, request.wanted)) request.give(file);
        else request.refuse();
      });
      const arrival = new Arrival(200_000, content.bytes.subarray(0, 150_000));
      const asked = bob.set('fileTransfer').fetch?.(user('alice').sip, file.file) as ProtocolTransfer;
      acceptInto(asked, arrival, { from: 150_000 });
      expect(await outcome(asked)).toBe('finished');
      expect(Buffer.compare(arrival.bytes, content.bytes)).toBe(0);
      const refused = carol.set('fileTransfer').fetch?.(user('alice').sip, file.file) as ProtocolTransfer;
      acceptInto(refused, new Arrival(200_000));
      expect(await outcome(refused)).toBe('failed source-missing');
      expect(requests.map(({ peer, from }) => [peer, from])).toEqual([
        [user('bob').sip, 150_000],
        [user('carol').sip, 0],
      ]);
    });
  },
);

describe('a file that a server stops ringing for', () => {
  test.each<{ transport: Transport }>([{ transport: 'udp' }, { transport: 'tcp' }])(
    'over $transport stays open on both sides, and comes when it is accepted later',
    async ({ transport }) => {
      await kamailio.restart({ ringSeconds: 2 });
      await logOutEverywhere('bob');
      const alice = await online('alice', { transport });
      const bob = await online('bob', { transport });
      const content = new Content(randomBytes(50_000));
      const file = fileOf(content);
      alice.set('fileTransfer').onRequest?.((request) => {
        if (isWanted(file.file, request.wanted)) request.give(file);
        else request.refuse();
      });
      const offered = offers(bob, 1);
      const [sending] = alice.set('fileTransfer').offer(user('bob').sip, [file]) as [ProtocolTransfer];
      const [received] = (await offered) as [ProtocolTransfer];
      expect(await outcome(sending)).toBe('unanswered, asked');
      expect(await outcome(received)).toBe('unanswered, asked');
      const late = bob.set('fileTransfer').fetch?.(user('alice').sip, received.file) as ProtocolTransfer;
      const arrival = new Arrival(50_000);
      acceptInto(late, arrival);
      expect(await outcome(late)).toBe('finished');
      expect(Buffer.compare(arrival.bytes, content.bytes)).toBe(0);
    },
  );
});
