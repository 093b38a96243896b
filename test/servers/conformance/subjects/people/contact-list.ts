import { describe, expect, it } from 'vitest';
import type { Contact } from '../../../../../protocols/contract/index.ts';
import type { Company } from '../../kit/company.ts';
import { until } from '../../kit/happening.ts';
import { Installation, type Person } from '../../kit/person.ts';

const find = (who: Person, whom: Person): Contact | undefined =>
  who.contacts.find(({ address }) => address === whom.address);

const listed = (who: Person, whom: Person, facts: Partial<Contact>): Promise<Contact> =>
  until(`${who.name} lists ${whom.name} as ${JSON.stringify(facts)} and not ${JSON.stringify(find(who, whom))}`, () => {
    const found = find(who, whom);
    if (!found) return undefined;
    const fits = found.name === (facts.name ?? found.name);
    const groups = facts.groups ?? found.groups;
    return (
      fits && groups.length === found.groups.length && groups.every((group) => found.groups.includes(group)) && found
    );
  });

export const contactList = (company: Company): void => {
  const { abilities } = company.fixture;

  describe('contact list', () => {
    it('says where it is kept', async () => {
      expect(company.create('alice').set('contactList').kept).toBe(abilities.contacts);
    });

    if (abilities.contacts === 'discovered') {
      it('lists whoever is there by the name they give, and cannot be edited', async () => {
        const { alice, bob } = await company.pair();
        expect(find(alice, bob)).toMatchObject({ name: 'bob of the campus', groups: [] });
        const put = alice.set('contactList').put({ address: bob.address, name: 'Robert', groups: [] });
        await expect(put).rejects.toMatchObject({ code: 'not-supported' });
        await bob.provider.stop();
        await alice.sees(bob, ({ state }) => state === 'offline' || state === 'unknown');
      });
      return;
    }

    it('adds, renames, groups and removes, and knows it all after a restart', async () => {
      const [first, dave] = [await company.online('carol'), company.create('dave')];
      const list = first.set('contactList');
      await list.remove(dave.address);
      await until('dave is gone', () => !find(first, dave));
      const steps = [
        { name: 'Dave', groups: [] },
        { name: 'Dávid <&> "D" 😀', groups: ['Física', 'a/b & c'] },
        { name: 'Dave', groups: ['Física'] },
      ];
      for (const facts of steps) {
        await list.put({ address: dave.address, ...facts });
        await listed(first, dave, facts);
      }
      await first.provider.stop();
      const second = company.create('carol');
      await second.online();
      await listed(second, dave, { name: 'Dave', groups: ['Física'] });
      await second.set('contactList').remove(dave.address);
      await until('dave is gone', () => !find(second, dave));
      // what is not there any more is removed as well
      await second.set('contactList').remove(dave.address);
      await second.provider.stop();
      const third = await company.online('carol');
      await until('the list is read', () => third.registrations.at(-1)?.state === 'online');
      expect(find(third, dave)).toBeUndefined();
    });

    it('is in the order of names, and tells every change with the whole list', async () => {
      const [carol, dave, erin] = [await company.online('carol'), company.create('dave'), company.create('erin')];
      const told: (readonly Contact[])[] = [];
      const list = carol.set('contactList');
      const stop = list.onChange((contacts) => told.push(contacts));
      await list.put({ address: dave.address, name: 'Zeno', groups: [] });
      await list.put({ address: erin.address, name: 'Ágata', groups: [] });
      await until('both are listed', () => find(carol, dave) && find(carol, erin));
      const names = carol.contacts.map(({ name }) => name);
      expect(names).toEqual([...names].sort((a, b) => a.localeCompare(b)));
      expect(told.at(-1)).toEqual(carol.contacts);
      await list.remove(dave.address);
      await list.remove(erin.address);
      await until('both are gone', () => !find(carol, dave) && !find(carol, erin));
      expect(told.at(-1)).toEqual(carol.contacts);
      stop();
    });

    if (abilities.contacts === 'server') {
      it('is the same on another device, at once and later', async () => {
        const [desk, lab, dave] = [
          await company.online('carol'),
          await company.online('carol', { at: new Installation() }),
          company.create('dave'),
        ];
        await desk.set('contactList').put({ address: dave.address, name: 'Dave of the lab', groups: ['Lab'] });
        await listed(lab, dave, { name: 'Dave of the lab', groups: ['Lab'] });
        const home = await company.online('carol', { at: new Installation() });
        await listed(home, dave, { name: 'Dave of the lab', groups: ['Lab'] });
        await lab.set('contactList').remove(dave.address);
        await until('dave is gone everywhere', () => !find(desk, dave) && !find(home, dave));
      });
    }

    if (abilities.asksToSee) {
      it('asks before anybody is seen, and shows them when the answer is yes', async () => {
        const [carol, dave] = await company.strangers('carol', 'dave');
        await carol.set('contactList').put({ address: dave.address, name: 'Dave', groups: [] });
        await until('dave is asked', () =>
          dave.set('contactList').requests.some(({ address }) => address === carol.address),
        );
        await until('carol waits', () => find(carol, dave)?.subscription === 'pending');
        expect(carol.presenceOf(dave)).toEqual({ state: 'unknown' });
        await dave.set('contactList').answerRequest(carol.address, 'accept');
        await carol.sees(dave, ({ state }) => state === 'available');
        await until('carol is told', () => find(carol, dave)?.subscription === 'outgoing');
        expect(dave.set('contactList').requests.filter(({ address }) => address === carol.address)).toEqual([]);
        await company.befriend(carol, dave);
        await until('both see each other', () => find(carol, dave)?.subscription === 'mutual');
        await company.part(carol, dave);
        await until('nobody is seen', () => carol.presenceOf(dave).state === 'unknown');
      });

      it('shows nobody when the answer is no', async () => {
        const [carol, dave] = await company.strangers('carol', 'dave');
        await carol.set('contactList').put({ address: dave.address, name: 'Dave', groups: [] });
        await until('dave is asked', () =>
          dave.set('contactList').requests.some(({ address }) => address === carol.address),
        );
        await dave.set('contactList').answerRequest(carol.address, 'decline');
        await until('carol is told', () => find(carol, dave)?.subscription === 'none');
        expect(dave.set('contactList').requests.filter(({ address }) => address === carol.address)).toEqual([]);
        expect(carol.presenceOf(dave)).toEqual({ state: 'unknown' });
        await company.part(carol, dave);
      });

      it('asks somebody who is away when they come', async () => {
        const carol = await company.online('carol');
        const dave = company.create('dave');
        await carol.set('contactList').remove(dave.address);
        await carol.set('contactList').put({ address: dave.address, name: 'Dave', groups: [] });
        await dave.online();
        await until('dave is asked', () =>
          dave.set('contactList').requests.some(({ address }) => address === carol.address),
        );
        await company.part(carol, dave);
        // RFC 3857 §4.7.1: where rules are kept, the question of who has given up still waits for an answer
        if (!abilities.rules)
          await until('the question is withdrawn', () => dave.set('contactList').requests.length === 0);
      });
    }
  });
};
