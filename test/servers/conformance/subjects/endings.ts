import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Company } from '../kit/company.ts';
import { subscriptions } from '../kit/emitters.ts';
import { expectWhole } from './files/file-transfer.ts';
import { fence } from './texts/messaging.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What keeps this process alive, by kind. */
const resources = (): { sockets: string[]; timers: number } => {
  const all = process.getActiveResourcesInfo();
  return {
    sockets: all.filter((kind) => /TCP|UDP|TLS|AddrInfo|Connect/.test(kind)),
    timers: all.filter((kind) => kind === 'Timeout').length,
  };
};

/** Sockets close in their own time, but soon. */
const expectNothingLeft = async (timers: number): Promise<void> => {
  const deadline = Date.now() + 5_000;
  const isClean = (): boolean => resources().sockets.length === 0 && resources().timers <= timers;
  while (!isClean() && Date.now() < deadline) await turn();
  expect(resources().sockets).toEqual([]);
  expect(resources().timers).toBeLessThanOrEqual(timers);
};

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Subscriptions on emitters that anything still holds. */
const heldSubscriptions = async (): Promise<number> => {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await turn();
  }
  return subscriptions();
};

export const endings = (company: Company): void => {
  describe('after the end', () => {
    it('leaves no socket and no timer', async () => {
      const { timers } = resources();
      const { alice, bob } = await company.pair();
      await fence(alice, bob);
      await expectWhole(await company.accepted(alice, bob, company.file(300_000)));
      const unanswered = company.file(1000);
      company.offer(alice, bob, unanswered);
      await bob.offered(unanswered.file);
      alice.set('messaging').sendTyping(bob.address, 'composing');
      await company.leave();
      await expectNothingLeft(timers);
    });

    it('leaves no timer behind when it never got anywhere', async () => {
      const { timers } = resources();
      const alice = company.create('alice');
      alice.provider.start();
      await company.leave();
      await expectNothingLeft(timers);
    });

    it('leaves no subscription from one life to the next', async () => {
      const { alice, bob } = await company.pair();
      const counts: number[] = [];
      for (let life = 0; life < 4; life++) {
        await alice.provider.stop();
        await alice.online();
        await alice.sees(bob, ({ state }) => state === 'available');
        await fence(alice, bob);
        await fence(bob, alice);
        alice.provider.machineEvent('network-changed');
        await alice.provider.stop();
        counts.push(await heldSubscriptions());
      }
      // what earlier tests left to the collector may still go
      const [, ...later] = counts;
      expect(later).toEqual([...later].sort((a, b) => b - a));
    });
  });
};
