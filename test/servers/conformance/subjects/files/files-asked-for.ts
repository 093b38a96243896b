import { describe, expect, it } from 'vitest';
import { isWanted } from '../../../../../protocols/contract/index.ts';
import { type Company, type Exchange, endOf, type Pair } from '../../kit/company.ts';
import type { SentFile } from '../../kit/files.ts';
import { until } from '../../kit/happening.ts';
import { expectWhole } from './file-transfer.ts';
import { cancelledBy, endsOf, InTheMiddle, once, SIDES, sideOf } from './in-the-middle.ts';

export const filesAskedFor = (company: Company): void => {
  const middles = new InTheMiddle(company);

  /** Bob asks alice for this file and has a place for it from this byte on; alice gives it. */
  const asked = async (
    { alice, bob }: Pair,
    file: SentFile,
    prepare: (both: Pick<Exchange, 'out' | 'incoming'>) => void = () => {},
    from = 0,
  ): Promise<Exchange> => {
    alice.listenForRequests();
    const incoming = bob.fetch(alice, file.file);
    const place = company.accept(incoming, () => {}, { from, before: file.content });
    const request = await alice.askedFor(file.file);
    expect([request.peer, request.from, isWanted(file.file, request.wanted)]).toEqual([bob.address, from, true]);
    const out = company.give(alice, request, file);
    prepare({ out, incoming });
    return { out, incoming, place, file };
  };

  describe('a file that is asked for', () => {
    if (!middles.asked) {
      it('is asked for only where the protocol can', async () => {
        const files = company.create('alice').set('fileTransfer');
        expect(['fetch' in files, 'onRequest' in files]).toEqual([false, false]);
      });
      return;
    }

    it('comes whole, and from the middle on', async () => {
      const pair = await company.pair();
      for (const from of [0, 70_001]) {
        const exchange = await asked(pair, company.file(200_000), undefined, from);
        await expectWhole(exchange);
        expect(exchange.place.first).toBe(from);
      }
    });

    it('is not there when it is refused, and can be asked for again when nobody listens', async () => {
      const { alice, bob } = await company.pair();
      const file = company.file(1000);
      for (const answered of [false, true]) {
        const incoming = bob.fetch(alice, file.file);
        const place = company.accept(incoming);
        if (answered) {
          const request = await alice.askedFor(file.file);
          request.refuse();
        }
        await incoming.over();
        expect(endOf(incoming)).toBe(answered ? 'source-missing' : 'peer-offline');
        expect(place.isComplete).toBe(false);
        alice.listenForRequests();
      }
    });

    it('is not there when nobody is', async () => {
      const { alice, bob } = await company.pair();
      await alice.provider.stop();
      const incoming = bob.fetch(alice, company.file(1000).file);
      company.accept(incoming);
      expect(await incoming.over()).toMatchObject({
        state: 'failed',
        error: { code: 'peer-offline', retryable: true },
      });
    });

    it('can be given up before the answer', async () => {
      const { alice, bob } = await company.pair();
      alice.listenForRequests();
      const file = company.file(1000);
      const early = bob.fetch(alice, file.file);
      early.transfer.cancel();
      expect(endOf(early)).toBe('cancelled{us}');
      const incoming = bob.fetch(alice, file.file);
      company.accept(incoming);
      const request = await alice.askedFor(file.file);
      incoming.transfer.cancel();
      expect(endOf(incoming)).toBe('cancelled{us}');
      // the answer may come too late for that, or be on its way
      const out = company.give(alice, request, file);
      await out.over();
      expect(['cancelled{peer}', 'network']).toContain(endOf(out));
      await middles.goOn(alice, bob);
    });

    it('is cancelled by either side in the middle', async () => {
      const pair = await company.pair();
      for (const side of SIDES) {
        const file = company.file(middles.size);
        const exchange = await asked(pair, file, (both) => {
          file.onRead = once(middles.middle, () => sideOf(both, side).transfer.cancel());
        });
        expect(await endsOf(exchange)).toBe(cancelledBy(side));
      }
      await middles.goOn(pair.alice, pair.bob);
    });

    it('is paused, interrupted and asked for from there', async () => {
      const pair = await company.pair();
      const file = company.file(middles.size);
      const exchange = await asked(pair, file, ({ incoming }) => {
        file.onRead = once(middles.middle, () => incoming.transfer.pause());
      });
      await until(
        'it stands still',
        () => exchange.out.phase.state === 'paused' && exchange.incoming.phase.state === 'paused',
      );
      exchange.incoming.transfer.interrupt();
      expect(await endsOf(exchange)).toBe('network network');
      const from = exchange.incoming.transfer.bytes;
      await expectWhole(await asked(pair, file, undefined, from));
    });
  });
};
