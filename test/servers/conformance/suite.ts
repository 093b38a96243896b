import { afterEach, describe } from 'vitest';
import './kit/emitters.ts';
import { restoreCampus } from '../campus.ts';
import { Company } from './kit/company.ts';
import type { Fixture } from './kit/fixture.ts';
import { closeTunnels } from './kit/tunnel.ts';
import { contactList } from './subjects/contact-list.ts';
import { endings } from './subjects/endings.ts';
import { fileTransfer } from './subjects/file-transfer.ts';
import { messageStates } from './subjects/message-states.ts';
import { messaging } from './subjects/messaging.ts';
import { outages } from './subjects/outages.ts';
import { presence } from './subjects/presence.ts';
import { registration } from './subjects/registration.ts';
import { transferEndings } from './subjects/transfer-endings.ts';

type Subject = (company: Company) => void;

const faults: Subject = (company) => {
  if (!company.fixture.server) return;
  describe('around a fault of the server', () => {
    afterEach(restoreCampus);
    outages(company);
  });
};

const SUBJECTS: readonly Subject[] = [
  registration,
  messaging,
  messageStates,
  presence,
  contactList,
  fileTransfer,
  transferEndings,
  faults,
  endings,
];

/**
 * The requirements of `protocols/contract/`, asked of one provider over its real server. Beside what each test expects,
 * everything anybody in it does is held against the contract when they leave: see `kit/person.ts` and `kit/watched.ts`.
 *
 * To be imported before the provider: it counts the emitters.
 *
 * @param only some subjects, where the others were asked of the same provider elsewhere
 *
 * @example conformance('XMPP', { protocol: xmpp, … });
 */
export function conformance(name: string, fixture: Fixture, only?: readonly Subject[]): void {
  describe(name, () => {
    const company = new Company(fixture);
    afterEach(async () => {
      await company.leave();
      await closeTunnels();
    });
    for (const subject of only ?? SUBJECTS) subject(company);
  });
}
