import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Company, endOf, type Pair } from '../../kit/company.ts';
import { fence } from '../texts/messaging.ts';
import { expectWhole } from './file-transfer.ts';

/** Longer than anybody is given to decide. */
const LONG = 31;

export const putOffFiles = (company: Company): void => {
  if (company.fixture.abilities.files !== 'asked') return;

  describe('while a person still thinks about some of several files', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }));
    afterEach(async () => {
      // with the clock everything of these people was made with
      await company.leave();
      vi.useRealTimers();
    });

    /** Time passes, and the servers have a turn in every second of it. */
    const pass = async (seconds: number, { alice, bob }: Pair): Promise<void> => {
      for (let second = 0; second < seconds; second++) {
        vi.advanceTimersByTime(1000);
        await fence(alice, bob);
        await fence(bob, alice);
      }
    };

    it('the others go, and each is accepted, declined or taken back afterwards', async () => {
      const pair = await company.pair();
      const { alice, bob } = pair;
      const files = [1000, 2000, 3000, 4000].map((size) => company.file(size));
      const outs = company.offerAll(alice, bob, files);
      const incoming = await Promise.all(files.map(({ file }) => bob.offered(file)));
      const exchanges = files.flatMap((file, index) => {
        const [out, coming] = [outs[index], incoming[index]];
        return out && coming ? [{ out, incoming: coming, file }] : [];
      });
      const [first, late, declined, takenBack] = exchanges;
      if (!first || !late || !declined || !takenBack) throw new Error('an offer is missing');
      const place = company.accept(first.incoming);
      await pass(LONG, pair);
      await expectWhole({ ...first, place });
      for (const { out, incoming: coming } of [late, declined, takenBack]) {
        expect([endOf(out), endOf(coming)]).toEqual(['offered', 'offered']);
      }
      await expectWhole({ ...late, place: company.accept(late.incoming) });
      declined.incoming.transfer.decline();
      takenBack.out.transfer.cancel();
      for (const each of [declined, takenBack]) await Promise.all([each.out.over(), each.incoming.over()]);
      expect([endOf(declined.out), endOf(declined.incoming)]).toEqual(['declined', 'declined']);
      expect([endOf(takenBack.out), endOf(takenBack.incoming)]).toEqual(['cancelled{us}', 'cancelled{peer}']);
    });
  });
};
