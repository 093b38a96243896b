import { describe, expect, it } from 'vitest';
import { type Company, endOf } from '../../kit/company.ts';
import type { Watched } from '../../kit/watched.ts';
import { fence } from '../texts/messaging.ts';
import { cancelledBy, endsOf, InTheMiddle, once, placesIn, SIDES, sideOf } from './in-the-middle.ts';

export const transferCancels = (company: Company): void => {
  const middles = new InTheMiddle(company);
  const { asked, size } = middles;
  const places = placesIn(size);

  describe('a transfer', () => {
    it('is cancelled by the receiver before the answer', async () => {
      const { alice, bob } = await company.pair();
      const file = company.file(1000);
      const out = company.offer(alice, bob, file);
      const incoming = await bob.offered(file.file);
      incoming.transfer.cancel();
      expect(endOf(incoming)).toBe('cancelled{us}');
      await middles.expectSender({ out }, ['cancelled{peer}', 'declined']);
      await middles.goOn(alice, bob);
    });

    it('is cancelled by the sender at once', async () => {
      const { alice, bob } = await company.pair();
      const file = company.file(1000);
      const out = company.offer(alice, bob, file);
      out.transfer.cancel();
      expect(endOf(out)).toBe('cancelled{us}');
      await fence(alice, bob);
      const incoming = bob.findOffer(file.file);
      if (incoming) expect(endOf(incoming)).toBe('cancelled{peer}');
      await middles.goOn(alice, bob);
      expect(file.sources).toEqual([]);
    });

    if (asked) {
      it('is cancelled by the sender before the answer', async () => {
        const { alice, bob } = await company.pair();
        const file = company.file(1000);
        const out = company.offer(alice, bob, file);
        const incoming = await bob.offered(file.file);
        out.transfer.cancel();
        expect(endOf(out)).toBe('cancelled{us}');
        expect(await incoming.over()).toEqual({ state: 'cancelled', by: 'peer' });
        expect(file.sources).toEqual([]);
        await middles.goOn(alice, bob);
      });
    }

    it('is cancelled by the sender as soon as it is accepted, connecting, running', async () => {
      const { alice, bob } = await company.pair();
      for (const state of ['accepted', 'connecting', 'running'] as const) {
        const file = company.file(size);
        const out = company.offer(alice, bob, file);
        out.transfer.onPhase((phase) => {
          if (phase.state === state) out.transfer.cancel();
        });
        const incoming = asked ? await bob.offered(file.file) : undefined;
        const place = incoming && company.accept(incoming);
        expect(await out.over()).toEqual({ state: 'cancelled', by: 'us' });
        await middles.expectReceiver({ alice, bob }, incoming, file, ['cancelled{peer}']);
        expect(place?.isComplete ?? false).toBe(false);
      }
      await middles.goOn(alice, bob);
    });

    it('is cancelled by the receiver as soon as it is accepted, connecting, running', async () => {
      const { alice, bob } = await company.pair();
      for (const state of ['accepted', 'connecting', 'running'] as const) {
        const exchange = await company.accepted(alice, bob, company.file(size), (_, { transfer }) => {
          transfer.onPhase((phase) => {
            if (phase.state === state) transfer.cancel();
          });
        });
        expect(await exchange.incoming.over()).toEqual({ state: 'cancelled', by: 'us' });
        await middles.expectSender(exchange, ['cancelled{peer}']);
        expect(exchange.place.isComplete).toBe(false);
      }
      await middles.goOn(alice, bob);
    });

    it(`is cancelled by the sender at the bytes ${places.map(({ position }) => position).join(', ')}`, async () => {
      const { alice, bob } = await company.pair();
      for (const { position, act } of places) {
        const file = company.file(size);
        const running: { out?: Watched } = {};
        file.onRead = once(position, () => act(() => running.out?.transfer.cancel()));
        running.out = company.offer(alice, bob, file);
        const incoming = asked ? await bob.offered(file.file) : undefined;
        const place = incoming && company.accept(incoming);
        expect(await running.out.over()).toEqual({ state: 'cancelled', by: 'us' });
        await middles.expectReceiver({ alice, bob }, incoming, file, ['cancelled{peer}']);
        expect(place?.isComplete ?? false).toBe(false);
      }
      await middles.goOn(alice, bob);
    }, 60_000);

    it(`is cancelled by the receiver at the bytes ${places.map(({ position }) => position).join(', ')}`, async () => {
      const { alice, bob } = await company.pair();
      for (const { position, act } of places) {
        const exchange = await company.accepted(alice, bob, company.file(size), (place, { transfer }) => {
          place.onWrite = once(position, () => act(() => transfer.cancel()));
        });
        expect(await exchange.incoming.over()).toEqual({ state: 'cancelled', by: 'us' });
        await middles.expectSender(exchange, ['cancelled{peer}']);
        expect(exchange.place.isComplete).toBe(false);
      }
      await middles.goOn(alice, bob);
    }, 60_000);

    if (asked) cancelsOnBothSides(company, middles);
  });
};

