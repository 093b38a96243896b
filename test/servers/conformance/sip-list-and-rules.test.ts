import './kit/emitters.ts';
import { afterAll, beforeAll, describe } from 'vitest';
import { kamailio, restoreCampus } from '../campus.ts';
import { sipFixture } from './kit/sip-fixture.ts';
import { contactList } from './subjects/people/contact-list.ts';
import { permissions } from './subjects/people/permissions.ts';
import { presence } from './subjects/people/presence.ts';
import { conformance } from './suite.ts';

// What has to do with where the list is and who may see whom; the rest is asked over every transport with the list kept here.
// Over UDP everybody is asked for alone, so presence comes as with a list kept here. Kamailio tells news of a list once a second, and
// it is the same over TCP and TLS: over TLS only of who may see whom.
describe.each([
  ['UDP', sipFixture('udp', 'server'), [contactList, permissions]],
  ['TCP', sipFixture('tcp', 'server'), [presence, contactList, permissions]],
  ['TLS', sipFixture('tls', 'server'), [permissions]],
] as const)('SIP over %s, list and rules on the server', (_, fixture, subjects) => {
  // also forgets everybody who watches: the server goes on as it began with each of them
  beforeAll(() => kamailio.restart({ presenceRules: true }));
  afterAll(restoreCampus);
  conformance('where people are asked', fixture, subjects);
});
