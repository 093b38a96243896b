import './kit/emitters.ts';
import { campus } from '../campus.ts';
import { sipFixture } from './kit/sip-fixture.ts';
import { contactList } from './subjects/contact-list.ts';
import { presence } from './subjects/presence.ts';
import { conformance } from './suite.ts';

// what has to do with where the list is: the rest is asked over every transport with the list kept here
conformance('SIP over TCP with the contact list on the server', sipFixture('tcp', campus().xcapRoot), [
  presence,
  contactList,
]);
