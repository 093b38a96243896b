import { describe, expect, it } from 'vitest';
import type { Company, Pair } from '../../kit/company.ts';
import type { ReceivedFile } from '../../kit/files.ts';
import { until } from '../../kit/happening.ts';
import type { Watched } from '../../kit/watched.ts';
import { fence } from '../texts/messaging.ts';
import { expectArrived, expectWhole } from './file-transfer.ts';
import { endsOf, InTheMiddle, SIDES, sideOf } from './in-the-middle.ts';

const holderOf = ({ phase }: Watched): string => (phase.state === 'paused' ? phase.by : phase.state);

/** What was under way when somebody paused has come, and nothing else comes. */
const standsStill = async ({ alice, bob }: Pair, place: ReceivedFile): Promise<void> => {
  for (let before = -1; before < place.written; ) {
    before = place.written;
    await fence(alice, bob);
    await fence(bob, alice);
  }
  expect(place.written).toBeLessThan(place.content.length);
};

export const pauses = (company: Company): void => {
  const middles = new InTheMiddle(company);

  describe('a pause', () => {
    if (!middles.asked) {
      it('is nothing where a file cannot stand still, and it says so', async () => {
        const { alice, bob } = await company.pair();
        const exchange = await company.accepted(alice, bob, company.file(100_000), (_, { transfer }) => {
          transfer.onPhase(() => transfer.pause());
        });
        for (const { transfer } of [exchange.out, exchange.incoming]) {
          expect(transfer.pausable).toBe(false);
          transfer.pause();
          transfer.resume();
        }
        await expectWhole(exchange);
      });
      return;
    }

    it('of either side holds the file on both until that side goes on', async () => {
      const pair = await company.pair();
      for (const side of SIDES) {
        const exchange = await middles.paused(pair, side);
        const { out, incoming, place } = exchange;
        const other = sideOf(exchange, side === 'sender' ? 'receiver' : 'sender');
        expect([out.transfer.pausable, incoming.transfer.pausable]).toEqual([true, true]);
        other.transfer.resume();
        await standsStill(pair, place);
        expect([holderOf(sideOf(exchange, side)), holderOf(other)]).toEqual(['us', 'peer']);
        sideOf(exchange, side).transfer.resume();
        await expectArrived(exchange);
        for (const { road } of [out, incoming]) {
          expect(road).toEqual(['accepted', 'connecting', 'running', 'paused', 'running', 'finished']);
        }
      }
    });

    it('of both lasts until both go on, in whatever order', async () => {
      const pair = await company.pair();
      for (const first of SIDES) {
        const exchange = await middles.paused(pair, 'sender');
        const { out, incoming, place } = exchange;
        incoming.transfer.pause();
        await standsStill(pair, place);
        expect([holderOf(out), holderOf(incoming)]).toEqual(['us', 'us']);
        const [one, other] = first === 'sender' ? [out, incoming] : [incoming, out];
        one.transfer.resume();
        await until('the other one holds it', () => holderOf(one) === 'peer');
        await standsStill(pair, place);
        other.transfer.resume();
        await expectArrived(exchange);
      }
    });

    it('before the bytes move, and after their end, is nothing', async () => {
      const { alice, bob } = await company.pair();
      const exchange = await company.accepted(alice, bob, company.file(1000), (_, { transfer }) => {
        transfer.pause();
        transfer.resume();
      });
      await expectWhole(exchange);
      for (const { transfer } of [exchange.out, exchange.incoming]) transfer.pause();
      expect(await endsOf(exchange)).toBe('finished finished');
      await middles.goOn(alice, bob);
    });
  });
};
