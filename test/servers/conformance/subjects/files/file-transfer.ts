import { describe, expect, it } from 'vitest';
import { type Company, type Exchange, endOf } from '../../kit/company.ts';
import { sha256 } from '../../kit/files.ts';
import { fence } from '../texts/messaging.ts';

const MEGABYTE = 1_000_000;

const HARMLESS = [
  'reunião de 2.ª feira — 日本語 😀.pdf',
  'a "quoted" name; with=signs & 100 %.txt',
  "it's (1) [final] {v2}.tar.gz",
];

const HOSTILE = [
  '../../etc/passwd',
  'C:\\Windows\\System32\\evil.exe',
  '/etc/passwd',
  'invoice\u202efdp.exe',
  'two\r\nlines: x.txt',
  '%2e%2e%2fescaped',
  '..',
  ' . ',
  'CON',
  `${'long'.repeat(100)}.txt`,
];

/** Both ends are content, and so is the file. */
export const expectArrived = async ({ out, incoming, place, file }: Exchange, limit?: number): Promise<void> => {
  await Promise.all([out.over(limit), incoming.over(limit)]);
  expect([endOf(out), endOf(incoming)]).toEqual(['finished', 'finished']);
  expect(place).toMatchObject({
    isClosed: true,
    isComplete: true,
    aborted: undefined,
    written: file.content.length - place.from,
  });
  expect(sha256(place.content)).toBe(sha256(file.content));
  expect([out.transfer.bytes, incoming.transfer.bytes]).toEqual([file.file.size, file.file.size]);
};

/** The same, and nothing has come in between. */
export const expectWhole = async (exchange: Exchange, limit?: number): Promise<void> => {
  await expectArrived(exchange, limit);
  for (const { road } of [exchange.out, exchange.incoming]) {
    expect(road).toEqual(['accepted', 'connecting', 'running', 'finished']);
  }
};

