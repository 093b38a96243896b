import { sip } from '../../../../protocols/sip/index.ts';
import { campus, campusAuthority, kamailio, user } from '../../campus.ts';
import { logOutEverywhere, type Transport } from '../../sip/kit.ts';
import type { Fixture } from './fixture.ts';

/** SIP at the campus. With `kept: 'server'` the contact list, and who may see us, are on the XCAP server; else the list is kept here. */
export const sipFixture = (transport: Transport, kept: 'server' | 'local' = 'local'): Fixture => {
  const { host, ports, xcapRoot } = campus();
  const server = { host, port: transport === 'tls' ? ports.sips : ports.sip };
  return {
    protocol: sip,
    abilities: {
      keepsTexts: true,
      contacts: kept,
      asksToSee: kept === 'server',
      rules: kept === 'server',
      files: 'asked',
    },
    server: { control: kamailio, ...server, stream: transport !== 'udp', certificate: transport === 'tls' },
    settings: (name) => ({
      address: user(name).sip,
      server,
      transport,
      certificateAuthorities: [campusAuthority().toString()],
      options: kept === 'server' ? { xcapRoot } : {},
    }),
    password: (name) => user(name).password,
    nobody: 'sip:nobody@campus.test',
    logOutEverywhere,
  };
};
