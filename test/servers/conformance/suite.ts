import { afterAll, afterEach, describe } from 'vitest';
import './kit/emitters.ts';
import { restoreCampus } from '../campus.ts';
import { Company } from './kit/company.ts';
import { removeDoomedProgram } from './kit/doomed.ts';
import type { Fixture } from './kit/fixture.ts';
import { closeTunnels } from './kit/tunnel.ts';
import { capabilities } from './subjects/capabilities.ts';
import { endings } from './subjects/endings.ts';
import { continuedFiles } from './subjects/files/continued-files.ts';
import { fileTransfer } from './subjects/files/file-transfer.ts';
import { filesAskedFor } from './subjects/files/files-asked-for.ts';
import { pauses } from './subjects/files/pauses.ts';
import { putOffFiles } from './subjects/files/put-off-files.ts';
import { transferCancels } from './subjects/files/transfer-cancels.ts';
import { transferEndings } from './subjects/files/transfer-endings.ts';
import { otherDevices } from './subjects/other-devices.ts';
import { outages } from './subjects/outages.ts';
import { contactList } from './subjects/people/contact-list.ts';
import { permissions } from './subjects/people/permissions.ts';
import { presence } from './subjects/people/presence.ts';
import { registration } from './subjects/registration.ts';
import { messageStates } from './subjects/texts/message-states.ts';
import { messaging } from './subjects/texts/messaging.ts';

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
  permissions,
  capabilities,
  otherDevices,
  fileTransfer,
  transferEndings,
  transferCancels,
  pauses,
  continuedFiles,
  filesAskedFor,
  putOffFiles,
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
    afterAll(removeDoomedProgram);
    afterEach(async () => {
      await company.leave();
      await closeTunnels();
    });
    for (const subject of only ?? SUBJECTS) subject(company);
  });
}