export const fileTransfer = (company: Company): void => {
  const { abilities } = company.fixture;

  describe('file transfer', () => {
    it.each([
      ['nothing at all', 0],
      ['one byte', 1],
      // Prosody 0.12 takes little more than a megabyte a second over HTTPS
      ['many megabytes', (abilities.files === 'asked' ? 20 : 5) * MEGABYTE],
    ])(
      'carries a file of %s each way',
      async (_, size) => {
        const { alice, bob } = await company.pair();
        for (const [from, to] of [
          [alice, bob],
          [bob, alice],
        ] as const) {
          const exchange = await company.accepted(from, to, company.file(size));
          await expectWhole(exchange, 25_000);
          const { transfer } = exchange.incoming;
          expect(transfer.peer).toBe(from.address);
          expect(exchange.out.transfer).toMatchObject({ id: exchange.file.id, peer: to.address });
          const { name, type, modifiedAt, hashes } = exchange.file.file;
          expect(transfer.file).toMatchObject({ name, type, size, modifiedAt });
          expect(transfer.file.hashes?.[0]).toEqual(hashes?.[0]);
        }
      },
      60_000,
    );

    it('carries files of sizes around the borders of pieces', async () => {
      const { alice, bob } = await company.pair();
      for (const size of [2047, 2048, 2049, 65_536, 131_072, 262_143, 262_144, 262_145]) {
        await expectWhole(await company.accepted(alice, bob, company.file(size)));
      }
    });

    it('keeps names that do no harm', async () => {
      const { alice, bob } = await company.pair();
      for (const name of HARMLESS) {
        const unique = `${Math.random().toString(36).slice(2)} ${name}`;
        const exchange = await company.accepted(alice, bob, company.file(500, { name: unique }));
        await expectWhole(exchange);
        expect(exchange.incoming.transfer.file.name).toBe(unique);
      }
    });

    it('carries files whatever their names', async () => {
      const { alice, bob } = await company.pair();
      for (const name of HOSTILE) {
        const exchange = await company.accepted(alice, bob, company.file(500, { name }));
        await expectWhole(exchange);
        expect(exchange.incoming.transfer.file.name).toMatch(/\S/);
      }
      await fence(alice, bob);
    });

    it('carries three files at once while people go on talking', async () => {
      const { alice, bob } = await company.pair();
      const files = [3, 2, 3].map((size) => company.file(size * MEGABYTE));
      const under = Promise.all([
        company.accepted(alice, bob, files[0] ?? company.file(0)),
        company.accepted(bob, alice, files[1] ?? company.file(0)),
        company.accepted(alice, bob, files[2] ?? company.file(0)),
      ]);
      const said = Array.from({ length: 20 }, (_, index) => [
        alice.say(bob, `while files fly, number ${index}`),
        bob.say(alice, `while files come, number ${index}`),
      ]).flat();
      for (const { outcome } of said) expect(await outcome).toEqual({ state: 'sent' });
      for (const exchange of await under) await expectWhole(exchange, 25_000);
      for (const [index, { id }] of said.entries()) await (index % 2 === 0 ? bob : alice).got(id);
    }, 60_000);

    it('carries files offered together, each answered by itself', async () => {
      const { alice, bob } = await company.pair();
      const files = [1000, 2000, 3000, 4000].map((size) => company.file(size));
      const outs = company.offerAll(alice, bob, files);
      const incoming = await Promise.all(files.map(({ file }) => bob.offered(file)));
      incoming[1]?.transfer.decline();
      for (const index of [0, 2, 3]) {
        const [out, coming, file] = [outs[index], incoming[index], files[index]];
        if (!out || !coming || !file) throw new Error('an offer is missing');
        const place = company.accept(coming);
        if (index === 3) await expectWhole({ out, incoming: coming, place, file });
      }
      await Promise.all(incoming.map((each) => each.over()));
      expect(incoming.map(endOf)).toEqual(['finished', 'declined', 'finished', 'finished']);
      expect(outs.map(({ transfer }) => transfer.id)).toEqual(files.map(({ id }) => id));
    });

    it('begins where an earlier attempt ended', async () => {
      const { alice, bob } = await company.pair();
      const size = 2 * MEGABYTE;
      for (const from of [1, 700_001, size]) {
        const file = company.file(size);
        const out = company.offer(alice, bob, file);
        const incoming = await bob.offered(file.file);
        const place = company.accept(incoming, () => {}, { from, before: file.content });
        await expectWhole({ out, incoming, place, file });
        expect(place.first).toBe(from === size ? Number.POSITIVE_INFINITY : from);
      }
    });

    it('refuses a file that is too big for the way, and does not open it', async () => {
      const { alice, bob } = await company.pair();
      const { maximumBytes } = alice.set('fileTransfer');
      expect(maximumBytes).toBeGreaterThan(10 * MEGABYTE);
      if (maximumBytes >= Number.MAX_SAFE_INTEGER) return;
      const file = company.file(10, { facts: { size: maximumBytes + 1 } });
      expect(await company.offer(alice, bob, file).over()).toMatchObject({
        state: 'failed',
        error: { code: 'too-big', retryable: false },
      });
      expect(file.sources).toEqual([]);
    });

    it('tells each offer once, with a key of its own', async () => {
      const { alice, bob } = await company.pair();
      const before = bob.offers.length;
      const file = company.file(1000);
      await expectWhole(await company.accepted(alice, bob, file));
      await expectWhole(await company.accepted(alice, bob, company.file(1000)));
      await fence(alice, bob);
      const keys = bob.offers.slice(before).map(({ key }) => key);
      expect(keys).toHaveLength(2);
      expect(new Set(keys).size).toBe(2);
      for (const { sentAt } of bob.offers.slice(before)) expect(Math.abs(sentAt - Date.now())).toBeLessThan(20_000);
    });

    if (abilities.files === 'asked') {
      it('fails an offer to somebody who is away', async () => {
        const { alice, bob } = await company.pair();
        await bob.provider.stop();
        const file = company.file(1000);
        expect(await company.offer(alice, bob, file).over()).toMatchObject({
          state: 'failed',
          error: { code: 'peer-offline', retryable: true },
        });
        expect(file.sources).toEqual([]);
      });
    } else {
      it('keeps a file for somebody who is away, and offers it until it is answered', async () => {
        const { alice, bob } = await company.pair();
        await bob.provider.stop();
        const file = company.file(1000);
        expect(await company.offer(alice, bob, file).over()).toEqual({ state: 'finished' });
        const second = await company.online('bob');
        await second.offered(file.file);
        const { key } = second.offers.at(-1) ?? {};
        await second.provider.stop();
        const third = await company.online('bob');
        const incoming = await third.offered(file.file);
        expect(third.offers.find(({ watched }) => watched === incoming)?.key).toBe(key);
        const place = company.accept(incoming);
        expect(await incoming.over()).toEqual({ state: 'finished' });
        expect(place.content).toEqual(file.content);
        await third.provider.stop();
        const fourth = await company.online('bob');
        await fence(alice, fourth);
        expect(fourth.findOffer(file.file)).toBeUndefined();
      });
    }
  });
};
