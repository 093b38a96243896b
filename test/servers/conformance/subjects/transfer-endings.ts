import { randomInt, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ProviderError, type ProviderErrorCode } from '../../../../protocols/contract/index.ts';
import { type Company, type Exchange, endOf } from '../kit/company.ts';
import { type Doomed, doom } from '../kit/doomed.ts';
import type { SentFile } from '../kit/files.ts';
import { until } from '../kit/happening.ts';
import type { Person } from '../kit/person.ts';
import type { Watched } from '../kit/watched.ts';
import { expectWhole } from './file-transfer.ts';
import { fence } from './messaging.ts';

/** Some places in a file of this size: the beginning, and others that are new in every run, with a turn to act in. */
const placesIn = (size: number) =>
  // far enough from the end that nobody can be done yet
  [0, ...Array.from({ length: 4 }, () => randomInt(size * 0.6))].map((position, index) => ({
    position,
    // in the middle of a read or write, and in a turn of its own
    act: index % 2 === 0 ? (action: () => void) => action() : (action: () => void) => void setImmediate(action),
  }));

/** Does it once, as soon as this position is passed. */
const once = (position: number, action: () => void): ((at: number) => void) => {
  let done = false;
  return (at) => {
    if (done || at < position) return;
    done = true;
    action();
  };
};

const fails =
  (position: number, code: ProviderErrorCode): ((at: number) => void) =>
  (at) => {
    if (at >= position) throw new ProviderError(code);
  };

