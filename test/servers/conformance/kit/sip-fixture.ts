import type { AccountSettings } from '../../../../protocols/contract/index.ts';
import { sip } from '../../../../protocols/sip/index.ts';
import { campus, campusAuthority, kamailio, user } from '../../campus.ts';
import { logOutEverywhere, type Transport } from '../../sip/kit.ts';
import type { Fixture } from './fixture.ts';

/** SIP at the campus. Without an XCAP root the contact list is kept here. */
export const sipFixture = (transport: Transport, xcapRoot?: string): Fixture => {
  const { host, ports } = campus();
  const server = { host, port: transport === 'tls' ? ports.sips : ports.sip };
  const options: AccountSettings['options'] = xcapRoot === undefined ? {} : { xcapRoot };
  return {
    protocol: sip,
    abilities: {
      keepsTexts: true,
      contacts: xcapRoot === undefined ? 'local' : 'server',
      asksToSee: false,
      files: 'asked',
    },
    server: { control: kamailio, ...server, stream: transport !== 'udp', certificate: transport === 'tls' },
    settings: (name) => ({
      address: user(name).sip,
      server,
      transport,
      certificateAuthorities: [campusAuthority().toString()],
      options,
    }),
    password: (name) => user(name).password,
    nobody: 'sip:nobody@campus.test',
    logOutEverywhere,
  };
};
