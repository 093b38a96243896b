import './kit/emitters.ts';
import { xmpp } from '../../../protocols/xmpp/index.ts';
import { campus, campusAuthority, prosody, user } from '../campus.ts';
import { conformance } from './suite.ts';

conformance('XMPP with STARTTLS', {
  protocol: xmpp,
  abilities: { keepsTexts: true, contacts: 'server', asksToSee: true, rules: false, files: 'link' },
  server: { control: prosody, host: campus().host, port: campus().ports.c2s, stream: true, certificate: true },
  settings: (name) => ({
    address: `xmpp:${user(name).jid}`,
    server: { host: campus().host, port: campus().ports.c2s },
    certificateAuthorities: [campusAuthority().toString()],
  }),
  password: (name) => user(name).password,
  nobody: 'xmpp:nobody@campus.test',
});