/** Where both know of the offer before anybody answers. */
const cancelsOnBothSides = (company: Company, middles: InTheMiddle): void => {
  it.each(SIDES)('of several is cancelled by the %s before the answer, and another while it runs', async (side) => {
    const { alice, bob } = await company.pair();
    const files = [1000, middles.size, 2000, 3000].map((size) => company.file(size));
    const outs = company.offerAll(alice, bob, files);
    const incoming = await Promise.all(files.map(({ file }) => bob.offered(file)));
    const both = outs.map((out, index) => ({ out, incoming: incoming[index] ?? out }));
    const cancel = (index: number): void => {
      const exchange = both[index];
      if (exchange) sideOf(exchange, side).transfer.cancel();
    };
    cancel(0);
    // a sender has no way to say so before the answer to all of them
    for (const each of incoming.slice(side === 'sender' ? 0 : 1)) {
      company.accept(each, (place) => {
        if (each === incoming[1]) place.onWrite = once(middles.middle, () => cancel(1));
      });
    }
    const finished = 'finished finished';
    const taken = cancelledBy(side);
    // the receiver's answer to all of them says no to the one it has cancelled
    const first = side === 'sender' ? taken : expect.stringMatching(/^(cancelled\{peer\}|declined) cancelled\{us\}$/);
    expect(await Promise.all(both.map(endsOf))).toEqual([first, taken, finished, finished]);
    await middles.goOn(alice, bob);
  });

  it('that is paused by either side is cancelled by either side', async () => {
    const { alice, bob } = await company.pair();
    for (const paused of SIDES) {
      for (const cancelled of SIDES) {
        const exchange = await middles.paused({ alice, bob }, paused);
        sideOf(exchange, cancelled).transfer.cancel();
        expect([paused, await endsOf(exchange)]).toEqual([paused, cancelledBy(cancelled)]);
        expect(exchange.place.isComplete).toBe(false);
      }
    }
    await middles.goOn(alice, bob);
  });

  it('that is cancelled by both at once ends as cancelled by each, before the answer and in the middle', async () => {
    const { alice, bob } = await company.pair();
    const file = company.file(1000);
    const out = company.offer(alice, bob, file);
    const incoming = await bob.offered(file.file);
    out.transfer.cancel();
    incoming.transfer.cancel();
    expect(await endsOf({ out, incoming })).toBe('cancelled{us} cancelled{us}');
    const exchange = await middles.interfere({ alice, bob }, (both) => {
      for (const side of SIDES) sideOf(both, side).transfer.cancel();
    });
    expect(await endsOf(exchange)).toBe('cancelled{us} cancelled{us}');
    await middles.goOn(alice, bob);
  });

  it('that is cancelled while the answer is on its way is over on both sides', async () => {
    const { alice, bob } = await company.pair();
    for (const answer of ['accept', 'decline'] as const) {
      const file = company.file(1000);
      const out = company.offer(alice, bob, file);
      const incoming = await bob.offered(file.file);
      if (answer === 'accept') company.accept(incoming);
      else incoming.transfer.decline();
      out.transfer.cancel();
      const peer = answer === 'accept' ? 'cancelled{peer}' : 'declined';
      expect(await endsOf({ out, incoming })).toBe(`cancelled{us} ${peer}`);
    }
    await middles.goOn(alice, bob);
  });
};
