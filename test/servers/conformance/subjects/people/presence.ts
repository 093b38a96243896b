import { describe, expect, it } from 'vitest';
import type { OwnPresence } from '../../../../../protocols/contract/index.ts';
import type { Company } from '../../kit/company.ts';

const IDLE = Date.parse('2026-01-02T03:04:05Z');

const ALL: readonly OwnPresence[] = [
  { state: 'away', note: 'almoço 🍲 日本 שלום' },
  { state: 'busy' },
  { state: 'do-not-disturb', note: `</note></status> <&>"' exam` },
  { state: 'available', note: 'back' },
  { state: 'away', idleSince: IDLE },
  { state: 'busy', note: 'in class', idleSince: IDLE },
  { state: 'available' },
];

export const presence = (company: Company): void => {
  describe('presence', () => {
    it('shows every state, with its note and since when nobody touched the machine', async () => {
      const { alice, bob } = await company.pair();
      for (const shown of ALL) {
        await bob.set('presence').publish(shown);
        const seen = await alice.sees(bob, ({ state, note, idleSince }) => {
          return state === shown.state && note === shown.note && idleSince === shown.idleSince;
        });
        expect(seen).toEqual(shown);
      }
      const told = alice.presences.filter(({ address }) => address === bob.address).map(({ presence: told }) => told);
      expect(told.slice(-ALL.length)).toEqual(ALL);
    });

    it('shows somebody who wants to be offline as offline, and back again', async () => {
      const { alice, bob } = await company.pair();
      await bob.set('presence').publish({ state: 'offline' });
      await alice.sees(bob, ({ state }) => state === 'offline');
      // a text comes at the latest when they are back
      const said = alice.say(bob, 'are you hiding from me?');
      expect((await said.outcome).state).not.toBe('failed');
      await bob.set('presence').publish({ state: 'available' });
      await alice.sees(bob, ({ state }) => state === 'available');
      await bob.got(said.id);
    });

    it('publishes at the next login what was said before it', async () => {
      const { alice, bob } = await company.pair();
      await bob.provider.stop();
      await alice.sees(bob, ({ state }) => state === 'offline');
      const later = company.create('bob');
      const published = later.set('presence').publish({ state: 'busy', note: 'said before the start' });
      await later.online();
      await published;
      await alice.sees(later, ({ state, note }) => state === 'busy' && note === 'said before the start');
    });

    it('shows whoever comes later how things are', async () => {
      const { alice, bob } = await company.pair();
      await bob.set('presence').publish({ state: 'away', note: 'since this morning' });
      await alice.provider.stop();
      const later = await company.online('alice');
      await later.sees(bob, ({ state, note }) => state === 'away' && note === 'since this morning');
    });

    it('shows somebody who stopped as offline', async () => {
      const { alice, bob } = await company.pair();
      await bob.provider.stop();
      expect(await alice.sees(bob, ({ state }) => state === 'offline')).toEqual({ state: 'offline' });
    });

    it('knows nothing of anybody while it is not online itself', async () => {
      const { alice, bob } = await company.pair();
      await alice.provider.stop();
      expect(alice.presenceOf(bob)).toEqual({ state: 'unknown' });
      expect(alice.presences.findLast(({ address }) => address === bob.address)?.presence).toEqual({
        state: 'unknown',
      });
    });

    it('knows nothing of somebody who is not on the list', async () => {
      const alice = await company.online('alice');
      expect(alice.presenceOf({ address: company.fixture.nobody })).toEqual({ state: 'unknown' });
    });
  });
};
