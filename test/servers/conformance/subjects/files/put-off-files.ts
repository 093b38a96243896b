import { describe, expect, it } from 'vitest';
import type { OpenOffer } from '../../../../../protocols/contract/index.ts';
import { type Company, endOf } from '../../kit/company.ts';
import { tell, until } from '../../kit/happening.ts';
import type { Person } from '../../kit/person.ts';
import { expectWhole } from './file-transfer.ts';

/** What somebody hears of open offers that are over. */
const heardClosed = (person: Person): OpenOffer[] => {
  const heard: OpenOffer[] = [];
  person.set('fileTransfer').onClosed?.((offer) => {
    heard.push(offer);
    tell();
  });
  return heard;
};

export const putOffFiles = (company: Company): void => {
  if (company.fixture.abilities.files !== 'asked') return;

  describe('while a person still thinks about some of several files', () => {
    it('the accepted one starts, and the others stay open: each is asked for, declined or taken back', async () => {
      const { alice, bob } = await company.pair();
      bob.listenForRequests();
      alice.listenForRequests();
      const files = [1000, 2000, 3000, 4000].map((size) => company.file(size));
      const outs = company.offerAll(alice, bob, files);
      const incoming = await Promise.all(files.map(({ file }) => bob.offered(file)));
      const exchanges = files.flatMap((file, index) => {
        const [out, coming] = [outs[index], incoming[index]];
        return out && coming ? [{ out, incoming: coming, file }] : [];
      });
      const [first, late, declined, takenBack] = exchanges;
      if (!first || !late || !declined || !takenBack) throw new Error('an offer is missing');
      await expectWhole({ ...first, place: company.accept(first.incoming) });
      for (const { out, incoming: coming } of [late, declined, takenBack]) {
        await Promise.all([out.over(), coming.over()]);
        expect([endOf(out), endOf(coming)]).toEqual(['unanswered', 'unanswered']);
      }
      const asking = bob.fetch(alice, late.incoming.transfer.file);
      const place = company.accept(asking);
      const given = company.give(alice, await alice.askedFor(late.file.file), late.file);
      await expectWhole({ out: given, incoming: asking, place, file: late.file });
      const [byAlice, byBob] = [heardClosed(alice), heardClosed(bob)];
      const keyOf = ({ incoming: { transfer } }: typeof late): string =>
        bob.offers.find(({ watched }) => watched.transfer === transfer)?.key ?? '';
      bob
        .set('fileTransfer')
        .close?.({ peer: alice.address, direction: 'incoming', key: keyOf(declined) }, declined.incoming.transfer.file);
      alice
        .set('fileTransfer')
        .close?.({ peer: bob.address, direction: 'outgoing', key: takenBack.out.transfer.id }, takenBack.file.file);
      await until('both know', () => byAlice.length > 0 && byBob.length > 0);
      expect(byAlice).toEqual([{ peer: bob.address, direction: 'outgoing', key: declined.out.transfer.id }]);
      expect(byBob).toEqual([{ peer: alice.address, direction: 'incoming', key: keyOf(takenBack) }]);
    });
  });
};
