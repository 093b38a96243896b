import { describe, expect, it } from 'vitest';
import type { Company } from '../kit/company.ts';
import { until } from '../kit/happening.ts';
import { Installation, type Person } from '../kit/person.ts';
import { fence } from './texts/messaging.ts';

export const otherDevices = (company: Company): void => {
  const { abilities, server } = company.fixture;
  // an account that is a machine has no other
  if (!server) return;

  /** Alice, and bob on two devices. */
  const three = async (): Promise<{ alice: Person; desk: Person; lab: Person }> => {
    // devices that tests before have killed would be asked, too
    await company.fixture.logOutEverywhere?.('bob');
    const { alice, bob: desk } = await company.pair();
    const lab = await company.online('bob', { at: new Installation() });
    await lab.set('presence').publish({ state: 'available' });
    return { alice, desk, lab };
  };

  describe('two devices of one person', () => {
    it('both get a text, once each, and its sender hears once that it was delivered', async () => {
      const { alice, desk, lab } = await three();
      const said = ['to all of you', 'and again, olá 😀'].map((text) => alice.say(desk, text));
      for (const { id, text, outcome } of said) {
        expect(await outcome).toEqual({ state: 'sent' });
        for (const device of [desk, lab]) {
          expect(await device.got(id)).toMatchObject({ text, peer: alice.address, direction: 'incoming' });
          expect(device.callsFor(id)).toEqual(['stored']);
        }
        await alice.marked(id, 'delivered');
      }
      await fence(alice, desk);
      for (const device of [desk, lab]) await fence(device, alice);
      for (const { id } of said) expect(alice.marksOf(id)).toEqual(['delivered']);
    });

    it('both get a note of one of them to itself', async () => {
      const { desk, lab } = await three();
      const said = desk.say(desk, 'do not forget the milk');
      await said.outcome;
      expect(await lab.got(said.id)).toMatchObject({ text: said.text, peer: desk.address });
    });

    it('are seen as one person, who is there until the last of them goes', async () => {
      const { alice, desk, lab } = await three();
      await lab.set('presence').publish({ state: 'away' });
      await desk.set('presence').publish({ state: 'busy', note: 'at the desk' });
      await alice.sees(desk, ({ state, note }) => state === 'busy' && note === 'at the desk');
      await desk.provider.stop();
      await alice.sees(lab, ({ state }) => state === 'away');
      await lab.provider.stop();
      await alice.sees(lab, ({ state }) => state === 'offline');
    });

    if (abilities.files === 'asked') {
      it.each(['accepts', 'declines'] as const)('are both asked about a file, until one of them %s', async (answer) => {
        const { alice, desk, lab } = await three();
        const file = company.file(1000);
        const out = company.offer(alice, desk, file);
        const [here, there] = [await desk.offered(file.file), await lab.offered(file.file)];
        if (answer === 'accepts') company.accept(there);
        else there.transfer.decline();
        await Promise.all([out, here, there].map((each) => each.over()));
        const ends = [out, there, here].map(({ phase }) => phase);
        if (answer === 'accepts') {
          expect(ends).toEqual([{ state: 'finished' }, { state: 'finished' }, { state: 'cancelled', by: 'elsewhere' }]);
        } else expect(ends).toEqual([{ state: 'declined' }, { state: 'declined' }, { state: 'declined' }]);
      });

      it('are both told that a file is not offered any more', async () => {
        const { alice, desk, lab } = await three();
        const file = company.file(1000);
        const out = company.offer(alice, desk, file);
        const asked = [await desk.offered(file.file), await lab.offered(file.file)];
        out.transfer.cancel();
        for (const each of asked) expect(await each.over()).toEqual({ state: 'cancelled', by: 'peer' });
      });
    }

    it('go their own ways: one that leaves takes nothing from the other', async () => {
      const { alice, desk, lab } = await three();
      await lab.provider.stop();
      await until('the other is still there', () => desk.registrations.at(-1)?.state === 'online');
      await fence(alice, desk);
      await fence(desk, alice);
      await alice.sees(desk, ({ state }) => state === 'available');
    });
  });
};
