import { isIP } from 'node:net';
import { MsrpError, type RelayOptions, type RelayTrust } from '../../../msrp/index.ts';
import { ProviderError } from '../../contract/index.ts';
import { orderByWeight, type Resolver } from '../locating/server-locator.ts';

/** The relay of an account as a person or a policy wrote it down. */
export interface RelayAddress {
  /** Lower case; an IPv6 address without brackets. */
  host: string;
  /** Undefined: DNS knows (RFC 4976 §8.1 by SRV), or the default port. */
  port: number | undefined;
  /** False only where `msrp:` was written: a relay without TLS, for closed networks. */
  secure: boolean;
}

/** What an account needs to have its sessions relayed (RFC 4976). */
export interface RelayAccount {
  /** Where the relay may be found, best first; empty when the name leads nowhere. Rejects when DNS does not work. */
  locate(): Promise<readonly { uri: string; trust: RelayTrust }[]>;
  /** Name and password at the relay, and which of its challenges they are for; undefined when no password is kept. */
  credentials(): Promise<Pick<RelayOptions, 'username' | 'password' | 'mayAnswer' | 'onGranted'> | undefined>;
}

/** RFC 4975 §15.4. */
const DEFAULT_PORT = 2855;

/**
 * Reads `relay.example.org`, `relay.example.org:2855`, `[2001:db8::1]:2855` or a URI such as
 * `msrps://relay.example.org:2855;tcp`. Undefined: it is none of these.
 */
export function parseRelay(text: string): RelayAddress | undefined {
  const match = /^(?:(msrps?):\/\/)?(?:\[([\da-f:.]+)\]|([\w-]+(?:\.[\w-]+)*\.?))(?::(\d{1,5}))?\/?(?:;tcp)?$/i.exec(
    text.trim(),
  );
  if (!match) return undefined;
  const [, scheme, bracketed, name, portText] = match;
  const host = (bracketed ?? name ?? '').toLowerCase();
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port === 0 || port > 65_535)) return undefined;
  if (bracketed !== undefined && isIP(bracketed) !== 6) return undefined;
  return { host, port, secure: scheme?.toLowerCase() !== 'msrp' };
}

/**
 * The places of a relay, best first. RFC 4976 §8.1: a port that was given holds; else SRV records of the name decide, and
 * without any the default port. The certificate has to be for the name that was written down, whatever DNS says (§9.2).
 */
export async function locateRelay(
  { host, port, secure }: RelayAddress,
  certificateAuthorities: readonly string[],
  resolver: Pick<Resolver, 'srv'>,
  random: () => number,
): Promise<{ uri: string; trust: RelayTrust }[]> {
  const trust: RelayTrust = { ca: certificateAuthorities, serverName: host, allowTcp: !secure };
  const place = (name: string, at: number) => ({
    uri: `${secure ? 'msrps' : 'msrp'}://${isIP(name) === 6 ? `[${name}]` : name}:${at};tcp`,
    trust,
  });
  if (port !== undefined || isIP(host)) return [place(host, port ?? DEFAULT_PORT)];
  const records = await resolver.srv(`_${secure ? 'msrps' : 'msrp'}._tcp.${host}`);
  // RFC 2782: a lone "." says the service is decidedly not there
  const usable = records.filter((record) => record.name !== '' && record.name !== '.');
  if (records.length > 0) return orderByWeight(usable, random).map((record) => place(record.name, record.port));
  return [place(host, DEFAULT_PORT)];
}

/** What a relay refused for good; undefined: it is away, and the direct way may be tried. */
export function relayRefusal(error: unknown): ProviderError | undefined {
  switch (error instanceof MsrpError ? error.code : undefined) {
    case 'relay-denied':
      return new ProviderError('credentials-rejected', { protocolCode: 'relay', cause: error });
    case 'tls-untrusted':
    case 'fingerprint-mismatch':
      return new ProviderError('tls-untrusted', { protocolCode: 'relay', cause: error });
    default:
      return undefined;
  }
}
