import { describe, expect, it } from 'vitest';
import { type Company, type Exchange, endOf, type Pair } from '../../kit/company.ts';
import type { Person } from '../../kit/person.ts';
import type { Watched } from '../../kit/watched.ts';
import { expectWhole } from './file-transfer.ts';
import { cancelledBy, endsOf, InTheMiddle, once, SIDES, type Side, sideOf } from './in-the-middle.ts';

const keyOf = (person: Person, incoming: Watched): string | undefined =>
  person.offers.find(({ watched }) => watched === incoming)?.key;

export const continuedFiles = (company: Company): void => {
  const middles = new InTheMiddle(company);

  /** A file that this side has interrupted in the middle: nobody has cancelled, and both know. */
  const interrupted = async (pair: Pair, side: Side): Promise<Exchange> => {
    const exchange = await middles.interfere(pair, (both) => sideOf(both, side).transfer.interrupt());
    expect(await endsOf(exchange)).toBe('network network');
    for (const { phase } of [exchange.out, exchange.incoming])
      expect(phase).toMatchObject({ error: { retryable: true } });
    expect(exchange.incoming.transfer.bytes).toBeGreaterThan(0);
    return exchange;
  };

  /** The same file under the same id, once more. */
  const offerAgain = async (
    alice: Person,
    bob: Person,
    { file }: Exchange,
  ): Promise<Pick<Exchange, 'out' | 'incoming'>> => {
    const seen = bob.findOffer(file.file);
    const out = company.offer(alice, bob, file);
    return { out, incoming: await bob.offeredAfter(seen, file.file) };
  };

  /** What is there already is not asked for again. */
  const takeRest = async (
    both: Pick<Exchange, 'out' | 'incoming'>,
    { file, incoming: before, place: { content } }: Exchange,
  ): Promise<void> => {
    const from = before.transfer.bytes;
    const place = company.accept(both.incoming, () => {}, { from, before: content });
    await expectWhole({ ...both, place, file });
    expect(place.first).toBe(from);
  };

  describe('a file that was interrupted', () => {
    if (!middles.asked) {
      it('is offered again at the next login, and goes on where it was', async () => {
        const { alice, bob } = await company.pair();
        const exchange = await middles.interfere({ alice, bob }, ({ incoming }) => incoming.transfer.interrupt());
        await exchange.incoming.over();
        expect(endOf(exchange.incoming)).toBe('network');
        await bob.provider.stop();
        const again = await company.online('bob');
        const incoming = await again.offered(exchange.file.file);
        expect(keyOf(again, incoming)).toBe(keyOf(bob, exchange.incoming));
        await takeRest({ out: exchange.out, incoming }, exchange);
      });
      return;
    }

    it('by either side goes on under its id when it is offered again', async () => {
      const pair = await company.pair();
      for (const side of SIDES) {
        const exchange = await interrupted(pair, side);
        const both = await offerAgain(pair.alice, pair.bob, exchange);
        expect(keyOf(pair.bob, both.incoming)).toBe(keyOf(pair.bob, exchange.incoming));
        expect(both.out.transfer.id).toBe(exchange.out.transfer.id);
        await takeRest(both, exchange);
      }
    });

    it('while either side had paused it goes on', async () => {
      const pair = await company.pair();
      for (const side of SIDES) {
        const exchange = await middles.paused(pair, side);
        sideOf(exchange, side).transfer.interrupt();
        expect(await endsOf(exchange)).toBe('network network');
        await takeRest(await offerAgain(pair.alice, pair.bob, exchange), exchange);
      }
    });

    it('goes on when both have begun anew since', async () => {
      const { alice, bob } = await company.pair();
      const exchange = await interrupted({ alice, bob }, 'sender');
      await Promise.all([alice.provider.stop(), bob.provider.stop()]);
      const pair = await company.pair();
      const both = await offerAgain(pair.alice, pair.bob, exchange);
      expect(keyOf(pair.bob, both.incoming)).toBe(keyOf(bob, exchange.incoming));
      await takeRest(both, exchange);
    });

    it('and is offered again is cancelled by either side before the answer', async () => {
      const pair = await company.pair();
      for (const side of SIDES) {
        const both = await offerAgain(pair.alice, pair.bob, await interrupted(pair, side));
        sideOf(both, side).transfer.cancel();
        // a receiver that cancels before the answer says no
        const ends = side === 'sender' ? [cancelledBy(side)] : [cancelledBy(side), 'declined cancelled{us}'];
        expect(ends).toContain(await endsOf(both));
      }
      await middles.goOn(pair.alice, pair.bob);
    });

    it('is cancelled by either side while the rest of it runs', async () => {
      const pair = await company.pair();
      for (const side of SIDES) {
        const exchange = await interrupted(pair, side);
        const both = await offerAgain(pair.alice, pair.bob, exchange);
        const from = exchange.incoming.transfer.bytes;
        const cancelling = (place: Exchange['place']): void => {
          place.onWrite = once(from + 1, () => sideOf(both, side).transfer.cancel());
        };
        const place = company.accept(both.incoming, cancelling, { from, before: exchange.place.content });
        expect(await endsOf(both)).toBe(cancelledBy(side));
        expect(place.isComplete).toBe(false);
      }
      await middles.goOn(pair.alice, pair.bob);
    });

    it('fails when what was there is not the beginning of it', async () => {
      const pair = await company.pair();
      const exchange = await interrupted(pair, 'sender');
      const both = await offerAgain(pair.alice, pair.bob, exchange);
      const from = exchange.incoming.transfer.bytes;
      company.accept(both.incoming, () => {}, { from, before: Buffer.alloc(from, 0xb5) });
      expect(await endsOf(both)).toBe('hash-mismatch hash-mismatch');
    });
  });
};
