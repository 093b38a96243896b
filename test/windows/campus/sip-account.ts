import type { CampusDescription } from '../../../campus/campus.mjs';
import { signIn } from '../people.ts';
import type { Program } from '../program.ts';

/** First start with the SIP account of alice, bob, carol, dave or erin; its certificate is asked about next. */
export const signInSip = (program: Program, campus: CampusDescription, name: string): Promise<void> =>
  signIn(program, {
    protocol: 'SIP',
    server: campus.host,
    port: campus.ports.sips,
    transport: 'TLS',
    address: `${name}@campus.test`,
    password: `pw-${name}`,
  });

/** Says yes to the certificate, and is in. */
export async function trustServer({ page, words }: Program): Promise<void> {
  await page.getByRole('button', { name: words.certificate.trust }).click();
  await page.getByRole('region', { name: words.regions.list }).waitFor();
}

/** Kamailio's relay as the field takes it: TLS is checked against the name, which no DNS knows here. */
export const relayOf = ({ host, ports }: CampusDescription): string => `msrp://${host}:${ports.msrp};tcp`;