export const transferEndings = (company: Company): void => {
  const { abilities } = company.fixture;
  const asked = abilities.files === 'asked';
  // Far more than may be under way (1 MiB and some blocks): what was handed over whole can't be taken back. Of links there
  // is no such thing, and Prosody 0.12 takes little more than a megabyte a second over HTTPS.
  const size = asked ? 8_000_000 : 1_000_000;
  const middle = size * 0.4;
  const places = placesIn(size);

  /** What the sender knows of an end on the other side; over a link it is nothing. */
  const expectSender = async ({ out }: { out: Watched }, ends: readonly string[]): Promise<void> => {
    await out.over(25_000);
    expect(asked ? ends : ['finished']).toContain(endOf(out));
  };

  /** What the receiver knows of an end on the other side; over a link the file was never offered. */
  const expectReceiver = async (
    { alice, bob }: { alice: Person; bob: Person },
    incoming: Watched | undefined,
    file: SentFile,
    ends: readonly string[],
  ): Promise<void> => {
    if (asked) {
      if (!incoming) throw new Error('it was never offered');
      await incoming.over(25_000);
      expect(ends).toContain(endOf(incoming));
      return;
    }
    await fence(alice, bob);
    expect(bob.findOffer(file.file)).toBeUndefined();
  };

  /** Starts a transfer that is accepted where somebody is asked. */
  const run = async (
    alice: Person,
    bob: Person,
    file: SentFile,
  ): Promise<{ out: Watched; incoming: Watched | undefined }> => {
    if (!asked) return { out: company.offer(alice, bob, file), incoming: undefined };
    return company.accepted(alice, bob, file);
  };

  /** Nothing of it stands in the way of what comes next. */
  const goOn = async (alice: Person, bob: Person): Promise<void> => {
    await expectWhole(await company.accepted(alice, bob, company.file(100_000)));
    await fence(alice, bob);
  };

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
      await expectSender({ out }, ['declined']);
      if (asked) expect(file.sources).toEqual([]);
      await goOn(alice, bob);
    });

    it('is cancelled by the receiver before the answer', async () => {
      const { alice, bob } = await company.pair();
      const file = company.file(1000);
      const out = company.offer(alice, bob, file);
      const incoming = await bob.offered(file.file);
      incoming.transfer.cancel();
      expect(endOf(incoming)).toBe('cancelled{us}');
      await expectSender({ out }, ['cancelled{peer}', 'declined']);
      await goOn(alice, bob);
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
      await goOn(alice, bob);
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
        await goOn(alice, bob);
      });
    }

    it.each(['accepted', 'connecting', 'running'] as const)(
      'is cancelled by the sender as soon as it is %s',
      async (state) => {
        const { alice, bob } = await company.pair();
        const file = company.file(size);
        const out = company.offer(alice, bob, file);
        out.transfer.onPhase((phase) => {
          if (phase.state === state) out.transfer.cancel();
        });
        const incoming = asked ? await bob.offered(file.file) : undefined;
        const place = incoming && company.accept(incoming);
        expect(await out.over()).toEqual({ state: 'cancelled', by: 'us' });
        await expectReceiver({ alice, bob }, incoming, file, ['cancelled{peer}']);
        expect(place?.isComplete ?? false).toBe(false);
        await goOn(alice, bob);
      },
    );

    it.each(['accepted', 'connecting', 'running'] as const)(
      'is cancelled by the receiver as soon as it is %s',
      async (state) => {
        const { alice, bob } = await company.pair();
        const exchange = await company.accepted(alice, bob, company.file(size), (_, { transfer }) => {
          transfer.onPhase((phase) => {
            if (phase.state === state) transfer.cancel();
          });
        });
        expect(await exchange.incoming.over()).toEqual({ state: 'cancelled', by: 'us' });
        await expectSender(exchange, ['cancelled{peer}']);
        expect(exchange.place.isComplete).toBe(false);
        await goOn(alice, bob);
      },
    );

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
        await expectReceiver({ alice, bob }, incoming, file, ['cancelled{peer}']);
        expect(place?.isComplete ?? false).toBe(false);
      }
      await goOn(alice, bob);
    }, 60_000);

    it(`is cancelled by the receiver at the bytes ${places.map(({ position }) => position).join(', ')}`, async () => {
      const { alice, bob } = await company.pair();
      for (const { position, act } of places) {
        const exchange = await company.accepted(alice, bob, company.file(size), (place, { transfer }) => {
          place.onWrite = once(position, () => act(() => transfer.cancel()));
        });
        expect(await exchange.incoming.over()).toEqual({ state: 'cancelled', by: 'us' });
        await expectSender(exchange, ['cancelled{peer}']);
        expect(exchange.place.isComplete).toBe(false);
      }
      await goOn(alice, bob);
    }, 60_000);

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

    it.each([0, middle])('fails on both sides when the disk is full after %d bytes', async (position) => {
      const { alice, bob } = await company.pair();
      const exchange = await company.accepted(alice, bob, company.file(size), (place) => {
        place.onWrite = fails(position, 'no-space');
      });
      expect(await exchange.incoming.over()).toMatchObject({ state: 'failed', error: { code: 'no-space' } });
      await expectSender(exchange, ['no-space']);
      await goOn(alice, bob);
    });

    it('fails when the content is not what was promised', async () => {
      const { alice, bob } = await company.pair();
      const wrong = { algorithm: 'sha-256', value: 'ab'.repeat(32) } as const;
      const file = company.file(200_000, { facts: { hashes: [wrong] } });
      const exchange = await company.accepted(alice, bob, file);
      expect(await exchange.incoming.over()).toMatchObject({ state: 'failed', error: { code: 'hash-mismatch' } });
      await expectSender(exchange, ['hash-mismatch']);
      expect(exchange.place.isComplete).toBe(false);
      await goOn(alice, bob);
    });

    it('does not finish for the sender when the receiver could not give the file its name', async () => {
      const { alice, bob } = await company.pair();
      const exchange = await company.accepted(alice, bob, company.file(1000), (place) => {
        place.onComplete = () => fails(0, 'permission-denied')(0);
      });
      expect(await exchange.incoming.over()).toMatchObject({ state: 'failed', error: { code: 'permission-denied' } });
      await exchange.out.over(25_000);
      if (asked) expect(exchange.out.phase.state).toBe('failed');
    });

    it.each([
      [
        'cannot be read any more',
        (file: SentFile) => {
          file.onRead = fails(middle, 'unreadable');
        },
        'unreadable',
      ],
      [
        'has another size than before',
        (file: SentFile) => {
          file.sourceSize = size - 1;
        },
        'source-changed',
      ],
      [
        'is cut while it is read',
        (file: SentFile) => {
          file.cutTo = size / 2;
        },
        'source-changed',
      ],
      [
        'is gone',
        (file: SentFile) => {
          file.open = () => Promise.reject(new ProviderError('source-missing'));
        },
        'source-missing',
      ],
    ] as const)('fails on both sides when the file %s', async (_, harm, code) => {
      const { alice, bob } = await company.pair();
      const file = company.file(size);
      harm(file);
      const { out, incoming } = await run(alice, bob, file);
      expect(await out.over()).toMatchObject({ state: 'failed', error: { code } });
      await expectReceiver({ alice, bob }, incoming, file, [code, 'cancelled{peer}', 'source-changed', 'network']);
      await goOn(alice, bob);
    });

    it('fails when the sender leaves in the middle', async () => {
      const { alice, bob } = await company.pair();
      const file = company.file(size);
      const gone: { promise?: Promise<void> } = {};
      file.onRead = once(middle, () => {
        gone.promise = alice.provider.stop();
      });
      const { out, incoming } = await run(alice, bob, file);
      expect(await out.over()).toMatchObject({ state: 'failed', error: { code: 'network', retryable: true } });
      await gone.promise;
      await alice.online();
      await expectReceiver({ alice, bob }, incoming, file, ['network']);
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
      await expectSender(exchange, ['network']);
      expect(exchange.place.isComplete).toBe(false);
      await until('the sink is aborted', () => exchange.place.aborted !== undefined);
    });
  });
};
