import './kit/emitters.ts';
import { sip } from '../../../protocols/sip/index.ts';
import { campus, campusAuthority, kamailio, user } from '../campus.ts';
import { logOutEverywhere } from '../sip/kit.ts';
import { contactList } from './subjects/contact-list.ts';
import { presence } from './subjects/presence.ts';
import { conformance } from './suite.ts';

const server = { host: campus().host, port: campus().ports.sip };

// what has to do with where the list is: the rest is asked over every transport with the list kept here
conformance(
  'SIP over TCP with the contact list on the server',
  {
    protocol: sip,
    abilities: { keepsTexts: true, contacts: 'server', asksToSee: false, files: 'asked' },
    server: { control: kamailio, ...server, stream: true, certificate: false },
    settings: (name) => ({
      address: user(name).sip,
      server,
      transport: 'tcp',
      certificateAuthorities: [campusAuthority().toString()],
      options: { xcapRoot: campus().xcapRoot },
    }),
    password: (name) => user(name).password,
    nobody: 'sip:nobody@campus.test',
    logOutEverywhere,
  },
  [presence, contactList],
);
