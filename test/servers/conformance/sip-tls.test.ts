import './kit/emitters.ts';
import { sip } from '../../../protocols/sip/index.ts';
import { campus, campusAuthority, kamailio, user } from '../campus.ts';
import { logOutEverywhere } from '../sip/kit.ts';
import { conformance } from './suite.ts';

const server = { host: campus().host, port: campus().ports.sips };

conformance('SIP over TLS', {
  protocol: sip,
  abilities: { keepsTexts: true, contacts: 'local', asksToSee: false, files: 'asked' },
  server: { control: kamailio, ...server, stream: true, certificate: true },
  settings: (name) => ({
    address: user(name).sip,
    server,
    transport: 'tls',
    certificateAuthorities: [campusAuthority().toString()],
  }),
  password: (name) => user(name).password,
  nobody: 'sip:nobody@campus.test',
  logOutEverywhere,
});
