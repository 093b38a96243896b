import { describe, expect, it } from 'vitest';
import type { ContactPermission, ContactPermissions } from '../../../../../protocols/contract/index.ts';
import type { Company } from '../../kit/company.ts';
import { until } from '../../kit/happening.ts';
import { Installation, type Person } from '../../kit/person.ts';

const permissionsOf = (person: Person): ContactPermissions => {
  const { permissions } = person.set('contactList');
  if (!permissions) throw new Error(`${person.name} has no permissions to give`);
  return permissions;
};

const asks = (asked: Person, asker: Person): boolean =>
  asked.set('contactList').requests.some(({ address }) => address === asker.address);

const listed = (who: Person, whom: Person): boolean => who.contacts.some(({ address }) => address === whom.address);

/** Kamailio's list server loses a change now and then, and tells it with the next look at its list. */
const PATIENCE = 25_000;

export const permissions = (company: Company): void => {
  if (!company.fixture.abilities.rules) {
    it('has no permissions to give where nobody keeps rules', async () => {
      const alice = await company.online('alice');
      expect(alice.set('contactList').permissions).toBeUndefined();
    });
    return;
  }

  /** Two who have nothing to do with each other; then dave asks to see carol. */
  const asked = async (): Promise<{ carol: Person; dave: Person }> => {
    const [carol, dave] = await company.strangers('carol', 'dave');
    await carol.set('presence').publish({ state: 'busy', note: 'in class' });
    await dave.set('contactList').put({ address: carol.address, name: 'Carol', groups: [] });
    await until('carol is asked', () => asks(carol, dave));
    return { carol, dave };
  };

  describe('permissions', () => {
    it('ask until somebody says something, and are told at every change', async () => {
      const { carol, dave } = await asked();
      const given = permissionsOf(carol);
      const told: ContactPermission[] = [];
      const stop = given.onChange(() => told.push(given.of(dave.address)));
      expect(given.of(dave.address)).toBe('ask');
      expect(dave.presenceOf(carol)).toEqual({ state: 'unknown' });
      await given.set(dave.address, 'allow');
      await dave.sees(carol, ({ state, note }) => state === 'busy' && note === 'in class', PATIENCE);
      await until('carol is not asked any more', () => !asks(carol, dave));
      await given.set(dave.address, 'polite-block');
      await dave.sees(carol, ({ state }) => state === 'offline', PATIENCE);
      await given.set(dave.address, 'allow');
      await dave.sees(carol, ({ state }) => state === 'busy', PATIENCE);
      await given.set(dave.address, 'ask');
      await dave.sees(carol, ({ state }) => state === 'unknown', PATIENCE);
      expect(told).toEqual(['allow', 'polite-block', 'allow', 'ask']);
      stop();
    });

    it('block somebody, who sees nothing and is not shown as one who asks, and show us again at once when given back', async () => {
      const { carol, dave } = await asked();
      const given = permissionsOf(carol);
      await given.set(dave.address, 'allow');
      await dave.sees(carol, ({ state }) => state === 'busy', PATIENCE);
      await given.set(dave.address, 'block');
      await dave.sees(carol, ({ state }) => state === 'unknown', PATIENCE);
      expect(asks(carol, dave)).toBe(false);
      await given.set(dave.address, 'allow');
      await dave.sees(carol, ({ state, note }) => state === 'busy' && note === 'in class', PATIENCE);
      await carol.set('presence').publish({ state: 'away' });
      await dave.sees(carol, ({ state }) => state === 'away', PATIENCE);
    });

    it('put on the list whom they are given by an answer, who is asked in turn', async () => {
      const { carol, dave } = await asked();
      await carol.set('contactList').answerRequest(dave.address, 'accept');
      await dave.sees(carol, ({ state, note }) => state === 'busy' && note === 'in class', PATIENCE);
      expect(permissionsOf(carol).of(dave.address)).toBe('allow');
      await until('dave is on the list', () => listed(carol, dave));
      await until('dave is asked', () => asks(dave, carol));
      await dave.set('contactList').answerRequest(carol.address, 'accept');
      await carol.sees(dave, ({ state }) => state === 'available', PATIENCE);
      for (const [who, whom] of [
        [carol, dave],
        [dave, carol],
      ] as const) {
        await until(
          'both see each other',
          () => who.contacts.find(({ address }) => address === whom.address)?.subscription === 'mutual',
        );
      }
    });

    it('are refused for good by a no, also at the next login', async () => {
      const { carol, dave } = await asked();
      await carol.set('contactList').answerRequest(dave.address, 'decline');
      await until('carol is not asked any more', () => !asks(carol, dave));
      expect([permissionsOf(carol).of(dave.address), listed(carol, dave)]).toEqual(['block', false]);
      await dave.provider.stop();
      const later = await company.online('dave');
      await until('dave is told', () => later.contacts.some(({ subscription }) => subscription === 'none'));
      expect([later.presenceOf(carol), asks(carol, later)]).toEqual([{ state: 'unknown' }, false]);
    });

    it('hold on every device, and a question is answered on one of them', async () => {
      const [carol, dave] = await company.strangers('carol', 'dave');
      await dave.set('contactList').put({ address: carol.address, name: 'Carol', groups: [] });
      const lab = await company.online('carol', { at: new Installation() });
      for (const device of [carol, lab]) await until('both devices are asked', () => asks(device, dave));
      await lab.set('contactList').answerRequest(dave.address, 'accept');
      await until('the other device knows', () => permissionsOf(carol).of(dave.address) === 'allow');
      await until('the question is answered', () => !asks(carol, dave) && listed(carol, dave));
      await carol.set('presence').publish({ state: 'away' });
      await lab.set('presence').publish({ state: 'away' });
      await dave.sees(carol, ({ state }) => state === 'away', PATIENCE);
    });

    it('are asked for at login by whoever asked while nobody was there', async () => {
      const [carol, dave] = await company.strangers('carol', 'dave');
      await carol.provider.stop();
      await dave.set('contactList').put({ address: carol.address, name: 'Carol', groups: [] });
      await until('dave waits', () => dave.contacts.some(({ subscription }) => subscription === 'pending'));
      const later = await company.online('carol');
      await until('carol is asked', () => asks(later, dave));
    });

    it('end with the contact, who has to ask again when they come anew', async () => {
      const { carol, dave } = await asked();
      const lab = await company.online('carol', { at: new Installation() });
      const devices = [carol, lab];
      await carol.set('contactList').answerRequest(dave.address, 'accept');
      await dave.sees(carol, ({ state }) => state === 'busy', PATIENCE);
      for (const device of devices) await until('dave is on the list', () => listed(device, dave));
      const told: string[] = [];
      const stops = devices.map((device) =>
        device.set('contactList').onRequests(() => {
          if (asks(device, dave)) told.push(device.name);
        }),
      );
      await carol.set('contactList').remove(dave.address);
      await dave.sees(carol, ({ state }) => state === 'unknown', PATIENCE);
      for (const device of devices)
        await until('the permission is over', () => permissionsOf(device).of(dave.address) === 'ask');
      await dave.provider.stop();
      // what their program still tries in the subscription it had is no question
      expect(told).toEqual([]);
      for (const stop of stops) stop();
      const later = await company.online('dave');
      for (const device of devices) await until('both devices are asked', () => asks(device, later));
      await carol.set('contactList').answerRequest(dave.address, 'accept');
      await later.sees(carol, ({ state }) => state === 'busy', PATIENCE);
    });
  });
};
