import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ProviderError, type ProviderErrorCode } from '../../../../../protocols/contract/index.ts';
import { type Company, type Exchange, endOf } from '../../kit/company.ts';
import { type Doomed, doom } from '../../kit/doomed.ts';
import type { SentFile } from '../../kit/files.ts';
import { until } from '../../kit/happening.ts';
import type { Person } from '../../kit/person.ts';
import { fence } from '../texts/messaging.ts';
import { expectWhole } from './file-transfer.ts';
import { endsOf, fails, InTheMiddle, once, SIDES } from './in-the-middle.ts';

export const transferEndings = (company: Company): void => {
  const { abilities } = company.fixture;
  const middles = new InTheMiddle(company);
  const { asked, size, middle } = middles;

  /** Where nobody keeps a list, people have to have seen each other. */
  const meet = async (one: Person, other: Doomed): Promise<void> => {
    if (abilities.contacts !== 'discovered') return;
    const sees = (): boolean => one.contacts.some(({ address }) => address === other.address);
    await until('they see each other', () => sees() && other.lists(one.address));
  };

  describe('the ends of a transfer', () => {
    it('is declined', async () => {
      const { alice, bob } = await company.pair();
      const file = company.file(1000);
      const out = company.offer(alice, bob, file);
      const incoming = await bob.offered(file.file);
      incoming.transfer.decline();
      expect(incoming.road).toEqual(['declined']);
      await middles.expectSender({ out }, ['declined']);
      if (asked) expect(file.sources).toEqual([]);
      await middles.goOn(alice, bob);
    });

    it('does nothing any more after its end', async () => {
      const { alice, bob } = await company.pair();
      const exchange = await company.accepted(alice, bob, company.file(1000));
      await expectWhole(exchange);
      for (const { transfer } of [exchange.out, exchange.incoming]) {
        transfer.cancel();
        transfer.decline();
        transfer.accept(exchange.place);
      }
      await fence(alice, bob);
      expect([endOf(exchange.out), endOf(exchange.incoming)]).toEqual(['finished', 'finished']);
    });

    it('fails on both sides when the disk is full, at the first byte and in the middle', async () => {
      const { alice, bob } = await company.pair();
      for (const position of [0, middle]) {
        const exchange = await company.accepted(alice, bob, company.file(size), (place) => {
          place.onWrite = fails(position, 'no-space');
        });
        expect(await exchange.incoming.over()).toMatchObject({ state: 'failed', error: { code: 'no-space' } });
        await middles.expectSender(exchange, ['peer-cannot-keep']);
      }
      await middles.goOn(alice, bob);
    });

    it('fails when the content is not what was promised', async () => {
      const { alice, bob } = await company.pair();
      const wrong = { algorithm: 'sha-256', value: 'ab'.repeat(32) } as const;
      const file = company.file(200_000, { facts: { hashes: [wrong] } });
      const exchange = await company.accepted(alice, bob, file);
      expect(await exchange.incoming.over()).toMatchObject({ state: 'failed', error: { code: 'hash-mismatch' } });
      await middles.expectSender(exchange, ['hash-mismatch']);
      expect(exchange.place.isComplete).toBe(false);
      await middles.goOn(alice, bob);
    });

    it('does not finish for the sender when the receiver could not give the file its name', async () => {
      const { alice, bob } = await company.pair();
      for (const [code, told] of [
        ['permission-denied', 'peer-cannot-keep'],
        ['name-refused', 'peer-cannot-keep'],
        ['size-mismatch', 'size-mismatch'],
      ] as const) {
        const exchange = await company.accepted(alice, bob, company.file(1000), (place) => {
          place.onComplete = () => fails(0, code)(0);
        });
        expect(await exchange.incoming.over()).toMatchObject({ state: 'failed', error: { code } });
        await middles.expectSender(exchange, [told]);
      }
    });

    it('fails on both sides when the file cannot be read, has another size, is cut while it is read, is gone', async () => {
      const { alice, bob } = await company.pair();
      const harms: readonly [ProviderErrorCode, Partial<SentFile>][] = [
        ['unreadable', { onRead: fails(middle, 'unreadable') }],
        ['source-changed', { sourceSize: size - 1 }],
        ['source-changed', { cutTo: size / 2 }],
        ['source-missing', { open: () => Promise.reject(new ProviderError('source-missing')) }],
      ];
      for (const [code, harm] of harms) {
        const file = Object.assign(company.file(size), harm);
        const { out, incoming } = await middles.run(alice, bob, file);
        expect(await out.over()).toMatchObject({ state: 'failed', error: { code } });
        const ends = [code, 'cancelled{peer}', 'source-changed', 'network'];
        await middles.expectReceiver({ alice, bob }, incoming, file, ends);
      }
      await middles.goOn(alice, bob);
    });

    // without a server a sender that leaves at once has no time to take its offer back
    if (asked && company.fixture.server) {
      it.each(SIDES)('stays open when the %s leaves before the answer', async (side) => {
        const { alice, bob } = await company.pair();
        const file = company.file(1000);
        const out = company.offer(alice, bob, file);
        const incoming = await bob.offered(file.file);
        await (side === 'sender' ? alice : bob).provider.stop();
        // a receiver may be gone before its 180 is out
        const ends = side === 'sender' ? /^network unanswered$/ : /^(unanswered|peer-offline) network$/;
        expect(await endsOf({ out, incoming })).toMatch(ends);
        expect(file.sources).toEqual([]);
      });
    }

    it('fails when the sender leaves in the middle', async () => {
      const { alice, bob } = await company.pair();
      const file = company.file(size);
      const gone: { promise?: Promise<void> } = {};
      file.onRead = once(middle, () => {
        gone.promise = alice.provider.stop();
      });
      const { out, incoming } = await middles.run(alice, bob, file);
      expect(await out.over()).toMatchObject({ state: 'failed', error: { code: 'network', retryable: true } });
      await gone.promise;
      await alice.online();
      await middles.expectReceiver({ alice, bob }, incoming, file, ['network']);
    });

    if (asked) {
      it('fails when the process of the receiver is killed in the middle', async () => {
        const alice = await company.online('alice');
        const erin = await doom(company.fixture, 'erin');
        await meet(alice, erin);
        const out = company.offer(alice, erin, company.file(size));
        await erin.stalled();
        await erin.kill();
        expect(await out.over(25_000)).toMatchObject({ state: 'failed', error: { code: 'network', retryable: true } });
      }, 60_000);

      it('fails when the process of the sender is killed in the middle', async () => {
        const alice = await company.online('alice');
        const erin = await doom(company.fixture, 'erin');
        await meet(alice, erin);
        const name = `doomed-${randomUUID()}.bin`;
        erin.offer({ offerTo: alice.address, name, size });
        const incoming = await alice.offered({ name, size, type: '' });
        const place = company.accept(incoming);
        await erin.stalled();
        await incoming.reach('running');
        await erin.kill();
        const error = { code: 'network', retryable: true };
        expect(await incoming.over(25_000)).toMatchObject({ state: 'failed', error });
        expect(place.isComplete).toBe(false);
      }, 60_000);
    }

    it('fails when the receiver leaves in the middle', async () => {
      const { alice, bob } = await company.pair();
      const gone: { promise?: Promise<void> } = {};
      const exchange: Exchange = await company.accepted(alice, bob, company.file(size), (place) => {
        place.onWrite = once(middle, () => {
          gone.promise = bob.provider.stop();
        });
      });
      expect(await exchange.incoming.over()).toMatchObject({
        state: 'failed',
        error: { code: 'network', retryable: true },
      });
      await gone.promise;
      await middles.expectSender(exchange, ['network']);
      expect(exchange.place.isComplete).toBe(false);
      await until('the sink is aborted', () => exchange.place.aborted !== undefined);
    });
  });
};
