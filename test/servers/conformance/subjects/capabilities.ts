import { describe, expect, it } from 'vitest';
import type { ContactCapabilities } from '../../../../protocols/contract/index.ts';
import type { Company } from '../kit/company.ts';
import { until } from '../kit/happening.ts';

const OFF = { on: false, off: { code: 'peer-offline', retryable: true } };

export const capabilities = (company: Company): void => {
  const { abilities } = company.fixture;

  describe('capabilities', () => {
    it('say what can be done with whom, and change with their presence', async () => {
      const { alice, bob } = await company.pair();
      const now = (): ContactCapabilities => alice.provider.capabilitiesOf(bob.address);
      const told: ContactCapabilities[] = [];
      const stop = alice.provider.onCapabilities(({ address, capabilities: each }) => {
        if (address === bob.address) told.push(each);
      });
      expect(now()).toMatchObject({ messaging: { on: true }, fileTransfer: { on: true } });
      await bob.provider.stop();
      await alice.sees(bob, ({ state }) => state === 'offline' || state === 'unknown');
      const files = abilities.files === 'asked' ? OFF : { on: true };
      const texts = abilities.keepsTexts ? { on: true } : OFF;
      expect(now()).toMatchObject({ messaging: texts, fileTransfer: files });
      if (abilities.files === 'asked') await until('it is told', () => told.at(-1)?.fileTransfer.on === false);
      const later = await company.online('bob');
      await later.set('presence').publish({ state: 'available' });
      await alice.sees(later, ({ state }) => state === 'available');
      expect(now()).toMatchObject({ messaging: { on: true }, fileTransfer: { on: true } });
      if (abilities.files === 'asked') await until('it is told', () => told.at(-1)?.fileTransfer.on === true);
      stop();
    });
  });
};
